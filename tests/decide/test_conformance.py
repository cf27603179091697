"""Decisions as vectors that anyone can run: tests/conformance/decide/*.json."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from caveat.decide.decide import decide
from caveat.decide.policy import Policy
from caveat.facts import Facts
from caveat.terms.document import Terms
from caveat.terms.parse import parse_terms
from caveat.waivers.waiver import Waiver

HERE = Path(__file__).parent.parent / "conformance" / "decide"
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("*.json"))}
CASES = [(name, case["description"]) for name, file in FILES.items() for case in file["cases"]]


def case(name: str, description: str) -> dict[str, Any]:
    (found,) = [case for case in FILES[name]["cases"] if case["description"] == description]
    return dict(found)


@pytest.mark.parametrize(("name", "description"), CASES)
def test_the_decision_is_the_one_that_is_wanted(name, description):
    given = case(name, description)
    policy = Policy(Terms(parse_terms(FILES[name]["terms"].encode()), "", ()))
    facts = msgspec.convert(given["facts"], Facts)
    decision = msgspec.to_builtins(decide(policy, facts, msgspec.convert(given["waivers"], tuple[Waiver, ...])))
    del decision["terms"], decision["engine"]
    assert json.loads(json.dumps(decision)) == given["decision"]


def test_there_are_vectors_of_every_rule():
    """Duties that a gateway cannot meet are no outcome of terms and facts: able() has its own tests."""
    rules = {case["decision"]["rule"] for file in FILES.values() for case in file["cases"]}
    assert rules == {"permit", "waiver", "approval", "forbid", "hold", "no-permit", "unreadable", "error"}
