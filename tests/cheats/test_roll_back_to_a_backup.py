"""The operator restores a backup, so that ended terms, a revoked key or spent uses are there again.

What detects it: the checkpoint or the bundle that an outsider had; a witness, which does not cosign it; at the gateway, the seal
(test_roll_the_meter_back.py).  A site that never exports again shows nothing: that no bundle comes is the finding.
"""

import pytest
from tests.cheats.owner import admits, check, failures, history, remade
from tests.evidence.conftest import Book


@pytest.fixture
def book() -> Book:
    return history()


def restored(book: Book, size: int) -> Book:
    """The ledger as the backup has it: its first records, and what was sent by then."""
    old = remade(book, range(size))
    old.exports = {}
    return old


def test_a_revoked_key_is_back(book: Book) -> None:
    book.control("key.revoked", "clerk-7")
    given = book.checkpoint()
    again = restored(book, 27).day(6)
    assert "it was rewritten" in failures(check(again.bundle(), last=given))[3]


def test_ended_terms_are_back(book: Book) -> None:
    book.control("terms.ended", "office")
    book.control("gateway.stopped", "gw1")
    given = book.checkpoint()
    again = restored(book, 27)
    assert "the log went back" in failures(check(again.bundle(), last=given))[3]


def test_the_sequence_of_bundles(book: Book) -> None:
    first = book.sent()
    book.day(6)
    second = book.sent()
    book.day(6)
    again = restored(book, 27)
    again.sent()
    again.day(6)
    other = again.sent()
    again.day(3)
    third = again.sent()
    assert check(second, after=first).verified
    for forged in (other, third):
        assert {3, 16} <= set(failures(check(forged, after=second)))


def test_a_site_that_never_exports_again() -> None:
    admits("a restored site that never exports again", "A bundle that is due and does not come is itself a finding")


def test_it_shows_against_the_checkpoint_that_was_given_out() -> None:
    newest = history(24).checkpoint()
    assert "the log went back" in failures(check(history(6).bundle(), last=newest))[3]
    forked = history(6)
    forked.control("gateway.started", "gw1")
    forked.day(40)
    assert "it was rewritten" in failures(check(forked.bundle(), last=newest))[3]


def test_it_shows_in_the_numbers_of_bundles() -> None:
    book = history(6)
    first = book.sent()
    book.day(6)
    second = book.sent()
    back = history(6)
    back.sent()
    back.day(3)
    again = back.sent()
    assert check(second, after=first).verified
    assert "two different bundles bear number 2" in failures(check(again, after=second))[16]
