"""A reply's findings: channels begin, grow and end once; only what has no words may pass unknown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import Unavailable, Unreadable
from caveat.wire.heard import Heard, all_said, as_json, broken, count, identifier, label, opaque, wordless
from caveat.wire.reply import Said, Usage


def test_a_frame_takes_what_was_found_and_no_more():
    heard = Heard()
    heard.prefix = "0"
    heard.say("/content", "a")
    heard.usage = Usage(1, 2)
    frame = heard.frame(b"raw")
    assert (frame.raw, frame.says, frame.ends) == (b"raw", (Said("0/content", "a"),), ())
    assert (frame.usage, frame.last) == (Usage(1, 2), False)
    heard.end("0/")
    last = heard.frame(b"", last=True)
    assert (last.says, last.ends, last.usage, last.last) == ((), ("0/content",), None, True)


def test_nothing_is_said_on_a_channel_that_ended():
    heard = Heard()
    heard.prefix = "0"
    heard.say("/content", "a")
    heard.end("0/")
    heard.say("/content", "")
    with pytest.raises(Unreadable, match="0/content"):
        heard.say("/content", "b")


def test_the_end_of_one_choice_is_not_the_end_of_another():
    heard = Heard()
    for prefix in ("1", "10"):
        heard.prefix = prefix
        heard.say("/content", "x")
    heard.end("1/")
    assert heard.ends == ["1/content"]


def test_a_tool_calls_name_waits_with_its_arguments():
    heard = Heard()
    heard.call("0/tool/0", "look", "/at")
    heard.say("", "{}")
    assert heard.says == [
        Said("0/tool/0/name", "look"),
        Said("0/tool/0", "", "look"),
        Said("0/tool/0", "{}", "look"),
    ]
    heard.end("0/")
    assert heard.ends == ["0/tool/0", "0/tool/0/name"]


@pytest.mark.parametrize("name", [None, "", 5, ["f"]])
def test_a_tool_call_needs_a_name(name):
    with pytest.raises(Unreadable, match="no name"):
        Heard().call("0/tool/0", name, "/at")


PASSES: dict[str, Any] = {"a": 1, "b": None, "c": True, "d": [1, [2.5]], "e": {"f": {"g_1": 0}}, "bedrock-metrics": {}}
REFUSED: dict[str, Any] = {
    "a": "words",
    "b": [1, "words"],
    "c": {"d": "words"},
    "d": {"some words": 1},
    "some words": 1,
    "é": 1,
    "": 1,
    "x" * 65: 1,
}


@pytest.mark.parametrize("name", PASSES)
def test_what_has_no_words_may_be_unknown(name):
    Heard().unknown("/x", PASSES[name], name)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_words_may_not(name):
    with pytest.raises(Unreadable) as refused:
        Heard().unknown("/x", REFUSED[name], name)
    assert refused.value.at == "/x"


def test_a_word_out_of_its_closed_list_is_refused():
    with pytest.raises(Unreadable):
        Heard().unknown("/x", "because")


FIELDS: dict[str, tuple[Any, Any, bool]] = {
    "an id": (identifier, "chatcmpl-1", True),
    "an id too long": (identifier, "x" * 257, False),
    "an id in another script": (identifier, "идентификатор", False),
    "an id as a number": (identifier, 7, False),
    "a name": (label, "modèle de test", True),
    "a name too long": (label, "x" * 257, False),
    "a name as null": (label, None, False),
    "a signature": (opaque, "c2lnbmVk+/==", True),
    "a signature with words": (opaque, "the plan", False),
    "a signature in another script": (opaque, "подпись", False),
    "a signature as a number": (opaque, 1, False),
    "numbers": (wordless, {"a": [1]}, True),
    "no numbers": (wordless, ["a"], False),
    "an input as a list": (as_json(""), [], False),
}


@pytest.mark.parametrize("case", FIELDS)
def test_bounded_fields_of_a_reply(case):
    field, value, fits = FIELDS[case]
    heard = Heard()
    if fits:
        field(value, "/x", heard)
        assert heard.says == []
        return
    with pytest.raises(Unreadable) as refused:
        field(value, "/x", heard)
    assert refused.value.at == "/x"


def test_an_error_of_the_provider_is_not_passed_on():
    with pytest.raises(Unavailable) as raised:
        broken({"message": "secret"}, "/error", Heard())
    assert "secret" not in raised.value.message


def test_count_adds_what_is_there():
    assert count({"a": 1, "b": 2, "c": None, "d": True, "e": -5, "f": 1.5}, "a", "b", "c", "d", "e", "f", "g") == 3


@given(
    st.recursive(
        st.text(min_size=1), lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner), max_leaves=5
    )
)
def test_all_said_says_every_string_and_name(value):
    heard = Heard()
    all_said("x")(value, "/x", heard)
    text = heard.says[0].text if heard.says else ""

    def check(thing):
        if isinstance(thing, str):
            assert thing + "\n" in text
        for key, item in (
            thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
        ):
            if isinstance(key, str):
                check(key)
            check(item)

    check(value)
