"""The operator exports two bundles of different content under one number: the harmless one to whom it matters.

What detects it: both are signed, so whoever holds both holds proof; the log has one of them on record, and the next bundle
goes on from that one.
"""

import pytest
from tests.cheats.owner import admits, check, failures, history
from tests.evidence.conftest import Book


@pytest.fixture
def story() -> tuple[Book, bytes, bytes, bytes]:
    """The ledger, bundle 1, and two numbers 2: the second is the one on record."""
    book = history()
    first = book.sent()
    book.day(6)
    last = book.exports["vendor"]
    shown = book.bundle(last.to, None, "none", number=2, receiver="vendor", previous=last.checkpoint.encode(),
                        before=last.manifest)  # fmt: skip
    return book, first, shown, book.sent(profile="audit")


def test_each_alone_verifies(story: tuple[Book, bytes, bytes, bytes]) -> None:
    _, first, shown, recorded = story
    assert check(shown, after=first).verified
    assert check(recorded, after=first).verified
    admits("two bundles under one number to two receivers who never compare")


def test_whoever_holds_both_holds_proof(story: tuple[Book, bytes, bytes, bytes]) -> None:
    _, _, shown, recorded = story
    for one, other in ((shown, recorded), (recorded, shown)):
        assert failures(check(one, after=other))[16] == (
            "two different bundles bear number 2, both signed by the log: keep both, they prove it"
        )


def test_the_next_bundle_tells_which_is_on_record(story: tuple[Book, bytes, bytes, bytes]) -> None:
    book, _, shown, recorded = story
    book.day(3)
    third = book.sent()
    assert check(third, after=recorded).verified
    assert (
        "it goes on from another bundle 2 than the one that you had: there were two"
        in failures(check(third, after=shown))[16]
    )


def test_one_that_was_never_recorded(story: tuple[Book, bytes, bytes, bytes]) -> None:
    """The same number once more, after its record."""
    book = story[0]
    again = book.bundle(0, None, "none", number=2, receiver="vendor")
    assert "it is number 2, and the log has 2 on record as the last that left" in failures(check(again))[16]
