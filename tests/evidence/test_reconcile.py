"""Step 13: the ledger's calls against a seal's numbers.  Each row plays one way in which they may differ."""

import pytest
from tests.evidence.conftest import with_facts
from tests.evidence.sealed import Meter, SealedBook, step_of

from caveat.meter.ticket import START, Counted, Ending, make_ticket


def words(step):
    return " | ".join((step.says, *step.also))


def test_calls_of_several_boots_reconcile():
    book = SealedBook().calls(5)
    book.beat()
    book.calls(3)
    book.beat("close")
    book.boot()
    book.calls(2)
    book.beat("lost")
    book.boot()
    book.beat()
    report = book.report(profile="audit")
    assert report.verified, "\n".join(report.sentences())
    step = step_of(book)
    assert (step.outcome, step.limits) == ("proved", ())
    assert step.says.startswith("calls that reached a model: 10 by `labs.example.test/seal-1`")


def test_calls_that_run_at_once_end_in_any_order():
    book = SealedBook()
    openings = [book.begin() for _ in range(6)]
    numbers = [book.meter.begin() for _ in openings]
    book.beat()
    lines = {i: book.meter.end(numbers[i], openings[i][1].call, book.now_ms) for i in (3, 0, 5)}
    for i in (5, 0, 3):
        book.end(openings[i], lines[i])
    book.beat()
    lines = {i: book.meter.end(numbers[i], openings[i][1].call, book.now_ms) for i in (4, 2, 1)}
    book.end(openings[2], lines[2])
    book.late(lines[4], lines[1])
    book.end(openings[1], lines[1])
    book.end(openings[4], "", "aborted")
    book.beat()
    assert step_of(book).outcome == "proved", step_of(book)


def test_without_a_seal_in_the_terms_nothing_is_proved_and_nothing_fails():
    book = SealedBook(enrolled=False)
    book.day(12)
    step = step_of(book)
    assert (step.outcome, "no terms in force ask for a seal" in step.says) == ("not proved", True)
    assert book.report().verified


def gap(book):
    opening, number = book.begin(), book.meter.begin()
    book.meter.end(number, opening[1].call, book.now_ms)
    book.end(opening, "", "aborted")


def denied_but_served(book):
    opening, number = book.begin(purpose="targeting"), book.meter.begin()
    line = book.meter.end(number, opening[1].call, book.now_ms)
    book.end(opening, "")
    book.late(line)


def denied_with_ticket(book):
    opening, number = book.begin(purpose="targeting"), book.meter.begin()
    book.end(opening, book.meter.end(number, opening[1].call, book.now_ms))


def no_such_call(book):
    book.late(book.meter.end(book.meter.begin(), "ab" * 16, book.now_ms))


def answered_without(book):
    book.end(book.begin(), "")


def fewer_tokens(book):
    opening, number = book.begin(), book.meter.begin()
    book.end(opening, book.meter.end(number, opening[1].call, book.now_ms), tokens=(30, 3))


def another_calls_ticket(book):
    opening, number = book.begin(), book.meter.begin()
    book.end(opening, book.meter.end(number, "ab" * 16, book.now_ms))


def one_ticket_twice(book):
    _, line = book.through()
    opening = book.begin()
    book.end(opening, line)


def one_number_twice(book):
    other = Meter()
    other.take_over(book.meter)
    book.through()
    opening = book.begin()
    book.end(opening, other.end(other.begin(), opening[1].call, book.now_ms))


def forged_ticket(book):
    opening, number = book.begin(), book.meter.begin()
    book.meter.end(number, opening[1].call, book.now_ms)
    forger = Meter(b"\7" * 32)
    counted = Counted(book.meter.now.boot, number, opening[1].call, START)
    book.end(opening, make_ticket(forger.key, counted, Ending(START, 30, 20, "done", 200, 1), START))


def wrong_sum(book):
    book.through()
    book.beat(tokens=(1, 1))


def beat_left_out(book):
    book.meter.beat("tick", book.now_ms)


def restored(book):
    older = Meter()
    older.take_over(book.meter)
    book.calls(2)
    book.beat()
    book.meter.take_over(older)


def boot_left_out(book):
    book.beat("close")
    book.meter.open(book.now_ms)
    book.meter.beat("close", book.now_ms)
    book.boot()


def restored_between_boots(book):
    older = Meter()
    older.take_over(book.meter)
    book.calls(2)
    book.beat("close")
    book.meter.take_over(older)
    book.boot()


def never_closed(book):
    book.boot()


def going_on_after_its_end(book):
    book.beat("close")


def engine_saw_more(book):
    book.beat(engine=(0, 0))
    book.through()
    book.beat(engine=(60, 40))


