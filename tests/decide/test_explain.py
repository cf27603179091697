"""Refusals quote the clause that both parties signed, in the reader's language, and say what can be done."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import clause, facts, terms

from caveat.decide.decide import able, decide
from caveat.decide.explain import CODES, best_language, explain, refusal
from caveat.decide.phrases import PHRASES
from caveat.decide.policy import Policy
from caveat.gateway.call.problems import STATUS
from caveat.waivers.waiver import Waiver

TERMS = terms(
    clause("work", "permit", 'context.purpose == Purpose::"drafting"'),
    clause("no.secrets", "forbid", "context.secretsIn", waivable=True),
    clause("no.weapons", "forbid", 'context.hazardsIn.contains(Hazard::"iwp")'),
    clause("wait", "hold", "context.streaming", waivable=True),
    clause("kept", "oblige", "context.labelRank >= 1", duties=["log.full", {"limit.tokens": 9}]),
    {**clause("braces", "forbid", "context.structured"), "says": {"en": "No {id} {0}.", "fr": "Pas de {id}."}},
)
POLICY = Policy(TERMS)


def test_a_refusal_quotes_the_clause_its_id_and_the_way_on():
    halt = refusal(decide(POLICY, facts(secrets_in=True)), TERMS, "en")
    assert halt.code == "terms_denied"
    assert halt.clause == "no.secrets"
    assert halt.message == (
        "the terms `trial@1` forbid this call; “Says no.secrets.” (clause `no.secrets`); "
        "to ask for an exception: `caveat waiver request --clause no.secrets`"
    )


def test_the_same_in_french():
    halt = refusal(decide(POLICY, facts(secrets_in=True)), TERMS, "fr-CH")
    assert "les conditions `trial@1` interdisent cet appel" in halt.message
    assert "« Dit no.secrets. »" in refusal(decide(POLICY, facts(secrets_in=True)), TERMS, "fr").message


def test_of_several_clauses_one_that_no_waiver_lifts_is_quoted_and_the_others_named():
    halt = refusal(decide(POLICY, facts(secrets_in=True, hazards_in=("iwp",))), TERMS, "en")
    assert halt.clause == "no.weapons"
    assert "so do `no.secrets`" in halt.message
    assert "no waiver can lift this clause" in halt.message


OTHERS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "hold": ({"streaming": True}, "approval_required", "wait", "“Says wait.”"),
    "no permit": ({"purpose": "analysis"}, "terms_denied", "", "what they permit: `work`"),
    "unreadable": ({"unknown_fields": 1}, "unreadable", "", "does not read"),
    "error": ({"purpose": "mischief"}, "decision_error", "", "could not be evaluated"),
    "braces in a sentence": ({"structured": True}, "terms_denied", "braces", "“No {id} {0}.”"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_refusal(name):
    changes, code, clause_id, message = OTHERS[name]
    halt = refusal(decide(POLICY, facts(**changes)), TERMS, "en")
    assert (halt.code, halt.clause) == (code, clause_id)
    assert message in halt.message


def test_a_duty_that_cannot_be_met_is_named():
    decision = able(decide(POLICY, facts(label_rank=1)), {"limit.tokens"})
    assert "`log.full`" in refusal(decision, TERMS, "en").message
    assert refusal(decision, TERMS, "en").code == "duty_unavailable"


def test_every_code_is_one_that_the_gateway_knows():
    assert set(CODES.values()) <= set(STATUS)


def test_an_explanation_tells_outcome_facts_clauses_waivers_and_duties():
    waiver = Waiver("w-1", ("no.secrets",), (), (), (), "r", 0, 2**52, 1, "x", ("a", "b"), "")
    decision = decide(POLICY, facts(secrets_in=True, label_rank=1), [waiver])
    told = explain(decision, TERMS, "en", facts(label_rank=1))
    assert told[0] == "Allowed under the terms `trial@1`: what forbids was lifted by a waiver."
    assert "`chat` by `alice` to `small` for `drafting`; marking rank 1 (floor); hazards: none" in told[1]
    assert "`kept` (kept) adds duties: “Says kept.”" in told
    assert "`no.secrets` (no.secrets) would stop it, but waiver `w-1` lifts it here: “Says no.secrets.”" in told
    assert "To be done with it: `limit.tokens=9`, `log.full`." in told


def test_a_default_deny_names_each_permit_that_did_not_hold():
    told = explain(decide(POLICY, facts(purpose="analysis")), TERMS, "en")
    assert "`work` (work) would permit, but does not hold for this call: “Says work.”" in told


def test_an_error_is_told():
    told = explain(decide(POLICY, facts(purpose="mischief")), TERMS, "en")
    assert "Clause `?`: the facts do not fit the terms' fact schema." in told


def test_every_sentence_exists_in_each_language_with_the_same_gaps():
    gaps = {
        language: {
            key: {name for _, name, _, _ in string.Formatter().parse(text) if name} for key, text in phrases.items()
        }
        for language, phrases in PHRASES.items()
    }
    assert gaps["en"] == gaps["fr"]


LANGUAGES = {
    "the header's": ("fr", "", "fr"),
    "the header's region cut off": ("fr-CA", "", "fr"),
    "the header's order": ("de, fr, en", "", "fr"),
    "the header's weights": ("en;q=0.2, fr;q=0.9", "", "fr"),
    "refused by weight 0": ("fr;q=0, en", "", "en"),
    "the key's": ("de", "fr", "fr"),
    "the key's where the header takes anything": ("*", "fr", "fr"),
    "the first": ("de", "es", "en"),
    "the first where nothing is said": ("", "", "en"),
    "another region of the same language": ("pt-PT", "", "pt-BR"),
    "capitals": ("FR-fr", "", "fr"),
    "what does not parse counts for nothing": ("fr;;q=1, q=, ,", "fr", "fr"),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_language_that_suits_the_reader(name):
    header, key, wanted = LANGUAGES[name]
    assert best_language(header, key, ("en", "fr", "pt-BR")) == wanted


@given(st.text(max_size=60), st.text(max_size=10))
def test_any_header_gives_a_language_of_the_terms(header, key):
    assert best_language(header, key, ("en", "fr")) in ("en", "fr")
