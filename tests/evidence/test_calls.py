"""Each call's outcome: one, at its place, fitting its decision."""

from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import FACTS

from caveat.decide.decision import Decision
from caveat.errors import NotVerified
from caveat.evidence.calls import MAX_KEPT_FACTS, OPEN_MS, Calls
from caveat.evidence.replay import Replayed
from caveat.record import Leaf

PAIR = "sha256:00"
ALLOW = Decision("allow", "permit", (), (), (), (), (), (), PAIR, "cedarpy/4")
DENY = msgspec.structs.replace(ALLOW, verdict="deny", rule="forbid")
HOLD = msgspec.structs.replace(ALLOW, verdict="hold", rule="hold")


def opened(call: str = "a", at_ms: int = 0) -> Leaf:
    return Leaf(1, "opened", "gw1", at_ms, call, PAIR)


def settled(at: int = -1, call: str = "a", ending: str = "completed", **more: Any) -> Leaf:
    return Leaf(1, "settled", "gw1", 0, call, more.pop("terms", PAIR), ending, at, **more)


def begun(*places: int, start: int = 0, decision: Decision | None = ALLOW) -> Calls:
    calls = Calls(start)
    for place in places:
        calls.begin(place, opened(), Replayed(decision, FACTS))
    return calls


def test_an_outcome_is_found_by_its_place_or_right_behind() -> None:
    calls = begun(3, 7)
    assert calls.settle(5, settled(3)) is not None
    assert calls.settle(8, settled()) is not None
    assert (calls.ended, calls.earlier, calls.still_open()) == (2, 0, ())


def test_outcomes_of_calls_from_before_the_range_are_counted() -> None:
    calls = begun(start=100)
    assert calls.settle(104, settled(7)) is None
    assert calls.settle(100, settled()) is None
    assert calls.earlier == 2


MISPLACED = {
    "a call that is not there": (5, settled(4)),
    "a call that comes later": (5, settled(9)),
    "itself": (5, settled(5)),
    "another call": (5, settled(3, call="b")),
    "other terms": (5, settled(3, terms="sha256:11")),
    "not right behind": (5, settled()),
    "what is before everything": (0, settled()),
}


@pytest.mark.parametrize(("index", "leaf"), MISPLACED.values(), ids=MISPLACED.keys())
def test_a_misplaced_outcome_is_refused(index: int, leaf: Leaf) -> None:
    with pytest.raises(NotVerified):
        begun(3).settle(index, leaf)


def test_a_call_ends_once() -> None:
    calls = begun(3)
    calls.settle(5, settled(3))
    with pytest.raises(NotVerified, match="no open call"):
        calls.settle(6, settled(3))


FITS = [
    (ALLOW, "completed", ALLOW), (ALLOW, "stopped", DENY), (ALLOW, "broken", ALLOW), (ALLOW, "aborted", DENY),
    (ALLOW, "unknown", None), (DENY, "denied", None), (DENY, "unknown", None), (HOLD, "held", None),
    (HOLD, "unknown", None), (None, "denied", None), (None, "completed", ALLOW),
]  # fmt: skip
FITS_NOT = [
    (DENY, "completed", None), (DENY, "stopped", None), (DENY, "held", None), (HOLD, "denied", None),
    (HOLD, "completed", None), (ALLOW, "denied", None), (ALLOW, "held", None), (ALLOW, "completed", DENY),
    (ALLOW, "completed", HOLD),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "ending", "last"), FITS)
def test_endings_that_fit(asked: Decision | None, ending: str, last: Decision | None) -> None:
    calls = Calls(0)
    calls.judge(settled(ending=ending), asked, last)
    assert calls.judged == (asked is not None)


@pytest.mark.parametrize(("asked", "ending", "last"), FITS_NOT)
def test_endings_that_do_not_fit(asked: Decision | None, ending: str, last: Decision | None) -> None:
    with pytest.raises(NotVerified):
        Calls(0).judge(settled(ending=ending), asked, last)


@pytest.mark.parametrize("ending", ["denied", "held"])
def test_what_was_not_sent_has_no_tokens(ending: str) -> None:
    """Even where the decision is withheld."""
    with pytest.raises(NotVerified, match="counted tokens"):
        Calls(0).judge(settled(ending=ending, tok=(3, 0)), None, None)


def test_calls_that_stay_open_are_overdue_after_an_hour() -> None:
    calls = Calls(0)
    for place, at_ms in ((1, 0), (2, 1), (3, OPEN_MS + 1)):
        calls.begin(place, opened(at_ms=at_ms), Replayed(None, None))
    assert calls.still_open() == (1, 2, 3)
    assert calls.overdue() == (1,)


def test_facts_are_kept_for_a_bounded_number_of_open_calls() -> None:
    calls = begun(*range(0, 2 * MAX_KEPT_FACTS + 4, 2))
    kept = [calls.settle(place + 1, settled(place)) for place in (0, 2 * MAX_KEPT_FACTS + 2)]
    assert [pending is not None and pending.facts is not None for pending in kept] == [True, False]
    calls.begin(2 * MAX_KEPT_FACTS + 8, opened(), Replayed(None, FACTS))
    again = calls.settle(2 * MAX_KEPT_FACTS + 9, settled(2 * MAX_KEPT_FACTS + 8))
    assert again is not None
    assert again.facts == FACTS
