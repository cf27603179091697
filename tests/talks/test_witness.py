"""A few names stand for all: every pointer and every tool name is treated like one of the witnesses."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import BadInput
from caveat.facts.gather import covers
from caveat.talks.witness import pointers, tool_names
from caveat.terms.document import ToolRule

STEPS = st.sampled_from(["a", "b", "*"])
PATTERNS = st.lists(st.lists(STEPS, min_size=1, max_size=3).map(lambda steps: "/" + "/".join(steps)), max_size=4)
NAMES = st.text("ab*", min_size=1, max_size=4)


@given(
    PATTERNS, st.lists(st.sampled_from(["a", "b", "z", "any"]), min_size=1, max_size=4).map(lambda s: "/" + "/".join(s))
)
def test_every_pointer_has_a_witness(patterns, pointer):
    fits = {pattern for pattern in patterns if covers(pattern, pointer)}
    shown = [{pattern for pattern in patterns if covers(pattern, witness)} for witness in pointers(patterns)]
    assert not fits or fits in shown


def test_overlaps_without_end_are_refused():
    many = ["/" + "/".join("a" if step == place else "*" for step in range(8)) for place in range(8)]
    with pytest.raises(BadInput, match="too many ways"):
        pointers(many)


def first(rules, name):
    return next((place for place, rule in enumerate(rules) if fnmatchcase(name, rule.name)), None)


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3), st.text("abz", min_size=1, max_size=5))
def test_every_tool_name_has_a_witness(one, other, name):
    rules = [[ToolRule(pattern, "compute", "none") for pattern in patterns] for patterns in (one, other)]
    shown = {tuple(first(list_, witness) for list_ in rules) for witness in tool_names(*rules)}
    assert tuple(first(list_, name) for list_ in rules) in shown


def test_witnesses_are_short():
    rules = [ToolRule("search_*", "retrieval", "read"), ToolRule("*_all", "db-write", "write")]
    assert tool_names(rules) == ("_", "_all", "search_")
