"""The fact schema holds together: one name, one setter, and nothing that Cedar could not carry."""

import re
from pathlib import Path

import msgspec
import pytest

from caveat import vocabulary as v
from caveat.facts import Caller, Facts


def test_each_fact_has_one_name_and_a_meaning():
    names = [fact.name for fact in v.FACTS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]*", name) and fact.says for name, fact in zip(names, v.FACTS, strict=True))


def test_a_closed_list_is_one_list_everywhere():
    """Two facts that share a Cedar type share its words."""
    seen: dict[str, tuple[str, ...]] = {}
    for fact in v.FACTS:
        kind = fact.type.of if isinstance(fact.type, v.SetOf) else fact.type
        if isinstance(kind, v.Enum):
            assert seen.setdefault(kind.name, kind.values) == kind.values
            assert len(set(kind.values)) == len(kind.values)


def test_only_the_terms_own_lists_are_left_empty():
    kinds = [fact.type.of if isinstance(fact.type, v.SetOf) else fact.type for fact in v.FACTS]
    assert {kind.name for kind in kinds if isinstance(kind, v.Enum) and not kind.values} == {
        "Purpose",
        "Caveat",
        "Field",
    }


def test_integers_stay_within_what_json_and_cedar_carry():
    longs = [fact.type for fact in v.FACTS if isinstance(fact.type, v.Long)]
    assert all(0 <= kind.low < kind.high < 2**53 for kind in longs)


def test_facts_has_exactly_the_vocabulary():
    """Every fact has its field, and every field is a fact, one of Cedar's three others, or a table of scores."""
    assert set(Facts.__struct_encode_fields__) == {fact.name for fact in v.FACTS} | {
        "caller",
        "operation",
        "model",
        "pm",
        "pmOut",
    }


def test_a_fact_that_came_later_may_be_unset_and_an_older_one_never_is():
    """What makes records that lack it readable for ever."""
    since = {fact.name: fact.since for fact in v.FACTS}
    for field in msgspec.structs.fields(Facts):
        assert (since.get(field.encode_name, 1) > 1) == (field.default is msgspec.UNSET), field.name


def test_the_version_is_that_of_its_newest_fact_or_word():
    assert v.VERSION >= 1
    assert all(1 <= since <= v.VERSION for since in (*(f.since for f in v.FACTS), *v.WORD_SINCE.values()))
    assert v.known_at(1, "Purpose", ("drafting",)) == ("drafting",)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("kind", v.CALLER_KINDS),
        ("output_use", v.OUTPUT_USES),
        ("effect", v.EFFECTS),
        ("regulated_area", v.AREAS),
        ("oversight", v.OVERSIGHT),
    ],
)
def test_a_key_can_hold_exactly_the_words_of_the_list(field, words):
    schema = msgspec.json.schema(Caller)
    assert tuple(sorted(words)) == tuple(sorted(schema["$defs"]["Caller"]["properties"][field]["enum"]))


def test_every_fact_is_in_the_manual():
    """docs/terms.md names each fact that a clause can use."""
    text = (Path(__file__).parent.parent / "docs" / "terms.md").read_text()
    missing = [fact.name for fact in v.FACTS if f"`{fact.name}`" not in text]
    assert missing == []
