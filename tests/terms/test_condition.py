"""Only the part of Cedar that can be analysed completely is a condition."""

import pytest
from tests.making import ANYTHING, clause, terms

from caveat.decide.policy import Policy
from caveat.errors import BadInput
from caveat.terms.condition import DECLARED, MAX_DEPTH, REPLY, read_condition

ACCEPTED = {
    "a word in a set": ('context.hazardsIn.contains(Hazard::"x_sur")', {"hazardsIn"}),
    "a fact in a list": ('[Purpose::"a", Purpose::"b"].contains(context.purpose)', {"purpose"}),
    "all and any": (
        'context.tools.containsAny([ToolKind::"network"]) || context.tools.containsAll([ToolKind::"message"])',
        {"tools"},
    ),
    "empty": ("context.fields.isEmpty()", {"fields"}),
    "integers": (
        "context.labelRank >= 2 && context.pm_x_sur < 700 && 3 != context.choices",
        {"labelRank", "pm_x_sur", "choices"},
    ),
    "two facts": ("context.labelRank > context.clearanceRank", {"labelRank", "clearanceRank"}),
    "if": (
        'if context.streaming then context.secretsIn else action == Action::"chat"',
        {"streaming", "secretsIn", "action"},
    ),
    "who and which": ('principal == Caller::"eve" || resource == Model::"small"', {"principal", "resource"}),
    "a comment": ("context.secretsIn // because", {"secretsIn"}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    when, reads = ACCEPTED[name]
    assert read_condition(when).reads == reads


REFUSED = {
    "arithmetic": ("context.labelRank * 2 > 3", "arithmetic with `*`"),
    "minus": ("context.labelRank - 2 > 3", "arithmetic with `-`"),
    "negative": ("context.labelRank > -1", "negative"),
    "negated fact": ("context.labelRank > -(context.choices)", "negative"),
    "has": ("context has purpose", "`has`"),
    "text": ('context.purpose == "drafting"', "text"),
    "like": ('context.purpose like "d*"', "`like`"),
    "is": ("principal is Caller", "`is`"),
    "record": ("{a: 1} == {a: 1}", "a record"),
    "whole context": ("context == context", "context as a whole"),
    "attribute of an entity": ("principal.age > 3", "attributes of entities"),
    "attribute of a literal": ('Caller::"x".age > 3', "attributes of entities"),
    "tags": ('principal.hasTag("x")', "tags"),
    "address": ('ip("10.0.0.1").isLoopback()', "function"),
    "decimal": ('decimal("1.0").lessThan(decimal("2.0"))', "function"),
    "set of facts": ("[context.purpose].contains(context.purpose)", "a set of words"),
    "empty set": ("[].contains(context.purpose)", "a set of words"),
    "slot": ('?principal == Caller::"x"', "not a Cedar expression"),
    "nothing": ("", "not a Cedar expression"),
    "half": ("context.secretsIn &&", "not a Cedar expression"),
    "only a comment": ("// true", "not a Cedar expression"),
    "so many brackets that the parser would crash": ("(" * 3000 + "true" + ")" * 3000, "opening brackets"),
    "brackets hidden in negations": ("!(" * 1500 + "true" + ")" * 1500, "opening brackets"),
    "too deep": ("true" + " && true" * 150, "not a Cedar expression"),
    "two policies": ("true }; forbid (principal, action, resource) when { true", "more than one policy"),
    "annotation and policy": (
        'true };\n@id("x") permit (principal, action, resource) when { true',
        "more than one policy",
    ),
    "a template": ("true }; permit (principal == ?principal, action, resource) when { true", "more than one policy"),
    "unless": ("true } unless { false", "more than one `when`"),
    "two whens": ("true } when { false", "more than one `when`"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    when, message = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        read_condition(when)
    assert message in caught.value.message


def test_words_outside_the_known_lists_are_refused_and_callers_are_free():
    known: dict[str, tuple[str, ...]] = {"Purpose": ("drafting",)}
    assert read_condition('principal == Caller::"anyone at all"', known).named == {("Caller", "anyone at all")}
    with pytest.raises(BadInput) as caught:
        read_condition('context.purpose == Purpose::"draftign"', known)
    assert caught.value.hint == "did you mean `drafting`?"


def test_form_ignores_spacing_and_comments_but_not_meaning():
    one = read_condition("context.labelRank<=4&&context.streaming")
    other = read_condition("context.labelRank <= 4   // four\n  && (context.streaming)")
    assert one.form == other.form
    assert one.form != read_condition("context.labelRank <= 5 && context.streaming").form


def test_constants_are_known():
    assert read_condition("true").constant is True
    assert read_condition("false").constant is False
    assert read_condition("true && true").constant is None


def test_declared_and_reply_facts_are_those_of_the_vocabulary():
    assert {"purpose", "effect", "outputUse", "oversight", "regulatedArea", "caseGiven"} == DECLARED
    assert {"stage", "hazardsOut", "pmOut_iwp", "unlistedCalls"} <= REPLY
    assert "pm_iwp" not in REPLY


CHAINS = {
    "or": lambda n: " || ".join(["context.streaming"] * n),
    "not": lambda n: "!(" * (n - 1) + "context.streaming" + ")" * (n - 1),
    "if": lambda n: "if context.streaming then " * (n - 1) + "true" + " else false" * (n - 1),
}


@pytest.mark.parametrize("name", CHAINS)
def test_what_is_accepted_the_engine_can_load(name):
    """Cedar's own JSON form has a depth that it does not read back: terms that deep must not reach the engine."""
    deepest = CHAINS[name](MAX_DEPTH)
    Policy(terms(clause("deep", "forbid", deepest), ANYTHING))
    with pytest.raises(BadInput, match="nested deeper"):
        read_condition(CHAINS[name](MAX_DEPTH + 1))
