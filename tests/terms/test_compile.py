"""Clauses become one policy set that any Cedar engine can read."""

import json
from typing import Any

import cedarpy
import pytest
from tests.making import ANYTHING, clause, draft, sample

from caveat.errors import BadInput
from caveat.terms.cedar_schema import Lists, schema_text
from caveat.terms.compile import check_condition, compile_clauses, kind_of
from caveat.terms.condition import read_condition
from caveat.terms.document import Clause, Effect

LISTS = Lists(purposes=("drafting",), caveats=(), fields=(), models=("small",))


def one(id_: str, effect: Effect, when: str, says: str = "Says.") -> Clause:
    return Clause(id_, {"en": id_}, {"en": says}, effect, "enforced", when, False, (), (), (), None, 7)


def policies(cedar: str) -> dict[str, Any]:
    est = json.loads(cedarpy.policies_to_json_str(cedar))["staticPolicies"].values()
    return {policy["annotations"]["id"]: policy for policy in est}


def test_effects_as_cedar_knows_them():
    """A hold forbids until approved; an obligation forbids who knows nothing of duties."""
    made = draft(
        ANYTHING,
        clause("no", "forbid", "context.secretsIn"),
        clause("wait", "hold", "context.streaming"),
        clause("label", "oblige", "true", duties=["log.full", {"limit.tokens": 5}]),
        clause("faith", "forbid"),
    )
    found = policies(made.cedar)
    assert {id_: (p["effect"], p["annotations"]["effect"]) for id_, p in found.items()} == {
        "all": ("permit", "permit"),
        "no": ("forbid", "forbid"),
        "wait": ("forbid", "hold"),
        "label": ("forbid", "oblige"),
    }
    assert found["label"]["annotations"]["duties"] == "log.full limit.tokens=5"


@pytest.mark.parametrize(
    "says",
    [
        'quote " and \\ backslash',
        "two\nlines\tand a tab",
        "é ’ « 漢字 » 🙂",
        '"); permit(principal,action,resource);//',
        "\\u{41}",
    ],
)
def test_any_sentence_survives_as_an_annotation(says):
    compiled = compile_clauses([one("a", "permit", "true", says)], LISTS)
    assert policies(compiled.cedar)["a"]["annotations"]["says_en"] == says
    assert len(policies(compiled.cedar)) == 1


def test_what_only_the_validator_sees_is_laid_at_the_right_clause():
    clauses = [
        one("fine", "permit", "context.streaming"),
        one("promise", "forbid", "true"),
        one("bad", "forbid", "context.labelRank"),
    ]
    with pytest.raises(BadInput, match="line 7: clause `bad`: "):
        compile_clauses(clauses, LISTS)


def test_a_condition_on_the_reply_cannot_permit():
    with pytest.raises(BadInput, match="line 9: clause `x`: a permit cannot rest on `hazardsOut`"):
        check_condition('context.hazardsOut.contains(Hazard::"any")', "permit", LISTS, clause="x", line=9)
    assert check_condition("context.secretsOut", "forbid", LISTS, clause="x", line=9).reads == {"secretsOut"}


@pytest.mark.parametrize(
    ("when", "kind"),
    [
        ("context.secretsIn", "enforced"),
        ("true", "enforced"),
        ('principal == Caller::"eve"', "enforced"),
        ('context.purpose == Purpose::"drafting"', "recorded"),
        ('context.secretsIn || context.effect == Effect::"none"', "recorded"),
        ("context.secretsIn && context.caseGiven", "recorded"),
    ],
)
def test_what_a_declaration_can_escape_is_only_recorded(when, kind):
    assert kind_of(read_condition(when)) == kind


def test_equal_terms_compile_to_equal_bytes():
    assert sample().cedar == sample().cedar
    assert sample().schema == schema_text(
        Lists(
            sample().purposes,
            tuple(json.loads(sample().schema)[""]["entityTypes"]["Caveat"]["enum"]),
            ("/response_format", "/text/format"),
            ("smollm2-135m",),
        ),
        sample().vocabulary,
    )
