"""What changed between two versions: every difference shows, and nothing else does."""

from typing import Any

import pytest
from tests.making import ANYTHING, clause, draft, sample

from caveat.talks.diff import diff

NO = clause("no", "forbid", "context.secretsIn", basis=["x"])
BEFORE = draft(ANYTHING, NO)


def test_equal_terms_have_no_difference():
    assert diff(sample(), sample()).empty


def test_added_and_removed():
    after = draft(clause("new", "forbid", "context.streaming"), NO)
    changes = diff(BEFORE, after).clauses
    assert [(c.id, c.how) for c in changes] == [("new", "added"), ("all", "removed")]
    assert changes[0].after is not None
    assert changes[0].before is None
    assert changes[1].binding


CHANGED: dict[str, tuple[dict[str, Any], dict[str, tuple[str, str]], bool]] = {
    "reworded": (
        {"says": {"en": "Says no.", "fr": "Non, vraiment."}},
        {"says.fr": ("Dit no.", "Non, vraiment.")},
        False,
    ),
    "title": ({"title": {"en": "No!", "fr": "no"}}, {"title.en": ("no", "No!")}, False),
    "condition": ({"when": "context.secretsOut"}, {"when": ("context.secretsIn", "context.secretsOut")}, True),
    "effect": ({"effect": "hold"}, {"effect": ("forbid", "hold")}, True),
    "waivable": ({"waivable": True}, {"waivable": ("false", "true")}, True),
    "grounds": ({"basis": []}, {"basis": ("x", "")}, False),
    "probe": ({"probe": {"trips": "a", "passes": "b"}}, {"probe": ("", '{"trips":"a","passes":"b"}')}, False),
    "kind, by what it looks at": (
        {"when": "context.caseGiven"},
        {"when": ("context.secretsIn", "context.caseGiven"), "kind": ("enforced", "recorded")},
        True,
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_one_clause_changed(name):
    change, moved, binding = CHANGED[name]
    changes = diff(BEFORE, draft(ANYTHING, {**NO, **change})).clauses
    assert len(changes) == 1
    assert (changes[0].id, changes[0].how, changes[0].binding) == ("no", "changed", binding)
    assert {m.what: (m.before, m.after) for m in changes[0].moved} == moved
    assert changes[0].reworded == (name in ("reworded", "title"))


def test_duties_and_fields():
    before = draft(clause("p", "permit", "true", duties=[{"limit.tokens": 9}], fields=["/a"]))
    after = draft(clause("p", "permit", "true", duties=[{"limit.tokens": 8}, "log.full"], fields=["/a", "/b"]))
    (change,) = diff(before, after).clauses
    assert {m.what: (m.before, m.after) for m in change.moved} == {
        "duties": ("limit.tokens=9", "limit.tokens=8, log.full"),
        "fields": ("/a", "/a, /b"),
    }


def test_spacing_and_comments_in_a_condition_are_no_change():
    assert diff(BEFORE, draft(ANYTHING, {**NO, "when": "( context.secretsIn )  // yes"})).empty


def test_the_order_of_clauses_is_no_change():
    assert diff(BEFORE, draft(NO, ANYTHING)).empty


def test_thresholds_lists_and_the_document():
    after = draft(
        ANYTHING,
        NO,
        version=2,
        purposes=["drafting", "code"],
        models=[{"alias": "large", "identity": "any"}],
        tools=[],
        thresholds={"default": 500, "x_inj": 200},
        valid={"from": "2026-01-01", "until": "2027-12-31"},
        notice={"en": "Machine-made.", "fr": "Écrit par une machine."},
    )
    found = diff(BEFORE, after)
    assert [(m.what, m.before, m.after) for m in found.thresholds] == [("thresholds.x_inj", "300", "200")]
    assert {c.what: (c.added, c.removed) for c in found.lists} == {
        "purposes": (("code",), ("analysis",)),
        "models": (("large = any",), ("small = any",)),
        "tools": ((), ("search_*: retrieval, read", "send_message: message, irreversible")),
    }
    assert {m.what for m in found.document} == {"version", "valid.until", "notice.fr"}
    assert found.clauses == ()
    assert not found.empty
