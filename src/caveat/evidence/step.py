"""A step of a verification: its number, what it proves, and the function that takes it.

Rules of this file: a step knows the case and nothing of other steps; what it finds goes to `case.findings` under its own
number; a step that looks at every record brings a `Watch`, which sees each record once, in order, while step 4 walks.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from caveat.errors import BadInput, NotVerified
from caveat.evidence.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from caveat.evidence.bundle import Bundle
    from caveat.evidence.mirror import Mirror
    from caveat.evidence.report import Findings
    from caveat.evidence.trust import Trust
    from caveat.evidence.walk import Walk
    from caveat.keys import VerifyKey
    from caveat.note import TreeHead


class Ended(Exception):
    """Nothing behind the step that failed can be believed."""


class Case:
    """What one verification has before it; a step fills in what later ones need.

    file, trust, last      the bundle's file, whose keys count, the verifier's newest checkpoint (b"" for none)
    tickets                promises of the log that callers were given
    processes              how many read the records (pool.py), None: as many as it is worth
    bundle, keys           from step 1 on: the bundle, and the keys that the trust file names for its log
    head                   from step 2 on
    mirror                 from step 3 on: the tree, every tile checked on the way to the root
    walk                   from step 4 on: sums and history of the records walked
    after_file, after      the bundle before in a sequence, None where none was given; opened
    follows                once the sequence is checked: whether every record up to this bundle's end was shown
    watches                by a step's number: what it brought to look at every record
    """

    bundle: "Bundle"
    keys: "tuple[VerifyKey, ...]"
    head: "TreeHead"
    mirror: "Mirror"
    walk: "Walk"

    def __init__(  # noqa: PLR0913, PLR0917 - what one verification has before it
        self,
        file: BinaryIO,
        trust: "Trust",
        last: bytes,
        findings: "Findings",
        after: BinaryIO | None = None,
        tickets: tuple[bytes, ...] = (),
        processes: int | None = 1,
    ) -> None:
        self.file = file
        self.trust = trust
        self.last = last
        self.findings = findings
        self.after_file = after
        self.tickets = tickets
        self.processes = processes
        self.after: Bundle | None = None
        self.follows = False
        self.watches: dict[int, Watch] = {}

    @contextmanager
    def ending(self, number: int) -> "Iterator[None]":
        """What fails in here fails the step, and ends the verification."""
        try:
            yield
        except (NotVerified, BadInput) as error:
            self.findings.fail(number, error.message)
            raise Ended from None


class Step(Struct, frozen=True):
    """One step.

    number   under which it is reported; never given to another step
    title    what it proves, one clause
    take     takes it
    needed   whether nothing is verified without it; otherwise it may stay unproved for want of something not given
    watch    makes what looks at every record, None where it needs none
    """

    number: int
    title: str
    take: Callable[[Case], None]
    needed: bool = False
    watch: Callable[[Case], Watch] | None = None


def span(start: int, to: int) -> str:
    """A range of records in words."""
    return f"{start} to {to - 1}" if start < to else "none"
