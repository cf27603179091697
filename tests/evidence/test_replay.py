"""Deciding again from what was claimed."""

from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import NOW_MS, OPERATOR, VENDOR, terms_of, with_facts

from caveat import record
from caveat.decide.decide import able, decide
from caveat.decide.decision import Decision
from caveat.decide.policy import ENGINE, Policy
from caveat.errors import NotVerified
from caveat.evidence.replay import Replay, Replayed, engine_note
from caveat.facts import Facts
from caveat.record import Head, disclosed, read_aside, read_leaf
from caveat.terms.document import Duty, SignedTerms
from caveat.terms.sign import open_terms

TERMS = open_terms(SignedTerms(terms_of()), {"vendor": [VENDOR.verify_key], "operator": [OPERATOR.verify_key]})
POLICY = Policy(TERMS)
Values = tuple[record.Leaf, dict[str, Any]]


def said(facts: Facts, decision: Decision | None = None, at_ms: int = NOW_MS) -> Values:
    """A first record and what it discloses."""
    head = Head("0" * 32, "gw1", at_ms, bytes(32))
    entry = record.opened(head, facts, decision or decide(POLICY, facts), {})
    leaf = read_leaf(entry.leaf)
    return leaf, disclosed(leaf, read_aside(entry.aside).d)


CLERK = with_facts()
ATTACK = with_facts(hazards_in=("x_cyb",))
PUBLIC = with_facts(output_use="public")


@pytest.mark.parametrize("facts", [CLERK, ATTACK, PUBLIC, with_facts(purpose="targeting"), with_facts(unread_parts=1)])
def test_a_decision_that_follows(facts: Facts) -> None:
    replay = Replay()
    replayed = replay.request(*said(facts), TERMS)
    assert replayed.decision == decide(POLICY, facts)
    assert replayed.facts == facts
    assert (replay.replayed, replay.withheld, replay.engines) == (1, 0, {ENGINE})


ALLOWED = decide(POLICY, CLERK)
OWED = decide(POLICY, PUBLIC)


def but(decision: Decision, **changes: Any) -> Decision:
    return msgspec.structs.replace(decision, **changes)


