"""Clauses compiled to Python decide as Cedar does."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decide.test_decide import ILL_FITTING
from tests.making import any_facts, clause, facts, sample, terms
from tests.talks.drawn import random_draft

from caveat.decide.decide import decide
from caveat.decide.policy import Policy
from caveat.talks.compiled import Compiled, source_of
from caveat.terms.document import Terms

SAMPLE = Terms(sample(), "sha256:0", ())
CEDAR, FAST = Policy(SAMPLE), Compiled(SAMPLE)


@settings(max_examples=300, deadline=None)
@given(any_facts(SAMPLE.draft))
def test_the_sample_terms_decide_alike(given_facts):
    assert decide(FAST, given_facts) == decide(CEDAR, given_facts)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_random_clauses_decide_alike(seed, data):
    """Every operator, every fact: whole decisions, whichever clauses held."""
    made = Terms(random_draft(Random(seed), size=8), "sha256:0", ())
    cedar, fast = Policy(made), Compiled(made)
    for given_facts in data.draw(st.lists(any_facts(made.draft), min_size=20, max_size=20)):
        assert decide(fast, given_facts) == decide(cedar, given_facts)


@pytest.mark.parametrize("name", ILL_FITTING)
def test_facts_that_do_not_fit_deny_alike(name):
    one = terms(
        clause("p", "permit", 'context.purpose == Purpose::"drafting"'),
        clause("n", "forbid", 'context.hazardsIn.contains(Hazard::"iwp")'),
    )
    odd = facts(**ILL_FITTING[name])
    assert decide(Compiled(one), odd) == decide(Policy(one), odd)
    assert decide(Compiled(one), odd).rule == "error"


def test_words_stand_as_literals():
    """Whatever a word holds, it is a word in the text: a caller's name is the one that no list bounds."""
    name = "x' or True #\\\"\n{}"
    when = "principal == Caller::" + msgspec.json.encode(name).decode().replace("\\n", "\\n")
    one = terms(clause("p", "permit", when))
    assert repr(name) in source_of(one, ())
    assert decide(Compiled(one), facts(caller="alice")).verdict == "deny"
    assert decide(Compiled(one), facts(caller=name)).verdict == "allow"
    assert decide(Policy(one), facts(caller=name)).verdict == "allow"
