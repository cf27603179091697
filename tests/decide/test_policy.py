"""Terms made ready: only facts that clauses read are evaluated, and equal ones once."""

import msgspec
from hypothesis import given, settings
from tests.making import ANYTHING, any_facts, clause, facts, sample, terms

from caveat.decide.policy import FIELD_OF, Policy
from caveat.facts import Facts
from caveat.terms.document import Terms

SAMPLE = Policy(Terms(sample(), "", ()))


def test_what_the_clauses_read():
    policy = Policy(
        terms(
            clause("a", "permit", 'context.labelRank < 3 && action == Action::"chat"'),
            clause("b", "forbid", "context.pmOut_iwp > 1"),
            clause("c", "forbid"),
        )
    )
    assert policy.reads == {"labelRank", "action", "pmOut_iwp"}
    assert policy.clause_reads == {"a": {"labelRank", "action"}, "b": {"pmOut_iwp"}}
    assert policy.permits == ("a",)


def test_reply_facts_are_among_what_the_sample_terms_read():
    assert {"labelRankOut", "secretsOut", "hazardsOut"} <= SAMPLE.reads


@settings(max_examples=100, deadline=None)
@given(any_facts(SAMPLE.terms.draft))
def test_equal_keys_have_equal_truth_and_it_is_remembered(given_facts):
    again = msgspec.structs.replace(given_facts, caller="someone else", epoch=7, chars_in=1)
    assert SAMPLE.key(given_facts) == SAMPLE.key(again)
    assert SAMPLE.truth(given_facts) is SAMPLE.truth(again)


def test_every_field_of_facts_can_be_read_by_its_name_in_the_vocabulary():
    assert set(FIELD_OF.values()) == set(Facts.__struct_fields__)
    assert FIELD_OF["labelRankOut"] == "label_rank_out"


def test_truth_names_every_clause_that_holds_whatever_its_effect():
    policy = Policy(
        terms(
            ANYTHING,
            clause("no", "forbid", "context.secretsIn"),
            clause("wait", "hold", "context.secretsIn"),
            clause("log", "oblige", "context.secretsIn", duties=["log.full"]),
            clause("other", "permit", "context.streaming"),
        )
    )
    assert policy.truth(facts(secrets_in=True)).held == ("all", "log", "no", "wait")
    assert policy.native(facts()) is True
    assert policy.native(facts(secrets_in=True)) is False


def test_a_document_that_only_promises_can_be_made_ready():
    """It permits nothing, so nothing is allowed."""
    policy = Policy(terms(clause("faith", "forbid")))
    assert policy.truth(facts()).held == ()
