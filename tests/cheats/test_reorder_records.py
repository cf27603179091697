"""The operator puts records in another order: a call before the waiver that it lacked, an outcome before its call.

What detects it: the tree; the rules of the order (an outcome comes behind its call, a record's time is not long before those
that stand before it); the checkpoint that an outsider held.
"""

import pytest
from tests.cheats.owner import check, failures, first_of, history, remade
from tests.evidence.conftest import Book, members, repacked

ENTRIES = "tile/entries/000.p/27"


@pytest.fixture
def book() -> Book:
    return history()


def test_reordered_in_the_bundle_alone(book: Book) -> None:
    bundle = book.bundle()
    data = members(bundle)[ENTRIES]
    first = 2 + int.from_bytes(data[:2], "big")
    second = first + 2 + int.from_bytes(data[first : first + 2], "big")
    swapped = data[first:second] + data[:first] + data[second:]
    assert list(failures(check(repacked(bundle, book.keys, {ENTRIES: swapped})))) == [4]


def test_an_outcome_before_its_call(book: Book) -> None:
    first, second = first_of(book, "completed")
    order = [*range(first), second, first, *range(second + 1, len(book.entries))]
    report = check(remade(book, order).bundle())
    assert "which does not come before it" in failures(report)[11]


def test_two_calls_exchanged_after_a_checkpoint_left(book: Book) -> None:
    (a, b), (c, d) = first_of(book, "completed"), first_of(book, "stopped")
    order = [*range(a), c, d, *range(b + 1, c), a, b, *range(d + 1, len(book.entries))]
    forged = remade(book, order)
    assert set(failures(check(forged.bundle(profile="none"), last=book.checkpoint()))) == {3}