FOUND = [
    (gap, "no record bears number 3 of boot 1, counted between 20"),
    (denied_but_served, "says that the call was not sent, and record"),
    (denied_with_ticket, "the call ended `denied`, and the seal counted it (number 3 of boot 1)"),
    (no_such_call, f"the seal counted a call `{'ab' * 16}` that no record knows"),
    (answered_without, "the terms demand a seal, and the answered call bears no ticket"),
    (fewer_tokens, "says 30 tokens in and 3 out, the seal 30 and 20"),
    (another_calls_ticket, f"bears the ticket of another call, `{'ab' * 16}`"),
    (one_ticket_twice, "bear one ticket, number 3 of boot 1"),
    (one_number_twice, "bear different tickets under one number, number 3 of boot 1"),
    (forged_ticket, "the seal did not sign the ticket for number 3 of boot 1"),
    (wrong_sum, "the tickets on record add up to 90 tokens in and 60 out, the seal says 1 tokens in and 1 out"),
    (beat_left_out, "is followed by beat"),
    (restored, "is followed by beat 3"),
    (boot_left_out, "boot 1 is followed by beat 1 of boot 3"),
    (restored_between_boots, "boot 2 names number 2 as the last of the boot before it, and the record has 4"),
    (never_closed, "boot 2 begins, and boot 1 was not told as ended"),
    (going_on_after_its_end, "boot 1 goes on after its end"),
    (engine_saw_more, "the engine counted 60 tokens in and 40 out, and 30 tokens in and 20 out came through the seal"),
]


@pytest.mark.parametrize(("cheat", "found"), FOUND, ids=[cheat.__name__ for cheat, _ in FOUND])
def test_every_way_in_which_they_differ_is_named(cheat, found):
    book = SealedBook().calls(2)
    book.beat()
    assert step_of(book).outcome == "proved"
    cheat(book)
    book.calls(1)
    book.beat()
    step = step_of(book)
    assert step.outcome == "failed"
    assert found in words(step), words(step)
    assert not book.report().verified


def test_behind_the_last_beat_signatures_hold_and_completeness_waits():
    book = SealedBook().calls(2)
    book.beat()
    book.calls(2)
    step = step_of(book)
    assert step.outcome == "proved"
    assert step.limits == ("that nothing is missing beside 2 calls behind the last beat",)


def test_a_range_that_begins_later_asks_for_what_came_after_its_first_beat():
    book = SealedBook().calls(3)
    book.beat()
    book.calls(2)
    start = len(book.entries)
    book.calls(2)
    book.beat()
    book.calls(4)
    book.beat()
    step = step_of(book, start)
    assert step.outcome == "proved", step
    assert "may stand before the range: numbers 4 to 5 of boot 1" in " ".join(step.limits)
    gap(book)
    book.beat()
    assert "no record bears number 12 of boot 1" in words(step_of(book, start))


def test_a_range_that_ends_early_looks_at_no_later_beat():
    book = SealedBook().calls(3)
    book.beat()
    to = len(book.entries)
    book.calls(2)
    book.beat()
    assert step_of(book, 0, to).outcome == "proved"


def test_calls_without_figures_make_the_engines_larger_count_plausible():
    book = SealedBook()
    book.beat(engine=(0, 0))
    book.through(tokens=None)
    book.beat(engine=(60, 40))
    assert step_of(book).outcome == "proved"


def test_an_engine_that_was_started_anew_is_named():
    book = SealedBook()
    book.beat(engine=(600, 400))
    book.through()
    book.beat(engine=(30, 20))
    step = step_of(book)
    assert step.outcome == "proved"
    assert any("the engine was started anew" in limit for limit in step.limits)


def test_a_seal_that_counted_before_its_first_beat_on_record_shows():
    meter = Meter()
    meter.open(1)
    meter.end(meter.begin(), "ab" * 16, 1)
    meter.beat("close", 2)
    book = SealedBook(meter)
    assert "1 calls of earlier boots among it, is not on record" in words(step_of(book))


def test_a_cached_prompt_makes_the_records_input_larger_and_that_is_fine():
    book = SealedBook()
    opening, number = book.begin(), book.meter.begin()
    line = book.meter.end(number, opening[1].call, book.now_ms, (10, 20))
    book.end(opening, line, tokens=(30, 20))
    book.beat()
    assert step_of(book).outcome == "proved"


def test_facts_are_not_needed():
    """The profile that discloses nothing proves as much here as the fullest."""
    book = SealedBook().calls(3)
    book.beat()
    steps = [next(s for s in book.report(profile=p).steps if s.number == 13) for p in ("none", "full")]
    assert steps[0] == steps[1]
    assert with_facts().purpose == "drafting"
