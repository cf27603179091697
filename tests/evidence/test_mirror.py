"""A sparse mirror: which tiles a range needs, and hashes that are believed only once they lead to the root."""

import random
from hashlib import sha256

import pytest

from caveat.errors import NotVerified
from caveat.evidence.mirror import Mirror, entries_name, leaf_tiles, tile_name, tiles_needed
from caveat.ledger.tiles import TILE_WIDTH, Edge, TreeReader, width_at
from caveat.ledger.tree import EMPTY_ROOT
from caveat.note import TreeHead

SIZES = (0, 1, 2, 255, 256, 257, 300, 511, 512, 65_535, 65_536, 65_537, 70_000)


class Grown:
    """A log of numbered leaves, read at any of its sizes."""

    def __init__(self, size: int) -> None:
        self.files: dict[str, bytes] = {}
        edge = Edge()
        at = 0
        for stop in sorted({*SIZES, size}):
            if stop <= size:
                self.files.update(edge.grow([b"%d" % i for i in range(at, stop)]))
                at = stop

    def head(self, size: int) -> TreeHead:
        return TreeHead("log.test", size, TreeReader(self.files.get, size).root())


LOG = Grown(70_000)


class Sparse:
    """Only the files that a mirror should hold; `spoil` changes one."""

    def __init__(self, size: int, start: int, to: int, earlier: int = 0) -> None:
        places = tiles_needed(size, leaf_tiles(start, to), earlier)
        names = {tile_name(size, place) for place in places} | {entries_name(size, n) for n in leaf_tiles(start, to)}
        reader = TreeReader(LOG.files.get, size)
        self.files: dict[str, bytes] = {tile_name(size, p): reader.tile(*p) for p in places}
        self.files |= {name: LOG.files[name] for name in names if "entries" in name}
        self._reader = TreeReader(self.files.get, size)

    def tile(self, level: int, n: int) -> bytes:
        return TreeReader(self.files.get, self._reader.size).tile(level, n)

    def bundle(self, n: int) -> list[bytes]:
        return TreeReader(self.files.get, self._reader.size).bundle(n)


def ranges(size: int) -> list[tuple[int, int]]:
    whole = [(0, size), (0, min(size, 1)), (max(0, size - 1), size), (size // 2, size // 2)]
    middle = [(size // 3, min(size, size // 3 + 300))]
    return whole + middle if size <= 512 else whole[1:] + middle


@pytest.mark.parametrize("size", SIZES)
def test_the_tiles_of_a_range_are_enough(size: int) -> None:
    for start, to in ranges(size):
        mirror = Mirror(Sparse(size, start, to), LOG.head(size))
        for n in leaf_tiles(start, to):
            leaves = mirror.entries(n)
            assert leaves == [b"%d" % i for i in range(n * TILE_WIDTH, n * TILE_WIDTH + width_at(size, 0, n))]
        if start < to:
            mirror.check_entry(start, b"%d" % start)
            with pytest.raises(NotVerified):
                mirror.check_entry(start, b"x")


@pytest.mark.parametrize("size", SIZES)
def test_the_root_of_every_earlier_size_comes_out(size: int) -> None:
    for earlier in SIZES:
        if earlier <= size:
            mirror = Mirror(Sparse(size, 0, 0, earlier), LOG.head(size))
            assert mirror.root_at(earlier) == LOG.head(earlier).root


def test_the_root_of_nothing() -> None:
    assert Mirror(Sparse(0, 0, 0), TreeHead("log.test", 0, EMPTY_ROOT)).root_at(0) == EMPTY_ROOT


def test_a_range_of_a_large_log_needs_few_tiles() -> None:
    """2,000 records of 66,000: their own tiles, the one above, the right edge."""
    assert len(tiles_needed(66_000, leaf_tiles(30_000, 32_000), 0)) <= 13
    assert len(tiles_needed(10**9, leaf_tiles(30_000, 32_000), 0)) <= 16


@pytest.mark.parametrize("size", [300, 70_000])
def test_each_spoiled_or_missing_file_shows(size: int) -> None:
    random.seed(size)
    earlier = size - 290
    for name in Sparse(size, 10, 290, earlier).files:
        for spoil in (lambda data: data[:-1], flipped, lambda data: None):
            sparse = Sparse(size, 10, 290, earlier)
            spoiled = spoil(sparse.files.pop(name))
            if spoiled is not None:
                sparse.files[name] = spoiled
            with pytest.raises(NotVerified):
                mirror = Mirror(sparse, LOG.head(size))
                for n in leaf_tiles(10, 290):
                    mirror.entries(n)
                assert mirror.root_at(earlier) == LOG.head(earlier).root
                raise AssertionError(name)


def flipped(data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def test_a_changed_entry_is_named() -> None:
    sparse = Sparse(300, 0, 300)
    name = entries_name(300, 1)
    sparse.files[name] = sparse.files[name].replace(b"\x03260", b"\x03999")
    with pytest.raises(NotVerified, match="record 260: its bytes"):
        Mirror(sparse, LOG.head(300)).entries(1)


def test_another_root_is_refused() -> None:
    with pytest.raises(NotVerified, match="right edge"):
        Mirror(Sparse(300, 0, 0), TreeHead("log.test", 300, sha256(b"other").digest()))