FOLLOWS_NOT = {
    "allowed what is forbidden": (ATTACK, but(ALLOWED, held=("no.cyber", "office.work"))),
    "denied what is allowed": (CLERK, but(ALLOWED, verdict="deny", rule="forbid", clauses=("no.cyber",))),
    "another rule": (CLERK, but(ALLOWED, rule="waiver")),
    "another clause": (CLERK, but(ALLOWED, clauses=("notice",))),
    "a clause held back": (PUBLIC, but(OWED, held=("office.work",))),
    "a duty held back": (PUBLIC, but(OWED, duties=())),
    "a waiver that nobody granted": (CLERK, but(ALLOWED, waived=(("no.cyber", "w1"),))),
    "an error that none had": (CLERK, but(ALLOWED, errors=(("", "x"),))),
    "other terms": (CLERK, but(ALLOWED, terms="sha256:00")),
    "no duty owed": (CLERK, but(ALLOWED, verdict="deny", rule="duty")),
    "a duty that the terms do not name": (
        PUBLIC, but(OWED, verdict="deny", rule="duty", duties=(Duty("review.human"),)),
    ),
    "a duty for what is forbidden": (
        ATTACK, but(decide(POLICY, ATTACK), verdict="deny", rule="duty", duties=(Duty("label.output"),)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "decision"), FOLLOWS_NOT.values(), ids=FOLLOWS_NOT.keys())
def test_a_decision_that_does_not_follow(facts: Facts, decision: Decision) -> None:
    leaf, values = said(facts, decision)
    with pytest.raises(NotVerified):
        Replay().request(msgspec.structs.replace(leaf, terms=TERMS.digest), values, TERMS)


def test_what_differs_is_named() -> None:
    with pytest.raises(NotVerified, match="its verdict should be `deny`, recorded is `allow`"):
        Replay().request(*said(ATTACK, ALLOWED), TERMS)
    with pytest.raises(NotVerified, match=r"its duties should be \(`label.output`\), recorded is \(\)"):
        Replay().request(*said(PUBLIC, but(OWED, duties=())), TERMS)


def test_a_gateway_that_cannot_meet_a_duty_may_deny() -> None:
    denied = able(OWED, set())
    assert denied.rule == "duty"
    assert Replay().request(*said(PUBLIC, denied), TERMS).decision == denied


def test_another_engine_is_named_not_refused() -> None:
    replay = Replay()
    replay.request(*said(CLERK, but(ALLOWED, engine="cedar-go/1.2")), TERMS)
    assert "cedar-go/1.2" in engine_note(replay.engines)
    assert engine_note({ENGINE}) == ""


@pytest.mark.parametrize("withheld", ["decision", "who", "place", "reply"])
def test_what_is_withheld_is_counted(withheld: str) -> None:
    replay = Replay()
    leaf, values = said(CLERK)
    del values[withheld]
    replayed = replay.request(leaf, values, TERMS)
    assert (replayed.decision is None) == (withheld == "decision")
    assert (replay.replayed, replay.withheld) == (0, 1)


def test_terms_that_are_not_there_cannot_be_replayed() -> None:
    replay = Replay()
    replay.request(*said(CLERK), None)
    assert (replay.replayed, replay.withheld) == (0, 1)


def spoiled(**groups: Any) -> Values:
    leaf, values = said(CLERK)
    return leaf, {**values, **groups}


WHY = said(CLERK)[1]["why"]
UNREADABLE = {
    "a fact more": spoiled(who={**said(CLERK)[1]["who"], "shoe": 43}),
    "a fact less": spoiled(why={k: v for k, v in WHY.items() if k != "purpose"}),
    "a fact of another type": spoiled(why={**WHY, "purpose": 3}),
    "a fact in two groups": spoiled(who={**said(CLERK)[1]["who"], "purpose": "targeting"}),
    "a fact in another group": spoiled(
        who={**said(CLERK)[1]["who"], "purpose": "drafting"}, why={k: v for k, v in WHY.items() if k != "purpose"}
    ),
    "a group that is none": spoiled(why=["drafting"]),
    "a number that is none": spoiled(place={**said(CLERK)[1]["place"], "epoch": 1.5}),
    "a decision that is none": spoiled(decision={"verdict": "allow"}),
    "a decision with more in it": spoiled(decision={**said(CLERK)[1]["decision"], "note": "hello"}),
    "an unknown verdict": spoiled(decision={**said(CLERK)[1]["decision"], "verdict": "maybe"}),
}


@pytest.mark.parametrize(("leaf", "values"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_facts_and_decisions_have_one_form(leaf: record.Leaf, values: dict[str, Any]) -> None:
    with pytest.raises(NotVerified):
        Replay().request(leaf, values, TERMS)


DERIVED = {
    "a hazard without a score": with_facts(hazards_in=("x_cyb",), pm={}, hazard_permille=0),
    "a score without its hazard": with_facts(pm={"x_cyb": 500}, hazard_permille=500),
    "a hazard below the threshold": with_facts(hazards_in=("x_cyb",), pm={"x_cyb": 499}, hazard_permille=499),
    "a highest score that is another": with_facts(pm={"x_cyb": 400}, hazard_permille=300),
    "a hazard that there is none of": with_facts(pm={"x_xyz": 400}, hazard_permille=400),
    "a hazard in the reply without a score": with_facts(hazards_out=("x_cyb",), pm_out={}),
    "a purpose that the terms do not name": with_facts(purpose="unheard-of"),
    "a model that the terms do not name": with_facts(model="large"),
}


@pytest.mark.parametrize("facts", DERIVED.values(), ids=DERIVED.keys())
def test_what_follows_from_other_facts_must(facts: Facts) -> None:
    """A threshold raised, a score hidden: the decision would follow from what was made up."""
    with pytest.raises(NotVerified):
        Replay().request(*said(facts), TERMS)


def test_a_score_below_the_threshold_is_no_hazard() -> None:
    replay = Replay()
    replay.request(*said(with_facts(pm={"x_cyb": 499}, hazard_permille=499)), TERMS)
    assert replay.replayed == 1


@pytest.mark.parametrize("drift_ms", [-3_700_000, 3_700_000])
def test_the_two_clocks_of_a_record_agree(drift_ms: int) -> None:
    """A time in the facts that clauses saw, and the record's own."""
    with pytest.raises(NotVerified, match="clock"):
        Replay().request(*said(CLERK, at_ms=NOW_MS + drift_ms), TERMS)


def outcome(facts: Facts, decision: Decision) -> Values:
    head = Head("0" * 32, "gw1", NOW_MS, bytes(range(32)))
    hidden = {"reply": record.reply_facts(facts), "decision": decision}
    entry = record.settled(head, record.Opening(0, TERMS.digest), "completed", None, hidden)
    leaf = read_leaf(entry.leaf)
    return leaf, disclosed(leaf, read_aside(entry.aside).d)


WORM = with_facts(stage="reply", hazards_out=("x_cyb",))


def test_the_decision_over_a_reply_follows_from_both_records() -> None:
    replay = Replay()
    assert replay.reply(*outcome(WORM, decide(POLICY, WORM)), Replayed(ALLOWED, CLERK), TERMS) == decide(POLICY, WORM)
    with pytest.raises(NotVerified, match="verdict"):
        replay.reply(*outcome(WORM, ALLOWED), Replayed(ALLOWED, CLERK), TERMS)
    assert replay.replayed == 1


def test_a_reply_whose_request_is_withheld_is_counted() -> None:
    replay = Replay()
    replay.reply(*outcome(WORM, ALLOWED), Replayed(ALLOWED, None), TERMS)
    assert (replay.replayed, replay.withheld) == (0, 1)


def test_an_outcome_without_a_decision_has_nothing_to_replay() -> None:
    replay = Replay()
    entry = record.settled(Head("0", "gw1", 5, bytes(32)), record.Opening(0, TERMS.digest), "broken", None, {})
    assert replay.reply(read_leaf(entry.leaf), {}, Replayed(ALLOWED, CLERK), TERMS) is None
    assert (replay.replayed, replay.withheld) == (0, 0)
