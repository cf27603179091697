"""Tiles: paths, bundles, a growing edge, and a foreign log read by us."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import NotVerified
from caveat.keys import read_verify_key
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.proof import verify_consistency, verify_inclusion
from caveat.ledger.tiles import (
    Edge,
    TreeReader,
    bundle_path,
    decode_bundle,
    encode_bundle,
    numbered,
    paths_at,
    tile_path,
    width_at,
)
from caveat.ledger.tree import Frontier, leaf_hash

CONFORMANCE = Path(__file__).parents[1] / "conformance"
KNOWN = json.loads((CONFORMANCE / "note/known-answers.json").read_text())
TESSERA = CONFORMANCE / "tessera/log"


@pytest.mark.parametrize(("n", "path"), KNOWN["tile_index_paths"].items())
def test_tile_numbers_are_paths(n, path):
    assert numbered(int(n)) == path


def test_paths_of_the_specification():
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert bundle_path(1000, 5) == "tile/entries/x001/000.p/5"


@pytest.mark.parametrize("size", KNOWN["partial_tiles"])
def test_widths_of_partial_tiles(size):
    for level, want in KNOWN["partial_tiles"][size].items():
        number = int(level.removeprefix("level"))
        assert width_at(int(size), number, want["full"]) == want["partial"]
        assert want["full"] == 0 or width_at(int(size), number, want["full"] - 1) == 256


def test_the_files_of_a_log_at_a_size():
    assert paths_at(0) == []
    assert paths_at(1) == ["tile/entries/000.p/1", "tile/0/000.p/1"]
    assert paths_at(257) == [
        "tile/entries/000",
        "tile/0/000",
        "tile/entries/001.p/1",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
    ]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=256))
def test_bundles_survive(leaves):
    assert decode_bundle(encode_bundle(leaves), len(leaves)) == leaves


@pytest.mark.parametrize(
    ("data", "count"), [(b"\x00", 0), (b"\x00\x02a", 1), (b"\x00\x01a", 2), (b"\x00\x01a\x00", 1), (b"\x00\x01a", 0)]
)
def test_bundles_that_do_not_fit_are_not_verified(data, count):
    with pytest.raises(NotVerified):
        decode_bundle(data, count)


def grown(leaves, steps):
    """A log's files after growing by steps."""
    files: dict[str, bytes] = {}
    edge = Edge()
    for start, end in zip([0, *steps], [*steps, len(leaves)], strict=True):
        assert edge.size == start
        for path, data in edge.grow(leaves[start:end]):
            assert files.setdefault(path, data) == data
    return files


LEAVES = [i.to_bytes(3, "big") for i in range(66_000)]


@given(st.lists(st.integers(0, 700), max_size=4).map(sorted), st.integers(700, 900))
def test_however_it_grows_the_tree_is_the_same(steps, size):
    """A reader finds each file at its width, the root is the plain one, proofs hold, an edge can be taken up again."""
    files = grown(LEAVES[:size], steps)
    assert set(paths_at(size)) <= set(files)
    tree = TreeReader(files.get, size)
    frontier = Frontier()
    frontier.add(leaf_hash(leaf) for leaf in LEAVES[:size])
    assert tree.root() == frontier.root()
    for index in {0, 255, 256, size - 1}:
        assert tree.entry(index) == LEAVES[index]
        verify_inclusion(index, size, leaf_hash(LEAVES[index]), tree.root(), tree.inclusion(index))
    for old in {1, 255, 256, 257, *(s for s in steps if s), size}:
        verify_consistency(old, size, tree.hash_of(0, old), tree.root(), tree.consistency(old))
    again = Edge.of(tree)
    assert dict(again.grow(LEAVES[size : size + 300])) == dict(grown_edge(files, size).grow(LEAVES[size : size + 300]))


def grown_edge(files, size):
    edge = Edge()
    list(edge.grow(LEAVES[:size]))
    return edge


def test_three_levels():
    """Past 256 * 256 leaves the third level appears; proofs cross all levels."""
    files = grown(LEAVES, [65_535, 65_536, 65_537])
    tree = TreeReader(files.get, 66_000)
    assert len(files["tile/2/000.p/1"]) == 32
    for index in (0, 65_535, 65_536, 65_999):
        verify_inclusion(index, 66_000, leaf_hash(LEAVES[index]), tree.root(), tree.inclusion(index))
    for old in (1, 256, 65_535, 65_536, 65_537):
        verify_consistency(old, 66_000, TreeReader(files.get, old).root(), tree.root(), tree.consistency(old))


@pytest.mark.parametrize("damage", ["missing", "short", "long", "empty"])
@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"])
def test_files_that_do_not_fit_are_not_verified(path, damage):
    files = grown(LEAVES[:300], [])
    data = files.pop(path)
    if damage != "missing":
        files[path] = {"short": data[:-1], "long": data + bytes(32), "empty": b""}[damage]
    tree = TreeReader(files.get, 300)
    with pytest.raises(NotVerified):
        _ = tree.root(), tree.entry(299), tree.leaf_hash(0), tree.leaf_hash(299)


def test_full_tiles_serve_where_partial_ones_are_gone():
    files = grown(LEAVES[:300], [100])
    for path in [path for path in files if "000.p" in path and "tile/1" not in path]:
        del files[path]
    old = TreeReader(files.get, 100)
    assert old.root() == TreeReader(grown(LEAVES[:100], []).get, 100).root()
    assert old.bundle(0) == LEAVES[:100]


def tessera(path):
    file = TESSERA / path
    return file.read_bytes() if file.exists() else None


def test_a_tessera_log_is_read_by_us():
    """Every checkpoint opens, every root is recomputed, every pair is consistent, every entry is included."""
    key = read_verify_key(KNOWN["tessera_log_vkey"])
    heads = [
        open_checkpoint((TESSERA / f"checkpoint.{n}").read_bytes(), [key], "example.com/log/testdata")
        for n in range(16)
    ]
    for head in heads:
        tree = TreeReader(tessera, head.size)
        assert tree.root() == head.root
        for index in range(head.size):
            entry = leaf_hash(tree.entry(index))
            assert entry == tree.leaf_hash(index)
            verify_inclusion(index, head.size, entry, head.root, tree.inclusion(index))
        for old in heads[1 : head.size]:
            verify_consistency(old.size, head.size, old.root, head.root, tree.consistency(old.size))
