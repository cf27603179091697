"""The Merkle tree of RFC 6962 section 2.1 (= RFC 9162 section 2.1) over SHA-256.

leaf hash = SHA-256(0x00 || entry); node = SHA-256(0x01 || left || right); the empty tree's root is SHA-256("").  A tree of
n > 1 leaves splits at the largest power of two below n, which is the same as joining neighbours level by level and
carrying an odd last one up unchanged: so `fold` does it.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash that stands for an entry."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash that stands for two neighbouring subtrees."""
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over subtrees of one size in order (the last may be smaller); over none, the empty tree's root."""
    if not hashes:
        return EMPTY_ROOT
    level = hashes
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        joined = [sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*joined, *odd]
    return level[0]


def split(size: int) -> int:
    """The largest power of two strictly below `size`, size > 1: how many leaves the left subtree has."""
    return 1 << (size - 1).bit_length() - 1


def is_subtree(start: int, end: int) -> bool:
    """Whether [start, end) is a subtree that proofs may name: not empty, start a multiple of the smallest power of two
    not below its length (draft-ietf-plants-merkle-tree-certs section 4.1)."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


class Frontier:
    """A tree that grows at its right end and remembers only the roots of its full subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def add(self, hashes: Iterable[bytes]) -> None:
        """Append leaf hashes."""
        for digest in hashes:
            self.size += 1
            self._roots.append(digest)
            for _ in range((self.size & -self.size).bit_length() - 1):
                right = self._roots.pop()
                self._roots[-1] = node_hash(self._roots[-1], right)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root
