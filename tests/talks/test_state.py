"""Talks as a table: who may do what when, and what no step can be."""

import itertools
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.canon import digest
from caveat.errors import BadInput, NotVerified, Refused
from caveat.talks.state import MOVES, advanced, check_move, derive, may, may_both, onto
from caveat.talks.steps import Role, Step, Taken

NOW = 1_790_000_000_000
MINUTE = 60_000
ONE, TWO, THREE = ("sha256:" + c * 64 for c in "123")
NAMES = {ONE: "office@1", TWO: "office@2", THREE: "office@3"}
count = itertools.count()


def step(verb, by, after: "Taken | None" = None, text=ONE, **more) -> Taken:
    values = {"at_ms": NOW, "note": f"{next(count)}", **more}
    made = Step(1, verb, by, "office", after.id if after else "", NAMES[text], text, **values)
    return Taken(made, digest(msgspec.json.encode(made)), f"{by}.test+0")


def course(*moves, text=ONE) -> list[Taken]:
    """Steps one after the other: ("offer", "vendor"), ..., each about the text given or named third."""
    taken: list[Taken] = []
    for verb, by, *of in moves:
        taken.append(step(verb, by, taken[-1] if taken else None, of[0] if of else text))
    return taken


OFFER, ASK = ("offer", "vendor"), ("request", "operator")
TO_VERIFIED: list[Any] = [OFFER, ("accept", "operator"), ("agree", "vendor"), ("agree", "operator")]
TO_FINAL: list[Any] = [*TO_VERIFIED, ("finalize", "vendor")]
COURSES: dict[str, tuple[list[Any], str]] = {
    "nothing": ([], ""),
    "an offer": ([OFFER], "OFFERED"),
    "a request": ([ASK], "REQUESTED"),
    "a request that is answered": ([ASK, ("offer", "vendor", TWO)], "OFFERED"),
    "counters to and fro": ([OFFER, ("counter", "operator", TWO), ("counter", "vendor", THREE)], "OFFERED"),
    "accepted": ([OFFER, ("accept", "operator")], "ACCEPTED"),
    "a request that the vendor agrees to at once": ([ASK, ("agree", "vendor")], "AGREED"),
    "both have signed": (TO_VERIFIED, "VERIFIED"),
    "finalized": (TO_FINAL, "FINALIZED"),
    "amended": ([*TO_FINAL, ("request", "operator", TWO)], "REQUESTED"),
    "terminated at once": ([OFFER, ("terminate", "operator")], "TERMINATED"),
    "terminated after all": ([*TO_FINAL, ("terminate", "vendor")], "TERMINATED"),
    "begun anew": ([OFFER, ("terminate", "operator"), ("offer", "vendor", TWO)], "OFFERED"),
}


@pytest.mark.parametrize("name", COURSES)
def test_the_state_follows_from_the_steps_in_whatever_order_they_are_read(name):
    moves, state = COURSES[name]
    taken = course(*moves)
    for order in (taken, taken[::-1], taken + taken):
        assert derive("office", order, NOW).state == state


def test_every_state_but_the_last_has_a_way_on():
    reached = {to for _, to in MOVES.values()}
    for state in reached:
        talk = msgspec.structs.replace(derive("office", [], NOW), state=state)
        assert talk.may("vendor") or talk.may("operator")


def test_what_is_finalized_stays_while_a_change_is_talked_about_and_ends_when_it_is_terminated():
    amending = [*TO_FINAL, ("request", "operator", TWO), ("terminate", "vendor", TWO)]
    assert derive("office", course(*amending), NOW).finalized == ("office@1", ONE)
    assert derive("office", course(*TO_FINAL, ("terminate", "vendor")), NOW).finalized is None


def out_of_turn(verb, by, *before, text=ONE, **more):
    taken = course(*before)
    return [*taken, step(verb, by, taken[-1] if taken else None, text, **more)]


