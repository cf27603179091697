"""Checkpoints (c2sp.org/tlog-checkpoint): a log's signed word on its size and root.

    example.com/log                                   origin: the log's name, and the name of its keys
    3                                                 size, decimal
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=       root
                                                      empty line
    — example.com/log M9e0lvAQRtH832pk2RTbeSeZ...     Ed25519 over the text (0x01)
    — example.com/log 3q2+7wAAAABqsgY...              ML-DSA-44 over the tree head and the time (0x06)

Rules: a log signs with both of its keys; whoever names several keys of one log wants a signature by each.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from caveat.errors import BadInput, NotVerified
from caveat.keys import KeyKind, SigningKey, VerifyKey, new_signing_key
from caveat.note import TreeHead, open_note, read_tree_head, sign_note


class LogKeys(Struct, frozen=True):
    """A log's two signing keys.  Both bear the origin as their name."""

    plain: SigningKey
    lattice: SigningKey

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.plain.name

    @property
    def signing(self) -> tuple[SigningKey, SigningKey]:
        """In the order in which their lines stand."""
        return self.plain, self.lattice

    @property
    def verify_keys(self) -> tuple[VerifyKey, VerifyKey]:
        """What an outsider must hold to check the log's word."""
        return self.plain.verify_key, self.lattice.verify_key


def new_log_keys(origin: str) -> LogKeys:
    """Fresh keys for a log of that name."""
    return LogKeys(new_signing_key(origin), new_signing_key(origin, KeyKind.COSIGN_MLDSA))


def log_keys(keys: Sequence[SigningKey]) -> LogKeys:
    """A log's keys from the two that were read from files, in any order.  Raises BadInput if they are not one log's."""
    by_kind = {key.kind: key for key in keys}
    if set(by_kind) != {KeyKind.NOTE, KeyKind.COSIGN_MLDSA} or len(keys) != 2 or keys[0].name != keys[1].name:
        raise BadInput("expected two log keys of one name, one of type 1 (Ed25519) and one of type 6 (ML-DSA-44)")
    return LogKeys(by_kind[KeyKind.NOTE], by_kind[KeyKind.COSIGN_MLDSA])


def sign_checkpoint(head: TreeHead, keys: LogKeys, at_s: int) -> bytes:
    """The signed note.  `at_s`: POSIX seconds at which this was the largest tree; 0 < at_s."""
    return sign_note(head.text, keys.signing, at_s)


def open_checkpoint(raw: bytes, keys: Iterable[VerifyKey], origin: str) -> TreeHead:
    """What the log says, once all of these keys of it signed.  Raises NotVerified, for another log's name too."""
    wanted = tuple(keys)
    note = open_note(raw, wanted)
    for key in wanted:
        if not note.signed_by(key):
            raise NotVerified(f"the checkpoint lacks the signature by `{key.name}+{key.id.hex()}`", step="checkpoint")
    head = read_tree_head(note.text)
    if head.origin != origin:
        raise NotVerified(f"expected a checkpoint of `{origin}`, got one of `{head.origin}`", step="checkpoint")
    return head
