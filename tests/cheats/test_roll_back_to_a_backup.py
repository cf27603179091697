"""The operator puts yesterday's copy of the ledger back, and goes on from there: ended terms and spent uses come back.

What detects it: the last checkpoint that anyone outside holds; a numbered bundle, whose number came before; a witness; the
seal, which refuses a smaller checkpoint.  A site that then never exports again is itself a finding: a bundle is due.
"""

from tests.cheats.owner import check, failures, history
from tests.evidence.conftest import Book


def restored(calls: int) -> Book:
    """The backup, and what was written on top of it."""
    book = history(6)
    book.day(calls)
    return book


def test_it_shows_against_the_checkpoint_that_was_given_out() -> None:
    newest = history(24).checkpoint()
    assert "the log went back" in failures(check(history(6).bundle(), last=newest))[3]
    gone_on = restored(40)
    gone_on.now_ms += 1
    gone_on.control("gateway.started", "gw1")
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
