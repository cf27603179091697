"""A vendor's word that a repository stands in the place of the bare key which has signed its terms so far.

DSSE over the canonical JSON of a Move, signed with that key:

    {"party": "labs.example", "role": "vendor", "root": "sha256:<of the root's text>", "v": 1}

A root is public, and anybody could write a key's name into one; so the key itself must say that it is succeeded, and by
which root.  Rules of this file: pure; bytes are verified before they are parsed.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical, digest
from caveat.dsse import Kind, check, key_id, read, seal
from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey

STEP: Final = "repository"
KIND: Final = Kind(
    "application/vnd.caveat.party-move+json",
    "a party's move to its repository",
    STEP,
    1 << 16,
    "the holder of the old key makes one with `caveat party move`",
)


class Move(Struct, frozen=True, forbid_unknown_fields=True):
    """Which party's repository, by the digest of a root's text, stands in the place of the keys that sign this."""

    v: Literal[1]
    party: Annotated[str, Meta(min_length=1, max_length=200)]
    role: Literal["vendor"]
    root: Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]


def sign_move(party: str, root: str, keys: Sequence[SigningKey]) -> bytes:
    """The move to a party's repository, signed by the keys that it succeeds."""
    return seal(KIND, canonical(msgspec.to_builtins(Move(1, party, "vendor", digest(root.encode())))), keys)


def is_move(raw: bytes) -> bool:
    """Whether a document claims to be one; nothing in it is verified.  Raises nothing."""
    try:
        read(KIND, raw)
    except NotVerified:
        return False
    return True


def read_move(raw: bytes) -> Move:
    """What it says, never to decide from.  Raises NotVerified."""
    payload = read(KIND, raw).payload
    try:
        move = msgspec.json.decode(payload, type=Move)
        same = canonical(msgspec.to_builtins(move)) == payload
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotVerified(f"a party's move does not read as one: {error}", step=STEP) from None
    if not same:
        raise NotVerified("a party's move stands there in another form than the canonical one", step=STEP)
    return move


def open_move(raw: bytes, keys: Iterable[VerifyKey]) -> tuple[Move, frozenset[str]]:
    """The move, and the ids of those of the keys that have signed it, at least one.  Raises NotVerified."""
    sealed = read(KIND, raw)
    known = {key_id(key): key for key in keys}
    by = [sig for sig in sealed.signatures if sig.keyid in known]
    for sig in by:
        check(KIND, sealed, sig, known[sig.keyid])
    if not by:
        raise NotVerified("no key that this home trusts has signed this move", step=STEP, hint=KIND.hint)
    return read_move(raw), frozenset(sig.keyid for sig in by)
