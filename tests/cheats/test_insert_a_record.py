"""The operator puts a call into the past that never was, or one call twice, to have something to show.

What detects it: the tree; a call is settled once; the checkpoint that an outsider held; the seal, which counted no such call.
"""

import pytest
from tests.cheats.owner import admits, check, failures, first_of, history, leaf_of, remade
from tests.evidence.conftest import Book, members, repacked

ENTRIES = "tile/entries/000.p/27"


@pytest.fixture
def book() -> Book:
    return history()


def invented(book: Book, place: int) -> Book:
    """The ledger with a call at that place that nobody made."""
    scratch = remade(book, [])
    scratch.now_ms = leaf_of(book, place - 1).t
    scratch.call()
    return remade(book, [*range(place), *scratch.entries, *range(place, len(book.entries))])


def test_inserted_into_the_bundle_alone(book: Book) -> None:
    bundle = book.bundle()
    more = members(bundle)[ENTRIES] + b"\x00\x01x"
    assert list(failures(check(repacked(bundle, book.keys, {ENTRIES: more})))) == [4]


def test_an_outcome_twice(book: Book) -> None:
    first, second = first_of(book, "completed")
    order = [*range(second + 1), second, *range(second + 1, len(book.entries))]
    assert f"it settles record {first}, which is no open call" in failures(check(remade(book, order).bundle()))[11]


def test_inserted_after_a_checkpoint_left(book: Book) -> None:
    forged = invented(book, 9)
    assert set(failures(check(forged.bundle(), last=book.checkpoint()))) == {3}


def test_inserted_before_anyone_held_a_checkpoint(book: Book) -> None:
    """Not detected, where no seal counts."""
    assert check(invented(book, 9).bundle()).verified
    admits("what was rewritten before the first outsider held a checkpoint", "invent a call that nobody made")
