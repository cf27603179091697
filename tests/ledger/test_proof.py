"""Proofs: the public vectors, and every proof of every small tree made and verified."""

import base64
import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.errors import NotVerified
from caveat.ledger.proof import (
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from caveat.ledger.tree import EMPTY_ROOT, Frontier, fold, is_subtree, leaf_hash, node_hash, split

VECTORS = Path(__file__).parents[1] / "conformance/merkle"

# Cases whose wanted result is not ours, and why.
SHORT_ROOTS = "its roots are 12 bytes long: we refuse any hash that is not 32"
EMPTY_SUBTREE = (
    "it wants a proof from the empty subtree: we prove nothing from nothing, as upstream does for whole trees"
)
DEVIATIONS = {
    "consistency additional/sizes-are-equal-one-and-proof-is-empty.json": SHORT_ROOTS,
    "subtreeconsistency additional/sizes-are-equal-one-and-proof-is-empty.json": SHORT_ROOTS,
    **{
        f"subtreeconsistency additional/subtree-is-empty-{name}-proof-is-empty.json": EMPTY_SUBTREE
        for name in (
            "subtree-root-valid",
            "subtree-root-valid-tree-root-random",
            "sizes-are-equal-zero-subtree-root-valid",
            "sizes-are-equal-zero-subtree-root-valid-tree-root-random",
            "sizes-are-equal-one-subtree-root-valid",
            "sizes-are-equal-one-subtree-root-valid-tree-root-random",
        )
    },
}


def raw(text):
    return base64.b64decode(text)


def held(verify, *args):
    try:
        verify(*args)
    except NotVerified:
        return False
    return True


CHECKS = {
    "inclusion": lambda c, proof: held(
        verify_inclusion, c["leafIdx"], c["treeSize"], raw(c["leafHash"]), raw(c["root"]), proof
    ),
    "consistency": lambda c, proof: held(
        verify_consistency, c["size1"], c["size2"], raw(c["root1"]), raw(c["root2"]), proof
    ),
    "subtreeinclusion": lambda c, proof: held(
        verify_subtree_inclusion, c["leafIdx"], (c["start"], c["end"]), raw(c["leafHash"]), raw(c["root"]), proof
    ),
    "subtreeconsistency": lambda c, proof: held(
        verify_subtree_consistency, (c["start"], c["end"]), c["size"], raw(c["root1"]), raw(c["root2"]), proof
    ),
}
COUNTS = {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204, "subtreeconsistency": 118}


@pytest.mark.parametrize("kind", CHECKS)
def test_public_vectors(kind):
    """transparency-dev/merkle: every case as wanted, but for the deviations named above."""
    cases = json.loads((VECTORS / f"{kind}.json").read_text())
    assert len(cases) == COUNTS[kind]
    wrong = {
        f"{kind} {name}"
        for name, case in cases.items()
        if CHECKS[kind](case, [raw(p) for p in case["proof"] or []]) == case["wantErr"]
    }
    assert wrong == {name for name in DEVIATIONS if name.startswith(f"{kind} ")}


LEAVES = [leaf_hash(bytes([i])) for i in range(70)]


def plain_root(hashes):
    """RFC 6962 section 2.1, word for word: the definition that faster code is held against."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return node_hash(plain_root(hashes[:k]), plain_root(hashes[k:]))


def hash_of(start, end):
    return plain_root(LEAVES[start:end])


def shifted(by, start, end):
    return hash_of(by + start, by + end)


def test_every_way_to_a_root_agrees():
    frontier = Frontier()
    for size in range(len(LEAVES) + 1):
        assert frontier.root() == fold(LEAVES[:size]) == hash_of(0, size)
        frontier.add(LEAVES[size : size + 1])


def test_every_inclusion_in_every_small_tree_is_proved():
    for size in range(1, 40):
        for index in range(size):
            proof = prove_inclusion(hash_of, index, size)
            verify_inclusion(index, size, LEAVES[index], hash_of(0, size), proof)
            assert not held(verify_inclusion, index ^ 1, size, LEAVES[index], hash_of(0, size), proof) or size == 1


def test_every_consistency_of_small_trees_is_proved():
    for new in range(1, 40):
        for old in range(1, new + 1):
            proof = prove_consistency(hash_of, old, new)
            verify_consistency(old, new, hash_of(0, old), hash_of(0, new), proof)
            assert not held(verify_consistency, old, new, hash_of(0, old), LEAVES[-1], proof)


def test_every_subtree_of_small_trees_is_consistent_with_the_tree():
    """Proofs for subtrees that start at 0 are consistency proofs; others are checked on the vectors."""
    subtrees = [(s, e) for e in range(1, 20) for s in range(e) if is_subtree(s, e)]
    assert (4, 7) in subtrees
    assert (2, 5) not in subtrees
    for start, end in subtrees:
        for index in range(start, end):
            proof = prove_inclusion(partial(shifted, start), index - start, end - start)
            verify_subtree_inclusion(index, (start, end), LEAVES[index], hash_of(start, end), proof)


@settings(max_examples=150)
@given(st.data())
def test_any_change_to_a_proof_is_noticed(data):
    """Flip a bit, drop, repeat or swap hashes, or name another size: it no longer verifies."""
    size = data.draw(st.integers(2, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(hash_of, index, size)
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = {
        "flip": [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]],
        "drop": proof[:at] + proof[at + 1 :],
        "repeat": [*proof[:at], proof[at], *proof[at:]],
        "longer": [*proof, LEAVES[0]],
        "short hash": [*proof[:at], proof[at][:31], *proof[at + 1 :]],
    }[data.draw(st.sampled_from(["flip", "drop", "repeat", "longer", "short hash"]))]
    assert not held(verify_inclusion, index, size, LEAVES[index], hash_of(0, size), changed)


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (5, 4), (4, 4)])
def test_no_inclusion_outside_the_tree(index, size):
    assert not held(verify_inclusion, index, size, LEAVES[0], LEAVES[0], [])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_no_consistency_from_nothing_or_backwards(old, new):
    assert not held(verify_consistency, old, new, EMPTY_ROOT, EMPTY_ROOT, [])
