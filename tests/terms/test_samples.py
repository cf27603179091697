"""The terms that ship read like something two parties would sign, and are whole."""

import pytest
from tests.making import sample

from caveat.errors import BadInput
from caveat.recognize.markings import load_profile
from caveat.terms.parse import parse_terms
from caveat.terms.samples import sample_names, sample_terms


@pytest.mark.parametrize("name", sample_names())
def test_each_of_them_compiles(name):
    """With the caveats of whichever profile it names."""
    yaml = sample_terms(name)
    draft = parse_terms(yaml, ())
    assert parse_terms(yaml, load_profile(draft.markings).caveats).clauses == draft.clauses


def test_institutional_use_has_every_effect_and_kind():
    clauses = sample().clauses
    assert {clause.effect for clause in clauses} == {"permit", "forbid", "hold", "oblige"}
    assert {clause.kind for clause in clauses} == {"enforced", "recorded", "promised"}
    assert 15 <= len(clauses) <= 24


def test_every_sentence_is_there_in_english_and_french():
    for clause in sample().clauses:
        assert set(clause.title) == set(clause.says) == {"en", "fr"}
        assert clause.title["en"] != clause.title["fr"]
        assert clause.says["en"] != clause.says["fr"]


def test_the_gravest_are_never_waivable():
    for id_ in ("weapons.mass", "children.abuse", "marking.ceiling", "force.decision"):
        assert not sample().clause(id_).waivable


def test_a_name_that_is_none_is_refused_with_the_names_there_are():
    with pytest.raises(BadInput) as caught:
        sample_terms("../../etc/passwd")
    assert "institutional-use" in caught.value.hint
