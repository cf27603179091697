"""What is done with what is kept, and told: notes for the vendor (duty `notify.vendor`), and what was destroyed in the vault
(duty `retain.days`, holds that lapsed).  Neither changes anything that is in force.

    vendor.notified     id of the call; document: a note for its vendor, signed with the log's key (DSSE) over

    {"at_ms": 1795351642000, "call": "<32 hex>", "clauses": ["people.told"], "ending": "completed", "index": 17,
     "log": "example.org/caveat/gw1", "terms": "sha256:<pair>", "v": 1}

    bodies.destroyed    how many; document: which, `{"v": 1, "bodies": [["<call>", "request"], ...]}`

Rule of this file: a note says which clause asked for it, and nothing of what was said.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical
from caveat.dsse import Kind, Sealed, check, key_id, read, seal
from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.record import Leaf
from caveat.register.values import Register, no

KIND = Kind(
    "application/vnd.caveat.notice+json",
    "a note for the vendor",
    "notice",
    1 << 16,
    "`caveat ledger notices` shows them",
)
Call = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """A note for the vendor: one call under one pair of terms, and the clauses that want the vendor told."""

    v: Literal[1]
    call: Call
    clauses: Annotated[tuple[str, ...], Meta(min_length=1)]
    terms: str
    ending: str
    log: str
    index: int
    at_ms: int


class Destroyed(Struct, frozen=True, forbid_unknown_fields=True):
    """What left the vault for good: call and which body of it."""

    v: Literal[1]
    bodies: tuple[tuple[str, str], ...]


def write_notice(notice: Notice, log: SigningKey) -> bytes:
    """The signed note."""
    return seal(KIND, canonical(msgspec.to_builtins(notice)), [log])


def read_notice(document: bytes) -> tuple[Notice, Sealed]:
    """What a note claims.  Raises NotVerified."""
    sealed = read(KIND, document)
    try:
        notice = msgspec.json.decode(sealed.payload, type=Notice)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotVerified("a note for the vendor cannot be read", step="notice") from None
    if canonical(msgspec.to_builtins(notice)) != sealed.payload:
        raise NotVerified("a note for the vendor is not in canonical form", step="notice")
    return notice, sealed


def check_notice(sealed: Sealed, keys: tuple[VerifyKey, ...]) -> None:
    """Return if one of the log's keys signed it.  Raises NotVerified."""
    for key in keys:
        for sig in sealed.signatures:
            if sig.keyid == key_id(key):
                check(KIND, sealed, sig, key)
                return
    raise NotVerified("a note for the vendor is not signed by the log", step="notice")


def write_destroyed(bodies: tuple[tuple[str, str], ...]) -> bytes:
    """The control document of what was destroyed."""
    return canonical(msgspec.to_builtins(Destroyed(1, bodies)))


def _notified(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    notice, _ = read_notice(document)
    if notice.call != leaf.id:
        raise no(f"record {index} tells the vendor of another call than its note")
    return after


def _destroyed(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    try:
        gone = msgspec.json.decode(document, type=Destroyed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise no(f"record {index} does not say what was destroyed") from None
    if str(len(gone.bodies)) != leaf.id:
        raise no(f"record {index} says that `{leaf.id}` bodies were destroyed, its document {len(gone.bodies)}")
    return after


EFFECTS = {"vendor.notified": _notified, "bodies.destroyed": _destroyed}
