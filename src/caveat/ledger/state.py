"""The last head that this log has decided to sign: compared and swapped before every checkpoint, so that no two
inconsistent ones can come out of one directory.

`state` is a signed note by the log's Ed25519 key:

    caveat-state/v1
    example.com/log                                   origin
    3                                                 size
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=       root
    1790000000123                                     POSIX milliseconds, no entry up to here has a later time
"""

from typing import Final

from msgspec import Struct

from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.note import TreeHead, open_note, parse_note, read_tree_head, sign_note

_FIRST: Final = b"caveat-state/v1\n"


class State(Struct, frozen=True):
    """A tree head and the time up to which it reaches."""

    head: TreeHead
    at_ms: int


def encode_state(state: State, key: SigningKey) -> bytes:
    """The file's bytes."""
    return sign_note(_FIRST + state.head.text + f"{state.at_ms}\n".encode(), [key])


def open_state(raw: bytes, key: VerifyKey) -> State:
    """What the log decided.  Raises NotVerified unless that key signed it."""
    return _parse(open_note(raw, [key]).text)


def claimed_state(raw: bytes) -> State:
    """The same without a key: for readers that check what they read against a checkpoint later, or not at all."""
    return _parse(parse_note(raw).text)


def _parse(text: bytes) -> State:
    lines = text.split(b"\n")
    if not text.startswith(_FIRST) or len(lines) != 6 or not lines[4].isdigit() or len(lines[4]) > 16:
        raise NotVerified("the ledger's `state` is malformed", step="state")
    return State(read_tree_head(b"\n".join(lines[1:4]) + b"\n"), int(lines[4]))