REFUSED = {
    "an acceptance of nothing": (
        out_of_turn("accept", "operator"),
        "cannot `accept` when talks about `office` are not begun",
    ),
    "the vendor accepts its own offer": (out_of_turn("accept", "vendor", OFFER), "the vendor cannot `accept`"),
    "the operator finalizes": (out_of_turn("finalize", "operator", *TO_VERIFIED), "the operator cannot `finalize`"),
    "an offer upon an offer": (out_of_turn("offer", "vendor", OFFER), "the vendor cannot `offer`"),
    "agreed before it was accepted": (out_of_turn("agree", "vendor", OFFER), "the vendor cannot `agree`"),
    "agreed again after the end": (out_of_turn("agree", "vendor", OFFER, ("terminate", "operator")), "are TERMINATED"),
    "another text than the one on the table": (
        out_of_turn("accept", "operator", OFFER, text=TWO),
        "another text than the one on the table",
    ),
    "an old version again": (
        out_of_turn("offer", "vendor", *TO_FINAL, text=ONE),
        "expected a later version, got `office@1`",
    ),
    "a deadline in the past": (out_of_turn("offer", "vendor", until_ms=NOW - 1), "lies before the step itself"),
    "dated later than now": (out_of_turn("offer", "vendor", at_ms=NOW + 11 * MINUTE), "dated later than now"),
    "dated before what it answers": (
        out_of_turn("accept", "operator", OFFER, at_ms=NOW - 11 * MINUTE),
        "dated before the `offer`",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_step_that_could_not_have_been_taken_is_refused(name):
    taken, says = REFUSED[name]
    with pytest.raises(NotVerified) as caught:
        derive("office", taken, NOW)
    assert says in caught.value.message


def test_an_answer_after_the_deadline_is_refused_and_the_party_is_told_before():
    offer = step("offer", "vendor", until_ms=NOW + MINUTE)
    late = step("accept", "operator", offer, at_ms=NOW + 2 * MINUTE)
    with pytest.raises(NotVerified, match="after the deadline"):
        derive("office", [offer, late], NOW + 3 * MINUTE)
    talk = derive("office", [offer], NOW + 2 * MINUTE)
    assert talk.lapsed(NOW + 2 * MINUTE)
    assert not talk.lapsed(NOW)
    with pytest.raises(Refused, match="has lapsed"):
        check_move(talk, "accept", "operator", NOW + 2 * MINUTE)
    check_move(talk, "terminate", "operator", NOW + 2 * MINUTE)


def test_a_step_that_is_missing_is_noticed():
    taken = course(*TO_FINAL)
    with pytest.raises(NotVerified, match="neither directory holds"):
        derive("office", [*taken[:2], *taken[3:]], NOW)


def test_one_party_answers_one_step_once():
    offer = step("offer", "vendor")
    twice = [offer, step("accept", "operator", offer), step("counter", "operator", offer, TWO)]
    with pytest.raises(NotVerified, match="answered the same step twice"):
        derive("office", twice, NOW)


def test_a_step_of_other_talks_is_not_of_these():
    assert derive("lab", course(*TO_FINAL), NOW).state == ""


def test_answers_that_crossed_are_shown_and_settled_by_going_on_from_one():
    """Both begin at once: neither beginning goes before the other."""
    offer, request = step("offer", "vendor"), step("request", "operator", text=TWO)
    talk = derive("office", [offer, request], NOW)
    assert {talk.steps[-1].id, *(one.id for one in talk.crossed)} == {offer.id, request.id}
    with pytest.raises(Refused, match="crossed on the way") as caught:
        check_move(talk, "accept", "operator", NOW)
    chosen = onto(talk, caught.value.hint.partition("--from ")[2].strip("`"))
    assert chosen.steps[-1].id == offer.id
    check_move(chosen, "accept", "operator", NOW)
    settled = derive("office", [offer, request, step("accept", "operator", offer)], NOW)
    assert (settled.state, settled.crossed) == ("ACCEPTED", ())
    with pytest.raises(BadInput, match="no step that crossed"):
        onto(talk, "zz")


def test_a_termination_holds_whatever_crossed_it():
    *before, verified = course(*TO_VERIFIED)
    final = step("finalize", "vendor", verified)
    more = step("offer", "vendor", final, TWO)
    over = step("terminate", "operator", verified)
    assert derive("office", [*before, verified, final, more, over], NOW).state == "TERMINATED"
    again = step("offer", "vendor", over, TWO)
    with pytest.raises(NotVerified, match="terminate"):
        advanced(derive("office", [*before, verified, over], NOW), step("terminate", "vendor", over), NOW)
    assert derive("office", [*before, verified, final, more, over, again], NOW).state == "OFFERED"


def test_whoever_waits_is_told_for_what():
    assert may(derive("office", course(OFFER), NOW), "operator").startswith("the operator can `caveat terms accept`")
    waits = may(derive("office", course(OFFER), NOW), "vendor")
    assert waits.startswith("it is the operator's turn: `caveat terms accept`, `caveat terms counter`")
    assert waits.endswith("; the vendor can only `caveat terms terminate`")
    assert may_both(derive("office", course(OFFER), NOW)).endswith("; either can `caveat terms terminate`")
    assert may(derive("office", [], NOW), "vendor") == "the vendor can `caveat terms offer`"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_whoever_holds_both_parties_steps_finds_the_same_state(seed):
    """Random talks by the rules, some of them crossing; read in any order, with copies, the state is one and the same, and
    a party that has not seen the newest step sees an earlier state of the same talks."""
    rng = Random(seed)
    taken: list[Taken] = []
    for _ in range(rng.randrange(1, 14)):
        talk = derive("office", taken, NOW)
        role: Role = rng.choice(("vendor", "operator"))
        verbs = talk.may(role)
        if not verbs or talk.crossed:
            continue
        verb = rng.choice(verbs)
        version = f"office@{len(taken) + 1}"
        fresh = digest(version.encode())
        on_table = talk.proposed.step if talk.proposed else None
        name, text = (
            (version, fresh)
            if verb in ("request", "offer", "counter") or not on_table
            else (on_table.terms, on_table.digest)
        )
        after = talk.steps[-1].id if talk.steps else ""
        made = Step(1, verb, role, "office", after, name, text, NOW, note=str(rng.random()))
        taken.append(Taken(made, digest(msgspec.json.encode(made)), "k"))
    whole = derive("office", taken, NOW)
    mixed = [*taken, *rng.sample(taken, len(taken) // 2)]
    rng.shuffle(mixed)
    assert derive("office", mixed, NOW) == whole
    for cut in range(len(taken)):
        earlier = derive("office", taken[:cut], NOW)
        assert whole.steps[: len(earlier.steps)] == earlier.steps or whole.state == "TERMINATED"
