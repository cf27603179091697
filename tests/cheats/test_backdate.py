"""The operator backdates: terms that had expired are used with the clock set back; a record is put in as if from last week.

What detects it: times in a log ascend, so a record that bears an older time than those before it shows; terms that do not
hold at the time that a record bears; facts whose clock is an hour off the record's.  A whole log whose
every record is too old, or all of it too young, is consistent: the log alone has no other clock.
"""

from tests.cheats.owner import admits, check, edited, failures, history, remade
from tests.evidence.conftest import NOW_MS, Book, terms_of

DAY_MS = 86_400_000


def test_a_call_that_bears_last_weeks_time() -> None:
    book = history()
    book.now_ms -= 7 * DAY_MS
    book.call()
    says = "record 27 bears a time 10079 minutes before that of a record that stands before it"
    assert failures(check(book.bundle())) == {20: says}


def test_terms_adopted_today_as_if_last_week() -> None:
    """The record of the adoption is made to look as if the terms had been there when they were needed."""
    book = history()
    newest = book.now_ms
    book.now_ms -= 7 * DAY_MS
    book.adopt(terms_of(2, "hold"))
    book.now_ms = newest
    book.call()
    assert set(failures(check(book.bundle(profile="none")))) == {20}


def test_the_clock_set_back_to_a_time_when_the_terms_held() -> None:
    """They held until the end of 2027; in 2028 the gateway's clock is set back."""
    book = history()
    book.now_ms = NOW_MS + 500 * DAY_MS
    book.control("gateway.started", "gw1")
    book.now_ms = NOW_MS + DAY_MS
    book.call()
    assert set(failures(check(book.bundle()))) == {20}


def test_a_call_before_its_terms_began_or_after_they_ended() -> None:
    book = history(2)
    for years in (-1, 2):
        at = NOW_MS + years * 366 * DAY_MS
        forged = remade(book, [edited(e, t=at) if i in {5, 6} else i for i, e in enumerate(book.entries)])
        found = failures(check(forged.bundle(profile="none")))
        assert "do not hold at the time it bears" in found[8]
        assert 20 in found


def test_facts_of_another_hour() -> None:
    book = history(2)
    forged = remade(book, [edited(e, t=NOW_MS + 7_300_000) if i in {5, 6} else i for i, e in enumerate(book.entries)])
    assert "more than an hour apart" in failures(check(forged.bundle()))[10]


def test_a_busy_gateway_is_no_cheat() -> None:
    """Clocks are read before records have their place."""
    book = history()
    book.now_ms -= 60_000
    book.call()
    assert check(book.bundle()).verified


def test_a_whole_log_from_another_year() -> None:
    """Not detected by the log alone: the operator keeps the clock a year behind from the first day on."""
    book = Book()
    book.now_ms = NOW_MS - 200 * DAY_MS
    book.found().day(12)
    report = check(book.bundle())
    assert report.verified
    assert any("their clocks are the gateway's own" in what for what in report.beyond)
    admits(
        "absolute time, as long as nobody else's clock is in the log",
        "a whole log whose clock was wrong from its first record",
    )


def test_an_edited_time_of_one_record() -> None:
    book = history()
    book.entries[9] = edited(book.entries[9], t=NOW_MS + 30 * DAY_MS)
    assert 20 in failures(check(book.bundle(profile="none")))
