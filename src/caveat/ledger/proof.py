"""Inclusion and consistency proofs: made from a tree's hashes, verified from nothing but numbers and hashes.

RFC 9162 section 2.1.3 and 2.1.4; subtrees as in draft-ietf-plants-merkle-tree-certs section 4 (a consistency proof from
size m is the one for the subtree [0, m), so one verifier serves both).

Rules: a verifier checks its numbers first, then every length, and raises NotVerified for whatever does not fit; a hash is
32 bytes; nothing is proved from the empty tree (a witness's `old 0` is its own matter, not a proof).
"""

from collections.abc import Callable, Sequence

from caveat.errors import NotVerified
from caveat.ledger.tree import HASH_BYTES, is_subtree, node_hash, split

HashOf = Callable[[int, int], bytes]
"""`hash_of(start, end)`: the root over the leaves [start, end) of the tree, 0 <= start < end <= size."""


def verify_inclusion(index: int, size: int, leaf_hash: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the proof (lowest sibling first) leads from the leaf hash at `index` to the root.

    0 <= index < size.  Raises NotVerified.
    """
    if not 0 <= index < size:
        raise _no("inclusion", f"expected an index below the size {size}, got {index}")
    _check_hashes("inclusion", (leaf_hash, root, *proof))
    at, last, digest = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise _no("inclusion", "the proof is too long")
        if at & 1 or at == last:
            digest = node_hash(sibling, digest)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise _no("inclusion", "the proof is too short")
    if digest != root:
        raise _no("inclusion", "the proof leads to another root")


def verify_subtree_inclusion(
    index: int, subtree: tuple[int, int], leaf_hash: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """The same for a subtree [start, end), start <= index < end, whose root is `root`."""
    start, end = subtree
    if not is_subtree(start, end):
        raise _no("inclusion", f"[{start}, {end}) is not a subtree")
    verify_inclusion(index - start, end - start, leaf_hash, root, proof)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the tree of `new` leaves begins with all of the tree of `old`.  0 < old <= new.  Raises NotVerified."""
    verify_subtree_consistency((0, old), new, old_root, new_root, proof)


def verify_subtree_consistency(
    subtree: tuple[int, int], size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Return if the tree of `size` leaves holds, at [start, end), the subtree of that root.  0 <= start < end <= size."""
    start, end = subtree
    if not is_subtree(start, end) or end > size:
        raise _no("consistency", f"[{start}, {end}) is not a subtree of a tree of {size}")
    _check_hashes("consistency", (subtree_root, root, *proof))
    first, last, edge = start, end - 1, size - 1
    while first != last and (last & 1 or last == edge):
        first, last, edge = first >> 1, last >> 1, edge >> 1
    rest = list(proof)
    if first == last:
        inner = outer = subtree_root
    elif rest:
        inner = outer = rest.pop(0)
    else:
        raise _no("consistency", "the proof is too short")
    inner, outer = _climb((first, last, edge), inner, outer, rest)
    if inner != subtree_root:
        raise _no("consistency", "the proof leads to another old root")
    if outer != root:
        raise _no("consistency", "the proof leads to another new root")


def _climb(place: tuple[int, int, int], inner: bytes, outer: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots that the rest of the proof leads to: the subtree's and the tree's."""
    first, last, edge = place
    for sibling in proof:
        if edge == 0:
            raise _no("consistency", "the proof is too long")
        if last & 1 or last == edge:
            if first < last:
                inner = node_hash(sibling, inner)
            outer = node_hash(sibling, outer)
            while not last & 1 and last:
                first, last, edge = first >> 1, last >> 1, edge >> 1
        else:
            outer = node_hash(outer, sibling)
        first, last, edge = first >> 1, last >> 1, edge >> 1
    if edge != 0:
        raise _no("consistency", "the proof is too short")
    return inner, outer


def prove_inclusion(hash_of: HashOf, index: int, size: int) -> list[bytes]:
    """The siblings on the way from the leaf at `index` up to the root, lowest first.  0 <= index < size."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(hash_of(middle, end))
            end = middle
        else:
            path.append(hash_of(start, middle))
            start = middle
    return path[::-1]


def prove_consistency(hash_of: HashOf, old: int, new: int) -> list[bytes]:
    """What shows that the tree of `new` leaves begins with the tree of `old`.  0 < old <= new."""
    path: list[bytes] = []
    start, end = 0, new
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(hash_of(middle, end))
            end = middle
        else:
            path.append(hash_of(start, middle))
            start = middle
    if start:
        path.append(hash_of(start, end))
    return path[::-1]


def _check_hashes(step: str, hashes: Sequence[bytes]) -> None:
    if any(len(digest) != HASH_BYTES for digest in hashes):
        raise _no(step, f"expected hashes of {HASH_BYTES} bytes")


def _no(step: str, why: str) -> NotVerified:
    return NotVerified(why, step=step)
