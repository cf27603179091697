"""The Cedar schema is the vocabulary and the terms' own lists, and nothing else."""

import json

import cedarpy
import pytest

from caveat import vocabulary as v
from caveat.terms.cedar_schema import NONE_LISTED, Lists, fact_types, listed, projected, schema_text, words

LISTS = Lists(purposes=("drafting",), caveats=("NOFORN",), fields=(), models=("small", "large"))
SCHEMA = json.loads(schema_text(LISTS))[""]


def test_cedar_reads_it():
    cedarpy.Schema.from_json_str(schema_text(LISTS))


def test_every_operation_has_the_whole_context():
    assert set(SCHEMA["actions"]) == set(v.OPERATIONS)
    for action in SCHEMA["actions"].values():
        assert set(action["appliesTo"]["context"]["attributes"]) == set(fact_types())


def test_every_closed_list_is_an_enumerated_type():
    for name, values in words(LISTS).items():
        if name != "Action":
            assert SCHEMA["entityTypes"][name] == {"enum": list(values)}
    assert SCHEMA["entityTypes"]["Caller"] == {}


def test_a_score_for_each_hazard_and_direction():
    names = set(fact_types())
    assert all({f"pm_{code}", f"pmOut_{code}"} <= names for code in v.HAZARDS)
    assert len(names) == len(v.FACTS) + 2 * len(v.HAZARDS)


def test_a_list_without_words_holds_the_reserved_one():
    assert SCHEMA["entityTypes"]["Field"] == {"enum": [NONE_LISTED]}
    assert listed(schema_text(LISTS), "Field") == ()
    assert listed(schema_text(LISTS), "Caveat") == ("NOFORN",)
    with pytest.raises(KeyError):
        listed(schema_text(LISTS), "Caller")


def test_a_projection_keeps_types_and_drops_facts():
    cut = json.loads(projected(schema_text(LISTS), frozenset({"purpose", "pm_x_sur"})))[""]
    assert cut["entityTypes"] == SCHEMA["entityTypes"]
    assert set(cut["actions"]["chat"]["appliesTo"]["context"]["attributes"]) == {"purpose", "pm_x_sur"}
