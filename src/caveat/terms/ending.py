"""A party's word that terms end: a signed note that names the pair, so that it cannot be used for another.

    caveat-end/v1
    institutional-use@2
    sha256:e46ed50b...
    The talks have failed.
    ends 2026-12-31T00:00:00Z

    — example-labs.sample M72LiM...

The last line is there only where the party gives notice; without it the terms end when the note is imported.  Either
party may end terms alone; nobody else can.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.note import open_note, sign_note
from caveat.terms.document import Terms
from caveat.terms.moment import moment_ms, moment_text

FIRST = "caveat-end/v1"
MOST_REASON = 500


class Ending(Struct, frozen=True):
    """Who ended which pair, why, and when: 0 for at once.  It exists only once the signature was checked."""

    role: str
    key: str
    digest: str
    reason: str
    ends_ms: int = 0


def sign_ending(terms: Terms, key: SigningKey, reason: str, ends_ms: int = 0) -> bytes:
    """The note.  Raises BadInput for a reason of more than one line."""
    if "\n" in reason or not 0 < len(reason) <= MOST_REASON:
        raise BadInput(f"expected a reason of one line, at most {MOST_REASON} characters")
    last = f"ends {moment_text(ends_ms)}\n" if ends_ms else ""
    return sign_note(f"{FIRST}\n{terms.draft.name}\n{terms.digest}\n{reason}\n{last}".encode(), [key])


def open_ending(raw: bytes, trust: Mapping[str, Sequence[VerifyKey]]) -> Ending:
    """What the note says.  Raises NotVerified unless a trusted key of either party signed it."""
    opened = open_note(raw, [key for keys in trust.values() for key in keys])
    lines = opened.text.decode().split("\n")
    if len(lines) not in (5, 6) or lines[0] != FIRST:
        raise NotVerified(f"expected a note that begins with `{FIRST}`", step="terms")
    ends_ms = _ends(lines[4]) if len(lines) == 6 else 0
    for role, keys in trust.items():
        for key in keys:
            if opened.signed_by(key):
                return Ending(role, key.name, lines[2], lines[3], ends_ms)
    raise NotVerified("neither party has signed this ending", step="terms")


def _ends(line: str) -> int:
    name, _, time = line.partition(" ")
    try:
        at_ms = moment_ms(time)
    except BadInput as error:
        raise NotVerified(f"this ending cannot be read: {error.message}", step="terms") from None
    if name != "ends":
        raise NotVerified("this ending cannot be read: expected `ends` and a time", step="terms")
    return at_ms
