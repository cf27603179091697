"""The vendor's word that terms go on: a signed note of a few hundred bytes that names the pair.

    caveat-renewal/v1
    institutional-use@2
    sha256:e46ed50b...
    issued 2026-11-26T15:40:00Z
    until 2027-06-30T00:00:00Z
    calls 250000

    — example-labs.sample M72LiM...

`until` and `calls` say `-` where there is none.  `calls` counts from the first call under the pair, not from the renewal,
so that nobody has to know how many were made.  Of two renewals the one issued later holds, and an older one is refused.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.note import open_note, sign_note
from caveat.terms.document import Terms
from caveat.terms.lease import FOREVER, Lease
from caveat.terms.moment import moment_ms, moment_text

FIRST = "caveat-renewal/v1"
MAKE = "the vendor makes one with `caveat terms renew FILE --key KEY --until DAY --out RENEWAL`"
STEP = "renewal"
COUNT = re.compile(r"[1-9][0-9]{0,14}")


class Renewal(Struct, frozen=True):
    """What the vendor signed.  It exists only once the signature was checked."""

    name: str
    digest: str
    issued_ms: int
    until_ms: int
    calls: int
    key: str = ""

    @property
    def lease(self) -> Lease:
        """The lease that it makes."""
        return Lease(self.until_ms, self.calls, self.issued_ms)


def sign_renewal(terms: Terms, *keys: SigningKey, issued_ms: int, until_ms: int, calls: int) -> bytes:
    """The note.  Raises BadInput where it would renew nothing, or terms that have no lease."""
    if terms.draft.lease is None:
        raise BadInput(
            f"the terms `{terms.draft.name}` have no lease, so there is nothing to renew",
            hint="a `lease:` block in the next version gives them one",
        )
    if until_ms == FOREVER and calls == FOREVER:
        raise BadInput("a renewal names a day (`--until`), a count (`--calls`), or both")
    if until_ms <= issued_ms:
        raise BadInput("the renewal would have lapsed before it is signed: its day lies in the past")
    lines = [FIRST, terms.draft.name, terms.digest, f"issued {moment_text(issued_ms)}"]
    lines += [f"until {_shown(until_ms, moment_text)}", f"calls {_shown(calls, str)}"]
    return sign_note("".join(f"{line}\n" for line in lines).encode(), keys)


def open_renewal(raw: bytes, trust: Mapping[str, Sequence[VerifyKey]], least: int = 1) -> Renewal:
    """What the note says.  Raises NotVerified unless so many trusted keys of the vendor signed it."""
    vendors = trust.get("vendor", ())
    opened = open_note(raw, [key for keys in trust.values() for key in keys])
    signers = [key for key in vendors if opened.signed_by(key)]
    if not signers:
        raise _no("the renewal is not signed by the vendor: only the vendor renews a lease")
    if len(signers) < least:
        raise _no(
            f"{len(signers)} keys of the vendor have signed this renewal, and it takes {least}",
            hint="the vendor makes it again, with `--key` once for each key",
        )
    renewal = read_renewal(opened.text)
    return Renewal(renewal.name, renewal.digest, renewal.issued_ms, renewal.until_ms, renewal.calls, signers[0].name)


def read_renewal(text: bytes) -> Renewal:
    """What a renewal's text says, whoever signed it.  Raises NotVerified."""
    lines = text.decode().split("\n")
    if len(lines) != 7 or lines[0] != FIRST or lines[6]:
        raise _no(f"this is no renewal: expected six lines that begin with `{FIRST}`", hint=MAKE)
    values = [line.partition(" ") for line in lines[3:6]]
    if [name for name, _, _ in values] != ["issued", "until", "calls"]:
        raise _no("this is no renewal: expected the lines `issued`, `until` and `calls`", hint=MAKE)
    issued, until, calls = (value for _, _, value in values)
    if calls != "-" and not COUNT.fullmatch(calls):
        raise _no(f"this renewal cannot be read: `{calls[:40]}` is no count", hint=MAKE)
    try:
        times = moment_ms(issued), FOREVER if until == "-" else moment_ms(until)
    except BadInput as error:
        raise _no(f"this renewal cannot be read: {error.message}", hint=MAKE) from None
    return Renewal(lines[1], lines[2], *times, FOREVER if calls == "-" else int(calls))


def _shown(value: int, text: Callable[[int], str]) -> str:
    return "-" if value >= FOREVER else text(value)


def _no(why: str, hint: str = "") -> NotVerified:
    return NotVerified(why, step=STEP, hint=hint)
