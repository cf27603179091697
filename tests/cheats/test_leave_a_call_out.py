"""The operator takes a call out of the ledger and signs the rest, whole; or keeps the call and takes out what the seal said.

What detects it: the number that the seal gave the call is in no record; beats follow each other.
"""

import pytest
from tests.cheats.sealed import finding, places, staged, tickets, without


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with staged(tmp_path_factory.mktemp("out")) as stage:
        stage.calls(2).settled()
        stage.collect()
        stage.calls(4).settled()
        stage.collect()
        stage.calls(2).settled()
        stage.collect()
        yield stage


def test_the_whole_ledger_reconciles(stage):
    report = stage.report()
    assert report.verified, report.sentences()
    assert finding(report).says.startswith("calls that reached a model: 8 by")


def test_calls_left_out_are_named_by_number_and_time(stage):
    entries = stage.entries()
    gone = {t.call: t.number for t in tickets(entries) if t.number in (4, 5)}
    report = stage.report(lambda e: without(e, set(places(e, lambda leaf: leaf.call in gone))))
    step = finding(report)
    assert [s.number for s in report.failed] == [13]
    assert (
        f"no record bears numbers {min(gone.values())} to {max(gone.values())} of boot 1, counted between 20"
        in step.says
    )


def test_a_beat_left_out_shows(stage):
    beats = places(stage.entries(), lambda leaf: leaf.what == "meter.beat")
    step = finding(stage.report(lambda entries: without(entries, {beats[2]})))
    assert "is followed by beat" in step.says


def test_all_beats_left_out_prove_nothing(stage):
    step = finding(stage.report(lambda e: without(e, set(places(e, lambda leaf: leaf.what.startswith("meter"))))))
    assert (step.outcome, "no beat of" in step.says) == ("not proved", True)


def test_a_call_told_twice_shows(stage):
    def twice(entries):
        at = places(entries, lambda leaf: leaf.m)[3]
        return [*entries, entries[at - 1], entries[at]]

    words = " ".join((finding(stage.report(twice)).says, *finding(stage.report(twice)).also))
    assert "counted before" in words or "bear one ticket" in words


def test_a_ticket_taken_off_its_record_shows(stage):
    from tests.cheats.sealed import with_leaf

    def bare(entries):
        at = places(entries, lambda leaf: leaf.m)[3]
        entries[at] = with_leaf(entries[at][1], entries[at][0], m=None)
        return entries

    step = finding(stage.report(bare))
    words = " ".join((step.says, *step.also))
    assert "no record bears number 4 of boot 1" in words
    assert "the terms demand a seal, and the answered call bears no ticket" in words


def test_tickets_of_two_calls_exchanged_show(stage):
    from tests.cheats.sealed import with_leaf

    def exchanged(entries):
        first, second = places(entries, lambda leaf: leaf.m)[2:4]
        a, b = entries[first], entries[second]
        entries[first] = with_leaf(a[1], a[0], m=b[1].m)
        entries[second] = with_leaf(b[1], b[0], m=a[1].m)
        return entries

    assert "bears the ticket of another call" in finding(stage.report(exchanged)).says
