"""Facts go on record by group and come back, and Cedar sees them under the vocabulary's names."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from tests.making import any_facts, facts, sample

from caveat import vocabulary as v
from caveat.facts import Caller, Facts, context, grouped, groups, ungrouped


@settings(max_examples=100, deadline=None)
@given(any_facts(sample()))
def test_groups_hold_all_facts_once_and_give_them_back(given_facts):
    groups = grouped(given_facts)
    names = [name for group in groups.values() for name in group]
    assert sorted(names) == sorted(Facts.__struct_encode_fields__)
    assert ungrouped(msgspec.json.decode(msgspec.json.encode(groups))) == given_facts


def test_a_missing_or_mistyped_fact_is_no_facts():
    groups: dict[str, Any] = {str(group): values for group, values in grouped(facts()).items()}
    changes: tuple[dict[str, Any], ...] = ({}, {"labelRank": "high"})
    for change in changes:
        with pytest.raises(msgspec.ValidationError):
            ungrouped({**groups, "data": change})


def test_the_context_has_every_fact_and_every_score():
    values = context(facts(pm={"iwp": 7}, pm_out={"hte": 9}))
    assert len(values) == len(v.FACTS) + 2 * len(v.HAZARDS)
    assert (values["pm_iwp"], values["pmOut_hte"], values["pm_hte"]) == (7, 9, 0)
    assert values["callerKind"] == "human"


def test_a_key_that_holds_another_word_is_refused_when_it_is_read():
    """Keys are JSON documents on record; a word outside the lists never becomes a Caller."""
    good = msgspec.json.encode(Caller("a"))
    assert msgspec.json.decode(good, type=Caller) == Caller("a")
    for bad in (b'{"id":"a","kind":"robot"}', b'{"id":"a","clearance_rank":16}', b'{"id":"a","more":1}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(bad, type=Caller)


@settings(max_examples=100, deadline=None)
@given(any_facts(sample()))
def test_groups_are_written_as_their_dictionaries(given_facts):
    """A record holds the same bytes, whichever way they are made."""
    sort = msgspec.json.Encoder(order="sorted").encode
    assert {name: sort(group) for name, group in groups(given_facts).items()} == {
        name: sort(values) for name, values in grouped(given_facts).items()
    }
