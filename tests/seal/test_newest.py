"""The newest checkpoint: it only grows, along proofs, and permits must name it."""

import pytest
from tests.seal.sealing import LOG, Leaves, seeded

from caveat.errors import BadInput, CaveatError, NotVerified, Refused
from caveat.keys import KeyKind
from caveat.ledger.checkpoint import LogKeys
from caveat.seal.newest import Newest, claim_of
from caveat.seal.permit import LIFE_S, NO_RECORDS


def claim(leaves: Leaves, size: int) -> str:
    return claim_of(size, leaves.root(0, size))


def test_it_grows_and_is_remembered(tmp_path):
    leaves = Leaves().add(50)
    newest = Newest(tmp_path / "checkpoint", LOG.verify_keys)
    newest.check_named(NO_RECORDS, 0)
    assert newest.take(leaves.handed_in(0, 7), 0) == 7
    assert newest.take(leaves.handed_in(7, 33), 10) == 33
    again = Newest(tmp_path / "checkpoint", LOG.verify_keys)
    assert again.size == 33
    again.check_named(claim(leaves, 33), 0)


def test_a_permit_names_the_newest_or_the_one_before_it_for_a_minute(tmp_path):
    leaves = Leaves().add(50)
    newest = Newest(tmp_path / "checkpoint", LOG.verify_keys)
    newest.take(leaves.handed_in(0, 7), 0)
    newest.take(leaves.handed_in(7, 33), 100)
    newest.check_named(claim(leaves, 33), 1000)
    newest.check_named(claim(leaves, 7), 100 + LIFE_S - 1)
    for wrong, at_s in (
        (claim(leaves, 7), 100 + LIFE_S),
        (claim(leaves, 32), 101),
        (claim(leaves, 34), 101),
        (NO_RECORDS, 101),
    ):
        with pytest.raises(Refused) as refused:
            newest.check_named(wrong, at_s)
        assert refused.value.code == "permit_checkpoint"


def test_a_restored_a_forked_and_a_foreign_log_are_refused_and_change_nothing(tmp_path):
    leaves, fork = Leaves().add(50), Leaves(b"another first leaf").add(50)
    newest = Newest(tmp_path / "checkpoint", LOG.verify_keys)
    newest.take(leaves.handed_in(0, 33), 0)
    foreign = Leaves(
        keys=LogKeys(seeded("log.example.test", "x"), seeded("log.example.test", "y", KeyKind.COSIGN_MLDSA))
    )
    named = Leaves(keys=LogKeys(seeded("log2.example.test"), seeded("log2.example.test", "z", KeyKind.COSIGN_MLDSA)))
    cases: list[tuple[str, bytes, type[CaveatError]]] = [
        ("smaller", leaves.handed_in(33, 20), NotVerified),
        ("from a size that it is not at", leaves.handed_in(7, 40), Refused),
        ("a fork, larger", fork.handed_in(33, 40), NotVerified),
        ("a fork, as large", fork.handed_in(33, 33), NotVerified),
        ("other keys", foreign.add(50).handed_in(33, 40), NotVerified),
        ("another log", named.add(50).handed_in(33, 40), NotVerified),
        ("no proof", leaves.handed_in(33, 40).replace(leaves.handed_in(33, 40).split(b"\n\n")[0], b"old 33", 1), NotVerified),
        ("nothing", b"", BadInput),
        ("no number", b"old x\n\nabc", BadInput),
        ("bad base64", b"old 33\n!!\n\nabc", BadInput),
    ]  # fmt: skip
    for case, body, error in cases:
        with pytest.raises(error):
            newest.take(body, 1)
        assert newest.size == 33, case
    assert newest.take(leaves.handed_in(33, 40), 2) == 40


def test_the_refusal_of_another_size_says_which_it_is_at(tmp_path):
    leaves = Leaves().add(50)
    newest = Newest(tmp_path / "checkpoint", LOG.verify_keys)
    newest.take(leaves.handed_in(0, 33), 0)
    with pytest.raises(Refused) as refused:
        newest.take(leaves.handed_in(0, 40), 0)
    assert (refused.value.status, refused.value.message) == (409, "33")


def test_a_file_that_was_changed_stops_the_start(tmp_path):
    leaves = Leaves().add(50)
    Newest(tmp_path / "checkpoint", LOG.verify_keys).take(leaves.handed_in(0, 33), 0)
    text = (tmp_path / "checkpoint").read_bytes()
    (tmp_path / "checkpoint").write_bytes(text.replace(b"\n33\n", b"\n32\n"))
    with pytest.raises(NotVerified):
        Newest(tmp_path / "checkpoint", LOG.verify_keys)
