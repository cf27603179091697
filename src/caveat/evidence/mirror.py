"""A sparse mirror of the log: the tiles that a range of records needs, and a reader that believes none of them before
they lead to the signed root.

The layout is c2sp.org/tlog-tiles, so any reader of that format can use the unzipped directory.  For a tree of `size`
leaves a mirror holds

- the unfinished tile of every level: they alone make up the root;
- for each wanted tile of leaves, the tiles above it up to an unfinished one;
- the same for the right edge of an earlier tree, whose root must come out of them too.

Rule of this file: `tile` returns hashes only after their fold was found in the tile above, and that one's in the one
above, up to the tiles that make up the root.
"""

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Protocol

from caveat.errors import NotVerified
from caveat.ledger.tiles import TILE_WIDTH, TreeReader, bundle_path, hashes_in, tile_path, width_at
from caveat.ledger.tree import EMPTY_ROOT, HASH_BYTES, fold, leaf_hash
from caveat.note import TreeHead

_CACHED: Final = 64

Place = tuple[int, int]
"""A tile: its level, 0 <= level <= 7, and its number."""


def tiles_needed(size: int, wanted: Iterable[int], earlier: int) -> set[Place]:
    """The tiles of a mirror.  `wanted`: numbers of leaf tiles, 256 n < size; 0 <= earlier <= size."""
    edge = {(level, n) for level, n in _edge(size) if width_at(size, level, n)}
    places = set(edge)
    for place in (*((0, n) for n in wanted), *_unfinished(earlier)):
        level, n = place
        while (level, n) not in places:
            places.add((level, n))
            level, n = level + 1, n // TILE_WIDTH
    return places


def tile_name(size: int, place: Place) -> str:
    """The file that a tile is in."""
    level, n = place
    return tile_path(level, n, width_at(size, level, n))


def entries_name(size: int, n: int) -> str:
    """The file that the entries from 256 n on are in."""
    return bundle_path(n, width_at(size, 0, n))


def leaf_tiles(start: int, to: int) -> range:
    """The leaf tiles that hold the records start <= index < to."""
    return range(start // TILE_WIDTH, -(-to // TILE_WIDTH)) if start < to else range(0)


def _edge(size: int) -> list[Place]:
    """The last tile of each level, which may be empty."""
    levels = range(-(-size.bit_length() // 8))
    return [(level, (size >> 8 * level) // TILE_WIDTH) for level in levels]


def _unfinished(size: int) -> list[Place]:
    return [(level, n) for level, n in _edge(size) if width_at(size, level, n)]


class Tiles(Protocol):
    """A tree's files, of which nothing is checked but their lengths; raises NotVerified for one that is missing."""

    def tile(self, level: int, n: int) -> bytes:
        """The hashes of a tile."""
        ...

    def bundle(self, n: int) -> list[bytes]:
        """The entries from 256 n on, as many as the tree has, 256 at most."""
        ...


class Mirror:
    """A tree that is known by its head alone, read through tiles that are checked on the way.

    Raises NotVerified where a tile is missing, has a wrong length, or does not lead to the root.
    """

    def __init__(self, tiles: Tiles, head: TreeHead) -> None:
        self._tiles = tiles
        self._known: OrderedDict[Place, bytes] = OrderedDict()
        self._edge = {(level, n): tiles.tile(level, n) for level, n in _unfinished(head.size)}
        if _root(head.size, self._edge) != head.root:
            raise NotVerified("the tiles at the tree's right edge do not make up the checkpoint's root", step="tiles")

    def tile(self, level: int, n: int) -> bytes:
        """The hashes of a tile, found to lead to the root."""
        place = (level, n)
        if place in self._edge:
            return self._edge[place]
        known = self._known.get(place)
        if known is None:
            known = self._tiles.tile(level, n)
            above = self.tile(level + 1, n // TILE_WIDTH)
            at = n % TILE_WIDTH * HASH_BYTES
            if fold(hashes_in(known)) != above[at : at + HASH_BYTES]:
                raise NotVerified(f"`{tile_path(level, n)}` does not lead to the checkpoint's root", step="tiles")
            self._remember(place, known)
        return known

    def entries(self, n: int) -> list[bytes]:
        """The entries from 256 n on, each found to be the one that the tree has there."""
        leaves = self._tiles.bundle(n)
        check_entries(n, leaves, self.tile(0, n))
        return leaves

    def check_entry(self, index: int, leaf: bytes) -> None:
        """Return if that is the entry at an index; raise NotVerified otherwise."""
        at = index % TILE_WIDTH * HASH_BYTES
        if self.tile(0, index // TILE_WIDTH)[at : at + HASH_BYTES] != leaf_hash(leaf):
            raise NotVerified(f"record {index}: its bytes are not those that the tree holds", step="tiles")

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` leaves, 0 <= size <= that of the whole tree."""
        edge = {(level, n): self.tile(level, n) for level, n in _unfinished(size)}
        return _root(size, edge)

    def _remember(self, place: Place, data: bytes) -> None:
        self._known[place] = data
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)


def check_entries(n: int, leaves: list[bytes], tile: bytes) -> None:
    """Return if the entries from 256 n on are those whose hashes the tile holds; raise NotVerified otherwise."""
    if b"".join([sha256(b"\x00" + leaf).digest() for leaf in leaves]) != tile:
        index = n * TILE_WIDTH + _first_difference(leaves, hashes_in(tile))
        raise NotVerified(f"record {index}: its bytes are not those that the tree holds", step="tiles")


class KnownTree(TreeReader):
    """A tree as checked tiles show it, to make proofs from; raises NotVerified where they do not reach."""

    def __init__(self, mirror: Mirror, size: int) -> None:
        super().__init__(lambda _path: None, size)
        self._mirror = mirror

    def tile(self, level: int, n: int) -> bytes:
        """The hashes of a tile, found to lead to the root."""
        return self._mirror.tile(level, n)


def _root(size: int, edge: dict[Place, bytes]) -> bytes:
    """The root, from the unfinished tiles of that size (each may be wider than it was then)."""
    rest: list[bytes] = []
    for level, n in _unfinished(size):
        width = width_at(size, level, n)
        rest = [fold([*hashes_in(edge[level, n])[:width], *rest])]
    return rest[0] if rest else EMPTY_ROOT


def _first_difference(leaves: list[bytes], wanted: list[bytes]) -> int:
    return next(i for i, (leaf, digest) in enumerate(zip(leaves, wanted, strict=False)) if leaf_hash(leaf) != digest)
