"""The newest checkpoint of the gateway's log that the seal has seen: a memory that a restored backup does not have.

The gateway hands checkpoints in as to a C2SP witness (c2sp.org/tlog-witness, the body of `add-checkpoint`):

    old 41
    <base64 of 32 bytes>          0 to 63 lines: the consistency proof from 41
                                  empty line
    <checkpoint, a signed note>

Rules of this file: the log's keys must have signed; the new tree must begin with the whole of the one before; the largest
is durable before it is believed, and a smaller or another one of the same size is refused for ever; a permit names one
that is known here and was the newest at most a minute ago.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from caveat.canon import b64, unb64
from caveat.errors import BadInput, NotVerified, Refused, Unavailable
from caveat.keys import VerifyKey
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.proof import verify_consistency
from caveat.note import TreeHead
from caveat.seal.permit import LIFE_S, NO_RECORDS, refused

MOST_BODY: Final = 65_536
MOST_HASHES: Final = 63


class Newest:
    """The largest checkpoint, kept in a file.  `keys` are the log's, at least one: all of them must have signed."""

    def __init__(self, path: Path, keys: Sequence[VerifyKey]) -> None:
        """Raises NotVerified where the file does not hold what these keys signed."""
        self._path = path
        self._keys = tuple(keys)
        self._head: TreeHead | None = None
        self._until: dict[str, float] = {}
        if path.exists():
            self._head = self._opened(path.read_bytes())

    @property
    def size(self) -> int:
        """Records of the largest tree seen, 0 before the first."""
        return self._head.size if self._head else 0

    def check_named(self, claim: str, now_s: float) -> None:
        """Return if a permit may name this checkpoint.  Raises Refused `permit_checkpoint`."""
        if claim == self._claim(self._head):
            return
        if self._until.get(claim, 0.0) > now_s:
            return
        raise refused(
            "permit_checkpoint",
            f"the permit names another log, or an older state of it, than the {self.size} records seen here",
            hint="a gateway that was restored from a backup issues no more permits here",
        )

    def take(self, body: bytes, now_s: float) -> int:
        """Make a larger checkpoint the newest; its size.  Raises BadInput, NotVerified, Unavailable, and Refused with
        status 409 where `old` is not the size known here."""
        old, proof, note = _read(body)
        head = self._opened(note)
        before = self._head
        if old != self.size:
            raise Refused(str(self.size), code="checkpoint_old", status=409)
        if head.size < self.size or (before and head.size == before.size and head.root != before.root):
            raise NotVerified("the log shows another history than it did before", step="checkpoint")
        if before and before.size and head.size > before.size:
            verify_consistency(before.size, head.size, before.root, head.root, proof)
        if before is None or head.size > before.size:
            _replace(self._path, note)
            self._until = {claim: end for claim, end in self._until.items() if end > now_s}
            self._until[self._claim(before)] = now_s + LIFE_S
            self._head = head
        return head.size

    def _opened(self, note: bytes) -> TreeHead:
        return open_checkpoint(note, self._keys, self._keys[0].name)

    @staticmethod
    def _claim(head: TreeHead | None) -> str:
        return claim_of(head.size, head.root) if head and head.size else NO_RECORDS


def claim_of(size: int, root: bytes) -> str:
    """A checkpoint as a permit names it."""
    return f"{size} {b64(root)}" if size else NO_RECORDS


def add_checkpoint(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body that hands a checkpoint in."""
    return "\n".join([f"old {old}", *map(b64, proof), "", ""]).encode() + note


def _read(body: bytes) -> tuple[int, tuple[bytes, ...], bytes]:
    head, gap, note = body[:MOST_BODY].partition(b"\n\n")
    first, *lines = head.decode("ascii", "replace").split("\n")
    number = first.removeprefix("old ")
    if not gap or not first.startswith("old ") or not number.isdecimal() or len(number) > 15:
        raise BadInput("expected `old`, a size, a proof and a checkpoint")
    if len(lines) > MOST_HASHES:
        raise BadInput(f"expected at most {MOST_HASHES} hashes")
    return int(number), tuple(unb64(line) for line in lines), note


def _replace(path: Path, data: bytes) -> None:
    """Durably, whole or not at all.  A crash leaves the old or the new."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unavailable(f"the seal cannot write `{path}`: {error.strerror}") from None
