"""The operator lets records look older or younger than they are, so that terms seem valid.

What detects it: order is by index, so nothing is slipped between two records; terms that do not hold at the time that a
record bears; facts whose clock is an hour off the record's.  A whole clock that runs wrong, with no witness, shows nowhere:
times are the gateway's own (docs/trust.md), and every result says so.
"""

from tests.cheats.owner import admits, check, edited, failures, history, remade
from tests.evidence.conftest import NOW_MS

YEAR_MS = 366 * 86_400_000


def test_a_call_before_its_terms_began_or_after_they_ended() -> None:
    book = history(2)
    for years in (-1, 2):
        forged = remade(
            book, [edited(e, t=NOW_MS + years * YEAR_MS) if i in {5, 6} else i for i, e in enumerate(book.entries)]
        )
        found = failures(check(forged.bundle(profile="none")))
        assert "do not hold at the time it bears" in found[8]


def test_facts_of_another_hour() -> None:
    book = history(2)
    forged = remade(book, [edited(e, t=NOW_MS + 7_300_000) if i in {5, 6} else i for i, e in enumerate(book.entries)])
    assert "more than an hour apart" in failures(check(forged.bundle()))[10]


def test_a_clock_that_runs_wrong_as_a_whole_shows_nowhere() -> None:
    book = history(0)
    book.now_ms -= 30 * 86_400_000
    book.day(6)
    report = check(book.bundle())
    assert report.verified
    assert any("their clocks are the gateway's own" in what for what in report.beyond)
    admits("absolute time, as long as nobody else's clock is in the log")
