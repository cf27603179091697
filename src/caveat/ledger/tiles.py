"""The layout that other tools read: c2sp.org/tlog-tiles (v0.1.0).

    checkpoint                       the newest signed tree head, the only file that changes
    tile/<L>/<N>[.p/<W>]             256 (or W) hashes of 32 bytes; level L holds the roots of 256^L leaves
    tile/entries/<N>[.p/<W>]         256 (or W) entries, each u16 big-endian length and bytes

N is in groups of three digits, all but the last with an x: 1234067 is x001/x234/067.  A tile of W < 256 is partial, never
hashed upward, and may go once the full one is there; an empty one never exists.

Rules: a reader knows the size first and takes no file of another length than the size demands; what is missing or does
not fit raises NotVerified.  A hash is only as good as the root that the reader compares in the end.
"""

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from caveat.errors import NotVerified
from caveat.ledger.proof import prove_consistency, prove_inclusion
from caveat.ledger.tree import EMPTY_ROOT, HASH_BYTES, fold, leaf_hash, node_hash, split

TILE_WIDTH: Final = 256
MAX_LEAF_BYTES: Final = 65_535
MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_LEAF_BYTES)
MAX_LEVEL: Final = 7

Read = Callable[[str], bytes | None]
"""`read(path)`: the file's bytes, None where there is none.  Paths are relative to the log, with `/`."""

_U16: Final = struct.Struct(">H")
_CACHED_TILES: Final = 64


