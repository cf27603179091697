"""Idle clauses and the reach of a waiver: what is proved agrees with what the engine does."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decide.test_decide import waiver
from tests.making import clause, draft, sample
from tests.talks.drawn import random_draft, random_request

from caveat.decide.decide import decide
from caveat.decide.policy import Policy
from caveat.errors import BadInput
from caveat.talks.imagined import settle
from caveat.talks.outcome import formulas
from caveat.talks.reach import Idle, idle, reach
from caveat.talks.symbols import Symbols
from caveat.terms.document import Terms

WORK = clause("work", "permit", "context.labelRank <= 4", duties=["log.digest"])
IDLE = {
    "all matter": ([clause("no", "forbid", "context.secretsIn")], (), ()),
    "covered by a wider one": (
        [clause("wide", "forbid", "context.labelRank > 1"), clause("narrow", "forbid", "context.labelRank > 2")],
        (),
        ("narrow",),
    ),
    "forbids what nothing permits": ([clause("no", "forbid", "context.labelRank > 8")], (), ("no",)),
    "cannot hold": ([clause("no", "forbid", "context.labelRank > 3 && context.labelRank < 2")], ("no",), ()),
    "a hazard over its threshold, with a score under it": (
        [clause("no", "forbid", 'context.hazardsIn.contains(Hazard::"iwp") && context.pm_iwp < 500')],
        ("no",),
        (),
    ),
    "a reply before it began": (
        [clause("no", "forbid", 'context.secretsOut && context.stage == Stage::"request"')],
        ("no",),
        (),
    ),
    "a duty that another clause adds": (
        [clause("again", "oblige", "context.labelRank <= 3", duties=["log.digest"])],
        (),
        ("again",),
    ),
    "a weaker limit": (
        [
            clause("tight", "oblige", "context.streaming", duties=[{"limit.tokens": 9}]),
            clause("loose", "oblige", "context.streaming", duties=[{"limit.tokens": 10}]),
        ],
        (),
        ("loose",),
    ),
    "a permit that lets a field pass": ([clause("too", "permit", "context.labelRank <= 1", fields=["/x"])], (), ()),
    "a permit within another": ([clause("too", "permit", "context.labelRank <= 1")], (), ("too",)),
}


@pytest.mark.parametrize("name", IDLE)
def test_clauses_that_do_nothing(name):
    clauses, never, useless = IDLE[name]
    assert idle(draft(WORK, *clauses)) == Idle(never, useless, ())


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_without_an_idle_clause_nothing_changes(seed):
    """On random requests, the engine agrees that nobody would miss it."""
    rng = Random(seed)
    one = random_draft(rng)
    found = idle(one)
    symbols = Symbols([one])
    formulas(symbols, one, "a")
    symbols.text()
    whole = Policy(Terms(one, "", ()))
    for _ in range(40):
        _, request = random_request(rng, list(symbols.variables.values()))
        decision = settle(whole, request)
        assert not set(decision.held) & set(found.never)
        if decision.rule == "forbid" and len(decision.clauses) == 1:
            live = decision.clauses[0]
            assert live not in found.idle or decision.verdict == "deny"


def test_the_reach_of_a_waiver_is_what_other_clauses_leave():
    terms = sample()
    one = waiver(clauses=("cyber.offensive",), callers=("alice",), purposes=("code",))
    found = {(r.fact, r.word): r.says for r in reach(terms, one)}
    assert found["hazardsIn", "x_cyb"] == "can"
    assert found["hazardsIn", "iwp"] == "cannot"
    assert found["purpose", "drafting"] == "cannot"
    assert found["purpose", "code"] == "can"
    assert found["labelRank", ">= 5"] == "cannot"
    assert found["secretsIn", "true"] == "cannot"


def test_a_waiver_for_nobody_reaches_nothing():
    found = reach(sample(), waiver(clauses=("cyber.offensive",), purposes=("gardening",)))
    assert {one.says for one in found} == {"cannot"}


def test_a_clause_that_cannot_be_waived():
    with pytest.raises(BadInput, match=r"weapons\.mass"):
        reach(sample(), waiver(clauses=("weapons.mass",)))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_the_engine_lets_through_only_what_the_reach_says(seed):
    rng = Random(seed)
    one = random_draft(rng)
    can_be_waived = tuple(c.id for c in one.clauses if c.waivable)
    if not can_be_waived:
        return
    lifts = waiver(clauses=can_be_waived, callers=("bob",), until_ms=2**60)
    cannot = {(r.fact, r.word) for r in reach(one, lifts) if r.says == "cannot"}
    symbols = Symbols([one], callers=("bob",))
    formulas(symbols, one, "a")
    symbols.scope("caller", "Caller")
    policy = Policy(Terms(one, "", ()))
    symbols.text()
    for _ in range(40):
        _, request = random_request(rng, list(symbols.variables.values()))
        facts = request.facts(one)
        if settle(policy, request).verdict != "allow" and decide(policy, facts, [lifts]).verdict == "allow":
            assert not {("hazardsIn", code) for code in facts.hazards_in} & cannot
            assert ("purpose", facts.purpose) not in cannot
