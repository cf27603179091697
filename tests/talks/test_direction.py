"""Whether a clause got wider or narrower: proved over every request there could be, by words or by what it rests on."""

from typing import Any

import pytest
from tests.making import ANYTHING, clause, draft

from caveat.talks.direction import directions
from caveat.talks.solvers import z3

z3_or_skip = pytest.importorskip("z3")
BEFORE = 'context.labelRank > 3 && context.purpose == Purpose::"drafting"'
AFTER: dict[str, tuple[str, str]] = {
    "a threshold down": ('context.labelRank > 2 && context.purpose == Purpose::"drafting"', "wider"),
    "a threshold up": ('context.labelRank > 4 && context.purpose == Purpose::"drafting"', "narrower"),
    "a condition less": ("context.labelRank > 3", "wider"),
    "a condition more": (f"{BEFORE} && context.streaming", "narrower"),
    "something else": ("context.streaming", "other"),
    "otherwise written": ('if context.labelRank <= 3 then false else context.purpose == Purpose::"drafting"', "same"),
    "never": ("context.labelRank > 15", "narrower"),
}


@pytest.mark.parametrize("name", AFTER)
def test_by_its_words(name):
    when, says = AFTER[name]
    assert directions(_with(BEFORE), _with(when))["no"] == says
    back = {"wider": "narrower", "narrower": "wider"}.get(says, says)
    assert directions(_with(when), _with(BEFORE))["no"] == back


def test_by_what_it_rests_on():
    """Its words are the same: a threshold moved, and a tool is listed as another kind."""
    hazard = clause("hazard", "forbid", 'context.hazardsIn.contains(Hazard::"iwp")')
    tool = clause("tool", "forbid", 'context.tools.contains(ToolKind::"network")')
    rules = [{"name": "fetch", "kind": kind, "side_effect": "read"} for kind in ("retrieval", "network")]
    before = draft(ANYTHING, hazard, tool, thresholds={"default": 500}, tools=rules[:1])
    after = draft(ANYTHING, hazard, tool, thresholds={"default": 400}, tools=rules[1:], version=2)
    assert directions(before, after) == {"all": "same", "hazard": "wider", "tool": "wider"}


def test_only_clauses_of_both_versions_have_one():
    found = directions(_with(BEFORE), draft(ANYTHING, clause("new", "forbid", "context.streaming"), version=2))
    assert found == {"all": "same"}
    assert z3() is z3_or_skip


def _with(when: str) -> Any:
    return draft(ANYTHING, clause("no", "forbid", when))
