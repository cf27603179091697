"""The operator shows a time in which nothing happened, and had the seal off, or its beats left out, meanwhile.

What detects it: beats are due every minute; a time without them is named, with its beginning and end.
"""

import hashlib

import pytest
from tests.evidence.sealed import Meter, SealedBook, step_of

from caveat.errors import NotVerified

HOUR = 3_600_000


def test_an_hour_in_which_the_seal_was_off_is_named():
    book = SealedBook()
    book.calls(3)
    book.beat("close")
    book.now_ms += HOUR
    book.boot()
    book.calls(2)
    book.beat()
    step = step_of(book)
    assert step.outcome == "proved"
    assert any("the seal was off from 20" in limit for limit in step.limits)


def test_an_hour_without_beats_within_a_boot_is_named():
    book = SealedBook()
    book.calls(3)
    book.beat()
    book.now_ms += HOUR
    book.calls(1)
    book.beat()
    assert any("the seal was silent from 20" in limit for limit in step_of(book).limits)


def test_a_silence_at_the_end_is_named():
    book = SealedBook()
    book.calls(3)
    book.beat()
    book.now_ms += HOUR
    book.calls(1)
    step = step_of(book)
    assert any("what the seal counted since 20" in limit for limit in step.limits)
    assert any("calls behind the last beat" in limit for limit in step.limits)


def test_beats_made_up_for_the_hour_are_not_the_seals():
    book = SealedBook()
    book.calls(3)
    book.beat()
    forger = Meter(hashlib.sha256(b"not the seal").digest())
    forger.take_over(book.meter)
    book.now_ms += HOUR
    book.note(forger.beat("tick", book.now_ms))
    with pytest.raises(NotVerified, match="by a trusted key"):
        book.report()  # no export folds it, and no verifier does: the same fold