def numbered(n: int) -> str:
    """A tile's number as a path, n >= 0."""
    digits = f"{n:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """The path of a tile of hashes, 0 < width <= 256."""
    return f"tile/{level}/{numbered(n)}{_partial(width)}"


def bundle_path(n: int, width: int = TILE_WIDTH) -> str:
    """The path of a bundle of entries, 0 < width <= 256."""
    return f"tile/entries/{numbered(n)}{_partial(width)}"


def width_at(size: int, level: int, n: int) -> int:
    """How many hashes tile `n` of a level has in a tree of that size, 0 <= width <= 256."""
    return max(0, min(TILE_WIDTH, (size >> 8 * level) - n * TILE_WIDTH))


def paths_at(size: int) -> list[str]:
    """Every file of hashes and entries that a log of exactly that size needs; readers fall back from none of these."""
    paths: list[str] = []
    for level in range(MAX_LEVEL + 1):
        for n in range(-(-(size >> 8 * level) // TILE_WIDTH)):
            width = width_at(size, level, n)
            paths += [bundle_path(n, width)] if level == 0 else []
            paths.append(tile_path(level, n, width))
    return paths


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """Entries, each behind its u16 length.  len(leaf) <= 65,535; struct.error beyond is a bug in the caller."""
    return b"".join(_U16.pack(len(leaf)) + leaf for leaf in leaves)


def decode_bundle(data: bytes, count: int) -> list[bytes]:
    """The entries of a bundle of `count`; raises NotVerified if it has another number, or bytes that are no entry."""
    leaves: list[bytes] = []
    at = 0
    while at < len(data):
        body = at + 2
        at = body + int.from_bytes(data[at:body], "big")
        if body > len(data) or at > len(data):
            raise NotVerified("a bundle of entries ends in the middle of one", step="tiles")
        leaves.append(data[body:at])
    if len(leaves) != count:
        raise NotVerified(f"expected a bundle of {count} entries, got {len(leaves)}", step="tiles")
    return leaves


def hashes_in(tile: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]


class TreeReader:
    """A tree of `size` leaves, read through tiles.  Not for several threads at once.

    Its methods raise NotVerified where a file is missing or has the wrong length.
    """

    def __init__(self, read: Read, size: int) -> None:
        self.size = size
        self._read = read
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def tile(self, level: int, n: int) -> bytes:
        """The hashes of a tile that the tree has, at the width that the size demands."""
        known = self._tiles.get((level, n))
        if known is None:
            width = width_at(self.size, level, n)
            data, found = self._fetch(lambda width: tile_path(level, n, width), width)
            if not data or len(data) != found * HASH_BYTES:
                raise NotVerified(f"`{tile_path(level, n, found)}` has the wrong length", step="tiles")
            known = self._tiles[level, n] = data[: width * HASH_BYTES]
            if len(self._tiles) > _CACHED_TILES:
                self._tiles.popitem(last=False)
        return known

    def bundle(self, n: int) -> list[bytes]:
        """The entries from 256 n on, as many as the tree has, 256 at most."""
        width = width_at(self.size, 0, n)
        data, found = self._fetch(lambda width: bundle_path(n, width), width)
        return decode_bundle(data, found)[:width]

    def entry(self, index: int) -> bytes:
        """The entry at an index, 0 <= index < size."""
        return self.bundle(index // TILE_WIDTH)[index % TILE_WIDTH]

    def leaf_hash(self, index: int) -> bytes:
        """The hash that stands for it in the tree, 0 <= index < size."""
        return self.hash_of(index, index + 1)

    def hash_of(self, start: int, end: int) -> bytes:
        """The root over [start, end): whole, or a part that a proof needs.  0 <= start <= end <= size."""
        width = end - start
        if width == 0:
            return EMPTY_ROOT
        if width & (width - 1) == 0 and start % width == 0:
            return self._full_node(width.bit_length() - 1, start // width)
        middle = start + split(width)
        return node_hash(self.hash_of(start, middle), self.hash_of(middle, end))

    def root(self) -> bytes:
        """The root over all of it."""
        return self.hash_of(0, self.size)

    def inclusion(self, index: int) -> list[bytes]:
        """The proof for the leaf at an index, 0 <= index < size."""
        return prove_inclusion(self.hash_of, index, self.size)

    def consistency(self, old: int) -> list[bytes]:
        """The proof that the tree begins with that of `old` leaves, 0 < old <= size."""
        return prove_consistency(self.hash_of, old, self.size)

    def _full_node(self, height: int, i: int) -> bytes:
        """The root over the i-th run of 2**height leaves."""
        level, rest = divmod(height, 8)
        n, at = divmod(i << rest, TILE_WIDTH)
        tile = self.tile(level, n)
        return fold(hashes_in(tile[at * HASH_BYTES : (at + (1 << rest)) * HASH_BYTES]))

    def _fetch(self, path: Callable[[int], str], width: int) -> tuple[bytes, int]:
        """The partial file or, once that is gone, the full one; and which width was found."""
        for found in (width, TILE_WIDTH):
            data = self._read(path(found))
            if data is not None:
                return data, found
        raise NotVerified(f"`{path(width)}` is missing", step="tiles")


class Edge:
    """The right edge of a growing tree: the unfinished tile of each level, and the unfinished bundle.

    `grow` says which files new entries make; whoever calls it writes them.
    """

    def __init__(self) -> None:
        self.size = 0
        self._bundle: list[bytes] = []
        self._levels: list[list[bytes]] = []

    @classmethod
    def of(cls, tree: TreeReader) -> "Edge":
        """The edge of a tree that is there already.  Raises NotVerified where its files do not fit."""
        edge = cls()
        edge.size = tree.size
        if tree.size % TILE_WIDTH:
            edge._bundle = tree.bundle(tree.size // TILE_WIDTH)
        for level in range(MAX_LEVEL + 1):
            if not tree.size >> 8 * level:
                break
            n = (tree.size >> 8 * level) // TILE_WIDTH
            edge._levels.append(hashes_in(tree.tile(level, n)) if width_at(tree.size, level, n) else [])
        return edge

    def grow(self, leaves: Sequence[bytes]) -> Iterable[tuple[str, bytes]]:
        """Append entries and yield each file that the tree then needs: full ones as they fill, then partial ones.

        The edge has grown only once all files are taken.
        """
        old = self.size
        for start in range(0, len(leaves), TILE_WIDTH):
            yield from self._grow_some(leaves[start : start + TILE_WIDTH])
        if self._bundle:
            yield bundle_path(self.size // TILE_WIDTH, len(self._bundle)), encode_bundle(self._bundle)
        for level, hashes in enumerate(self._levels):
            if hashes and self.size >> 8 * level != old >> 8 * level:
                yield tile_path(level, (self.size >> 8 * level) // TILE_WIDTH, len(hashes)), b"".join(hashes)

    def _grow_some(self, leaves: Sequence[bytes]) -> Iterable[tuple[str, bytes]]:
        room = TILE_WIDTH - len(self._bundle)
        for piece in (leaves[:room], leaves[room:]):
            n = self.size // TILE_WIDTH
            self.size += len(piece)
            self._bundle += piece
            if len(self._bundle) == TILE_WIDTH:
                yield bundle_path(n), encode_bundle(self._bundle)
                self._bundle = []
            yield from self._lift(0, n, [leaf_hash(leaf) for leaf in piece])

    def _lift(self, level: int, n: int, hashes: list[bytes]) -> Iterable[tuple[str, bytes]]:
        if not hashes:
            return
        if level == len(self._levels):
            self._levels.append([])
        tile = self._levels[level]
        tile += hashes
        if len(tile) == TILE_WIDTH:
            yield tile_path(level, n), b"".join(tile)
            self._levels[level] = []
            yield from self._lift(level + 1, n // TILE_WIDTH, [fold(tile)])


def _partial(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"
