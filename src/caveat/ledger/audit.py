"""Recomputing a tree from its bytes: entries to leaf hashes to tiles to the tiles above, and to the root.

The writer audits all that it wrote before it signs (since: the last signed size); fsck audits all there is (since: 0).
Both read by the code that any reader uses.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from caveat.errors import NotVerified
from caveat.ledger.tiles import TILE_WIDTH, TreeReader, bundle_path, hashes_in, tile_path, width_at
from caveat.ledger.tree import HASH_BYTES, fold, leaf_hash


class Finding(Struct, frozen=True):
    """What is wrong, in which file, at which index (of an entry, None where it concerns the file)."""

    path: str
    index: int | None
    what: str


def audit(tree: TreeReader, since: int = 0, breathe: Callable[[], None] = lambda: None) -> Iterator[Finding]:
    """What does not fit in the part of the tree that holds the entries from index `since` on.

    `breathe` is called every 256 entries: a thread that audits beside others lets them run there.
    """
    for n in range(since // TILE_WIDTH, -(-tree.size // TILE_WIDTH)):
        yield from _audit_bundle(tree, n)
        breathe()
    level = 0
    while tree.size >> 8 * (level + 1):
        for n in range(since >> 8 * (level + 1), tree.size >> 8 * (level + 1)):
            yield from _audit_tile(tree, level, n)
        level += 1


def _audit_bundle(tree: TreeReader, n: int) -> Iterator[Finding]:
    """Do the entries hash to the tile beside them?"""
    try:
        hashes = [leaf_hash(leaf) for leaf in tree.bundle(n)]
        tile = hashes_in(tree.tile(0, n))
    except NotVerified as error:
        yield Finding(bundle_path(n, width_at(tree.size, 0, n)), n * TILE_WIDTH, error.message)
        return
    for i, (ours, theirs) in enumerate(zip(hashes, tile, strict=True)):
        if ours != theirs:
            index = n * TILE_WIDTH + i
            yield Finding(bundle_path(n, len(tile)), index, f"entry {index} does not have the hash that its tile holds")


def _audit_tile(tree: TreeReader, level: int, n: int) -> Iterator[Finding]:
    """Does a full tile fold to the hash in the tile above?"""
    path = tile_path(level, n)
    try:
        ours = fold(hashes_in(tree.tile(level, n)))
        above = tree.tile(level + 1, n // TILE_WIDTH)
    except NotVerified as error:
        yield Finding(path, None, error.message)
        return
    at = n % TILE_WIDTH * HASH_BYTES
    if ours != above[at : at + HASH_BYTES]:
        yield Finding(path, None, "its hashes do not make up the hash in the tile above")
