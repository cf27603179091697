"""Whoever holds a bundle sees whether a call was let through beyond its lease, and by which clock."""

from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import FACTS, NOW_MS, OPERATOR, TERMS, VENDOR, Book, check, failures, outcomes, with_facts

from caveat.decide.decide import decide
from caveat.evidence.steps.leases import LATE_MS
from caveat.terms.document import SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.moment import moment_text
from caveat.terms.parse import parse_terms
from caveat.terms.renewal import sign_renewal
from caveat.terms.sign import claimed_terms, sign_terms

HOUR = 3_600_000
UNTIL = (NOW_MS + HOUR) // 1000 * 1000


def signed(calls: int = 3, more: str = "") -> bytes:
    block = f'lease: {{until: "{moment_text(UNTIL)}", calls: {calls}}}\n{more}'
    yaml = TERMS.format(version=1, effect="forbid").replace("clauses:\n", block + "clauses:\n")
    return sign_terms(parse_terms(yaml.encode()), VENDOR, OPERATOR).raw


class Leasing(Book):
    """A log whose terms have a lease."""

    def lapsed(self, facts: Any = FACTS) -> int:
        """A call that is denied because the lease is over."""
        opening = self.open(facts, decide(self.policy, facts, phase="lapsed"))
        self.settle(opening)
        return opening[0]

    def renew(self, calls: int) -> None:
        terms = claimed_terms(SignedTerms(self.documents[self.pair]))
        note = sign_renewal(terms, VENDOR, issued_ms=self.now_ms, until_ms=self.now_ms + 9 * HOUR, calls=calls)
        self.control("terms.renewed", "office", note)

    def adopt(self, raw: bytes) -> "Leasing":
        super().adopt(raw)
        self.raw = raw
        return self

    @property
    def pair(self) -> str:
        return next(name for name, document in self.documents.items() if document == self.raw)


@pytest.fixture
def book() -> Leasing:
    made = Leasing()
    made.found(signed())
    return made


def step(book: Book, **more: Any) -> Any:
    return next(step for step in check(book.bundle(**more)).steps if step.number == 14)


def test_a_lease_that_was_kept_is_proved(book: Leasing) -> None:
    """Three calls, one denied by a clause, one denied as lapsed; renewed; two more."""
    for _ in range(2):
        book.call()
    book.call(with_facts(hazards_in=("x_cyb",)))
    book.call()
    book.lapsed()
    book.renew(5)
    book.call()
    book.call()
    book.lapsed()
    report = check(book.bundle())
    assert report.verified, failures(report)
    assert "8 calls under a lease" in step(book).says


def test_a_call_beyond_the_count_fails(book: Leasing) -> None:
    for _ in range(3):
        book.call()
    index = book.call()
    found = step(book)
    assert (found.outcome, found.index) == ("failed", index)
    assert "lapsed" in found.says


@pytest.mark.parametrize("back", [False, True], ids=["the clock goes on", "the clock is set back"])
def test_a_call_beyond_the_day_fails_whatever_the_clock_did_then(book: Leasing, back: bool) -> None:
    book.call()
    book.now_ms = UNTIL + LATE_MS
    book.lapsed()
    if back:
        book.now_ms = NOW_MS + 60_000
    index = book.call()
    found = step(book)
    assert (found.outcome, found.index) == ("failed", index)


def test_a_call_that_never_got_its_outcome_counts(book: Leasing) -> None:
    for _ in range(3):
        book.open()
    index = book.call()
    assert step(book).index == index


def test_nobody_hides_a_call_behind_a_lease_that_runs(book: Leasing) -> None:
    index = book.lapsed()
    found = step(book)
    assert (found.outcome, found.index) == ("failed", index)
    assert "ran on" in found.says


def test_continuity_lets_through_what_it_names() -> None:
    book = Leasing()
    book.found(signed(1, "continuity: {calls: 2, purposes: [translation]}\n"))
    book.call()
    book.call(with_facts(purpose="translation"))
    assert step(book).outcome == "proved"
    index = book.call()
    found = step(book)
    assert (found.outcome, found.index) == ("failed", index)
    assert "purpose" in found.says


def test_days_of_continuity_after_the_count_run_from_the_record_that_says_so() -> None:
    book = Leasing()
    book.found(signed(1, "continuity: {days: 1, calls: 9}\n"))
    book.call()
    book.call()
    assert step(book).limits == ("since when the continuity of `office@1` runs: no record says when its lease lapsed",)
    book.control("lease.lapsed", "office")
    book.call()
    book.now_ms += 24 * HOUR + LATE_MS
    assert step(book).outcome == "proved"
    index = book.call()
    assert (step(book).outcome, step(book).index) == ("failed", index)


def test_after_a_revocation_only_its_continuity_is_left() -> None:
    book = Leasing()
    book.found(signed(9, "continuity: {days: 1, purposes: [translation], after: [revocation]}\n"))
    book.call()
    ending = sign_ending(claimed_terms(SignedTerms(book.raw)), VENDOR, "The talks have failed.")
    book.control("terms.ended", "office", ending)
    book.now_ms += LATE_MS
    book.call(with_facts(purpose="translation"))
    book.lapsed()
    assert step(book).outcome == "proved"
    index = book.call()
    assert (step(book).outcome, step(book).index) == ("failed", index)


def test_a_range_that_begins_later_says_what_it_cannot_count(book: Leasing) -> None:
    for _ in range(2):
        book.call()
    middle = len(book.entries)
    book.call()
    found = step(book, start=middle)
    assert found.outcome == "proved"
    assert found.limits == ("how many calls were made under the lease before the range",)


def test_without_a_lease_there_is_nothing_to_find() -> None:
    assert outcomes(check(Book().found().day().bundle()))[14] == "proved"


def test_a_clock_that_was_set_back_is_told(book: Leasing) -> None:
    book.call()
    book.control("clock.back", "gw1", msgspec.json.encode({"clock_ms": 1, "record_ms": NOW_MS}))
    book.control("clock.ahead", "gw1", msgspec.json.encode({"clock_ms": NOW_MS, "expected_ms": 1, "seen": "running"}))
    assert "set back 1 times" in step(book).says
    assert "1 times the clock went ahead" in step(book).says
