"""A party's word that terms end: a signed note that names the pair, so that it cannot be used for another.

    caveat-end/v1
    institutional-use@2
    sha256:e46ed50b...
    The talks have failed.

    — example-labs.sample M72LiM...

Either party may end terms alone; nobody else can.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.note import open_note, sign_note
from caveat.terms.document import Terms

FIRST = "caveat-end/v1"
MOST_REASON = 500


class Ending(Struct, frozen=True):
    """Who ended which pair, and why.  It exists only once the signature was checked."""

    role: str
    key: str
    digest: str
    reason: str


def sign_ending(terms: Terms, key: SigningKey, reason: str) -> bytes:
    """The note.  Raises BadInput for a reason of more than one line."""
    if "\n" in reason or not 0 < len(reason) <= MOST_REASON:
        raise BadInput(f"expected a reason of one line, at most {MOST_REASON} characters")
    return sign_note(f"{FIRST}\n{terms.draft.name}\n{terms.digest}\n{reason}\n".encode(), [key])


def open_ending(raw: bytes, trust: Mapping[str, Sequence[VerifyKey]]) -> Ending:
    """What the note says.  Raises NotVerified unless a trusted key of either party signed it."""
    opened = open_note(raw, [key for keys in trust.values() for key in keys])
    lines = opened.text.decode().split("\n")
    if len(lines) != 5 or lines[0] != FIRST:
        raise NotVerified(f"expected a note that begins with `{FIRST}`", step="terms")
    for role, keys in trust.items():
        for key in keys:
            if opened.signed_by(key):
                return Ending(role, key.name, lines[2], lines[3])
    raise NotVerified("neither party has signed this ending", step="terms")
