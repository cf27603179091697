"""The operator edits a record: an answer that a clause stopped is said to have been completed, with fewer tokens.

What detects it: the tree (bytes alone); the decision that the record committed to (the outcome does not fit it); where that is
kept closed, the checkpoint that an outsider held.  A commitment that was exchanged with the rest opens as it should: only
the checkpoint shows it.
"""

import pytest
from tests.cheats.owner import admits, check, edited, failures, first_of, history, leaf_of, remade
from tests.evidence.conftest import Book, members, repacked, with_facts

ENTRIES = "tile/entries/000.p/27"


@pytest.fixture
def book() -> Book:
    return history()


def changed(book: Book, **fields: object) -> Book:
    """The ledger with other clear fields in the outcome of the stopped call."""
    _, at = first_of(book, "stopped")
    return remade(book, [edited(book.entries[i], **fields) if i == at else i for i in range(len(book.entries))])


def test_edited_in_the_bundle_alone(book: Book) -> None:
    bundle = book.bundle()
    data = members(bundle)[ENTRIES].replace(b'"o":"stopped"', b'"o":"unknown"', 1)
    report = check(repacked(bundle, book.keys, {ENTRIES: data}))
    assert failures(report) == {4: "record 14: its bytes are not those that the tree holds"}


def test_an_outcome_that_does_not_fit_its_decision(book: Book) -> None:
    report = check(changed(book, o="completed").bundle())
    assert "the last decision over the reply was deny, but the call ended `completed`" in failures(report)[11]


def test_an_outcome_whose_decision_is_withheld(book: Book) -> None:
    """The profile `none` opens nothing: only who held a checkpoint knows better, or who challenges."""
    forged = changed(book, o="completed")
    assert check(forged.bundle(profile="none")).verified
    admits("A record whose decision is withheld may say another ending")
    forged.day(3)
    assert "it was rewritten" in failures(check(forged.bundle(profile="none"), last=book.checkpoint()))[3]


def test_fewer_tokens(book: Book) -> None:
    forged = changed(book, tok=[1, 1])
    assert check(forged.bundle()).verified, "the sums are made again: without a seal nothing counts them"
    admits("lower the token counts in a record")
    assert 3 in failures(check(forged.bundle(), last=book.checkpoint()))


def test_another_caller_in_the_place_of_the_true_one(book: Book) -> None:
    """A whole call written anew, committed and salted as it should be."""
    scratch = remade(book, [])
    scratch.now_ms = leaf_of(book, 5).t - 250
    scratch.call(with_facts(caller="somebody-else"))
    forged = remade(book, [*range(5), *scratch.entries, *range(7, len(book.entries))])
    assert check(forged.bundle(profile="audit")).verified
    admits("what was rewritten before the first outsider held a checkpoint")
    assert "it was rewritten" in failures(check(forged.bundle(), last=book.checkpoint()))[3]
