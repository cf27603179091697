"""Verifying a bundle: offline, with nothing but the bundle, a trust file and the last checkpoint that one holds.

The steps are a table (steps/table.py), a module each:

     1 whole         the files are those of its range, and the log's key signed its manifest
     2 checkpoint    signed by every key that the trust file names for the log, and cosigned by its quorum
     3 consistency   the tree begins with that of the last checkpoint
     4 records       entries and tiles lead to the checkpoint's root; on the way the walk (walk.py) looks at each record
     5 records       each entry of the range is a record
     6 register      the control records fold, their documents match their digests
     7 parties       both trusted parties signed the terms in force, and named the approvers of their side
     8 in force      each call names terms in force at its place; each waiver and approval that it uses was granted before it,
                     had not ended, covers its time, and has been used no more often than it may
     9 disclosures   each matches its commitment
    10 decisions     each follows from the claimed facts, decided again
    11 outcomes      each call has one, and it fits its decision
    12 sums          counted again
    13 meter         every call that a seal counted is on record once, and every call on record went through one
    16 sequence      it is the next one behind the bundle that the verifier had (taken behind step 5)
    20 times         no record bears a time long before that of one that stands before it
    21 promises      tickets that callers hold stand for the records that the log has
    22 recognizers   calls under terms that name a recognizer were read by it, by their records

Rules of this file: no key is taken from the bundle; nothing behind a step is looked at once 1, 2 or 4 has failed, for it
would be anybody's bytes; memory is bounded by a tile and the calls that are open at once.
"""

from contextlib import suppress
from typing import BinaryIO

from caveat.evidence.report import Findings, Report
from caveat.evidence.step import Case, Ended
from caveat.evidence.steps.table import NEEDED, STEPS, TITLES
from caveat.evidence.trust import Trust


def verify(  # noqa: PLR0913, PLR0917 - what one verification has before it
    file: BinaryIO,
    trust: Trust,
    last_checkpoint: bytes = b"",
    after: BinaryIO | None = None,
    tickets: tuple[bytes, ...] = (),
    processes: int | None = 1,
) -> Report:
    """What the bundle in a binary file (that can seek) proves to someone who trusts these keys.  Never raises for what
    is in the file.

    last_checkpoint   the newest checkpoint of this log that the verifier had before, b"" where there is none
    after             the bundle before in the receiver's sequence, None where there is none
    tickets           that callers were given, as they came
    processes         how many read the records; None: one a core, four at most, if there are enough of them to be worth it
    """
    return verify_case(Case(file, trust, last_checkpoint, Findings(TITLES, NEEDED), after, tickets, processes))


def verify_case(case: Case) -> Report:
    """The same for a case whose maker wants to look at it afterwards; what it put into `watches` looks on too."""
    case.watches |= {step.number: step.watch(case) for step in STEPS if step.watch}
    with suppress(Ended):
        for step in STEPS:
            step.take(case)
    bundle, walk = getattr(case, "bundle", None), getattr(case, "walk", None)
    return case.findings.report(bundle.manifest if bundle else None, walk.counts if walk else None)
