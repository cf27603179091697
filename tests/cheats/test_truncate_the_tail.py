"""The operator cuts the ledger's tail off, after a bad day, and goes on from there.

What detects it: the checkpoint that an outsider held (the log went back, or goes on otherwise), and the number of the next
bundle; a record that was settled in the tail is open without it.
"""

import pytest
from tests.cheats.owner import admits, check, failures, history, remade
from tests.evidence.conftest import Book, members, repacked


@pytest.fixture
def book() -> Book:
    return history()


def test_cut_in_the_bundle_alone(book: Book) -> None:
    """The manifest says fewer; the checkpoint does not."""
    report = check(repacked(book.bundle(), book.keys, {}, to=20, size=20))
    assert 1 in failures(report)
    bundle = book.bundle()
    name = "tile/entries/000.p/27"
    data = members(bundle)[name]
    at = 0
    for _ in range(20):
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    assert list(failures(check(repacked(bundle, book.keys, {name: data[:at]})))) == [4]


def test_a_shorter_log_is_shown_again(book: Book) -> None:
    shorter = remade(book, range(20))
    report = check(shorter.bundle(), last=book.checkpoint())
    assert "it stands for 27 records, this bundle for 20: the log went back" in failures(report)[3]


def test_the_shorter_log_grows_past_what_was_known(book: Book) -> None:
    shorter = remade(book, range(20)).day(12)
    assert "it was rewritten" in failures(check(shorter.bundle(), last=book.checkpoint()))[3]


def test_a_bundle_that_stops_early_says_so(book: Book) -> None:
    """Not a cut of the log: the operator shows less of it.  What lies behind is named by its number of records."""
    report = check(book.bundle(0, 20))
    assert report.verified
    assert report.manifest is not None
    assert (report.manifest.to, report.manifest.size) == (20, 27)
    assert any("left out" in limit for limit in report.steps[5].limits)


def test_cut_before_anyone_held_a_checkpoint(book: Book) -> None:
    assert check(remade(book, range(19)).bundle()).verified
    admits("what was rewritten before the first outsider held a checkpoint")
