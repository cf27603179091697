"""Nothing in a request passes unread: every string is a Part, or a word of a closed list."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import Unreadable
from caveat.wire.asked import SCHEMA_WORDS, TYPE_WORDS, Asked
from caveat.wire.body import step
from caveat.wire.dialects import DIALECTS

# Strings and names that no part needs to hold, because they are words of closed lists or of the tables.
CLOSED = {
    *(
        "system",
        "developer",
        "user",
        "assistant",
        "tool",
        "function",
        "text",
        "refusal",
        "image_url",
        "input_audio",
        "file",
    ),
    *(
        "tool_use",
        "tool_result",
        "thinking",
        "image",
        "document",
        "search_result",
        "base64",
        "url",
        "content",
        "custom",
    ),
    *(
        "auto",
        "none",
        "required",
        "json_object",
        "json_schema",
        "redacted_thinking",
        "low",
        "high",
        "ephemeral",
        "5m",
        "1h",
        "flex",
        "enabled",
        "wav",
    ),
    *("image/png", "text/plain", "application/pdf"),
}
NAMES = {
    *("model", "messages", "role", "content", "name", "type", "text", "tools", "function", "description", "parameters"),
    *(
        "tool_calls",
        "arguments",
        "id",
        "tool_call_id",
        "image_url",
        "url",
        "stop",
        "metadata",
        "user",
        "response_format",
    ),
    *(
        "system",
        "input_schema",
        "input",
        "tool_use_id",
        "source",
        "data",
        "media_type",
        "cache_control",
        "ttl",
        "thinking",
    ),
    *("signature", "stop_sequences", "user_id", "max_tokens", "stream", "temperature", "tool_choice", "service_tier"),
    *("reasoning_effort", "refusal", "title", "context", "citations", "cited_text", "output_config", "effort", "file"),
    *("file_data", "filename", "is_error", "n", "logit_bias", "file_id", "json_schema", "schema", "reasoning_content"),
}

WORDS = st.text(max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
ANY = JSON | st.sampled_from(sorted(CLOSED))


def mostly(value: Any) -> Any:
    """The right value, and now and then another."""
    return st.sampled_from([value] * 12 + [ANY]).flatmap(lambda chosen: chosen)


def members(needs: dict[str, Any], **more: Any) -> Any:
    """An object with the members it needs and some of the others, and now and then one that nobody knows."""
    known = st.fixed_dictionaries(
        {name: mostly(value) for name, value in needs.items()},
        optional={name: mostly(value) for name, value in more.items()},
    )
    strange = mostly(st.just({})).filter(lambda one: isinstance(one, dict)) | st.dictionaries(WORDS, JSON, max_size=1)
    return st.builds(lambda one, other: {**other, **one}, known, strange)


def kind(name: str, needs: dict[str, Any], **more: Any) -> Any:
    return members({"type": st.just(name), **needs}, **more)


CACHE = kind("ephemeral", {}, ttl=st.sampled_from(["5m", "1h"]))
URL = WORDS | st.just("data:image/png;base64,AAAA")
SOURCE = st.one_of(
    kind("base64", {"data": WORDS}, media_type=st.sampled_from(["image/png", "application/pdf"])),
    kind("url", {"url": URL}),
    kind("text", {"data": WORDS, "media_type": st.just("text/plain")}),
    kind("file", {"file_id": WORDS}),
    kind("content", {"content": WORDS}),
)
OPENAI_PART = st.one_of(
    kind("text", {"text": WORDS}),
    kind("refusal", {"refusal": WORDS}),
    kind("image_url", {"image_url": members({"url": URL})}),
    kind("file", {"file": members({}, file_data=WORDS, filename=WORDS, file_id=WORDS)}),
)
ANTHROPIC_PART = st.one_of(
    kind("text", {"text": WORDS}, cache_control=CACHE),
    kind("thinking", {"thinking": WORDS, "signature": WORDS}),
    kind("tool_use", {"id": WORDS, "name": WORDS, "input": st.dictionaries(WORDS, JSON, max_size=2)}),
    kind("tool_result", {"tool_use_id": WORDS}, content=WORDS, is_error=st.booleans()),
    kind("image", {"source": SOURCE}),
    kind("document", {"source": SOURCE}, title=WORDS, context=WORDS),
    kind("redacted_thinking", {"data": WORDS}),
)
SCHEMA = st.dictionaries(
    WORDS | st.sampled_from(sorted(SCHEMA_WORDS)), JSON | st.sampled_from(sorted(TYPE_WORDS)), max_size=3
)
CALL = kind("function", {"id": WORDS, "function": members({"name": WORDS, "arguments": WORDS})})
OPENAI = members(
    {
        "messages": st.lists(
            members(
                {
                    "role": st.sampled_from(["system", "user", "assistant", "tool"]),
                    "content": WORDS | st.lists(OPENAI_PART, max_size=3),
                },
                name=WORDS,
            )
            | members({"role": st.just("assistant")}, tool_calls=st.lists(CALL, max_size=2), refusal=WORDS),
            max_size=3,
        )
    },
    tools=st.lists(
        kind("function", {"function": members({"name": WORDS}, description=WORDS, parameters=SCHEMA)}), max_size=2
    ),
    stop=WORDS | st.lists(WORDS, max_size=2),
    metadata=st.dictionaries(WORDS, WORDS, max_size=2),
    response_format=kind("json_schema", {"json_schema": JSON}) | kind("text", {}),
    tool_choice=st.sampled_from(["auto", "none"]) | kind("function", {"function": members({"name": WORDS})}),
    reasoning_effort=st.sampled_from(["low", "high"]),
    temperature=st.integers(0, 2),
    user=WORDS,
)
ANTHROPIC = members(
    {
        "messages": st.lists(
            members(
                {
                    "role": st.sampled_from(["user", "assistant"]),
                    "content": WORDS | st.lists(ANTHROPIC_PART, max_size=3),
                }
            ),
            max_size=3,
        )
    },
    system=WORDS | st.lists(kind("text", {"text": WORDS}, cache_control=CACHE), max_size=2),
    tools=st.lists(members({"name": WORDS}, description=WORDS, input_schema=SCHEMA), max_size=2),
    stop_sequences=st.lists(WORDS, max_size=2),
    metadata=members({}, user_id=WORDS),
    tool_choice=kind("tool", {"name": WORDS}) | kind("auto", {}),
    output_config=members({}, effort=st.sampled_from(["low", "high"])),
    max_tokens=st.integers(0, 9),
)
BODIES = {"openai_chat": OPENAI, "anthropic_messages": ANTHROPIC}


def spelled(value: Any, at: str = "") -> Any:
    """(pointer, string) of every string and member name in a body."""
    if isinstance(value, str):
        yield at, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        here = step(at, str(key))
        if isinstance(key, str):
            yield here, key
        yield from spelled(item, here)


def pointers(value: Any, at: str = "") -> set[str]:
    """Every pointer into a body."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {at}.union(*(pointers(item, step(at, str(key))) for key, item in pairs))


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
def test_every_string_of_any_body_is_a_part_or_bounded(name):
    read = {"whole": 0}

    @given(BODIES[name])
    def check(body):
        try:
            call = DIALECTS[name].read_call(json.dumps({**body, "model": "m"}).encode())
        except Unreadable:
            return
        read["whole"] += 1
        parts = {(part.at, part.text) for part in call.parts}
        for at, string in spelled(body):
            if (at, string) in parts or at == "/model":
                continue
            if any(at.startswith(unread + "/") for unread in call.unread) and at.endswith(
                ("/file_data", "/data", "/url")
            ):
                continue
            assert string in CLOSED | NAMES | SCHEMA_WORDS | TYPE_WORDS, (at, string)
        for at in (*call.unlisted, *call.unread):
            assert at in pointers(body)

    check()
    assert read["whole"] >= 30


@given(JSON)
def test_spell_finds_every_string(value):
    asked = Asked(bytes(1000))
    asked.spell(value, "/x", "field")
    assert [(part.at, part.text) for part in asked.parts] == list(spelled(value, "/x"))


def test_a_schemas_own_words_are_no_parts_but_all_others_are():
    asked = Asked(bytes(1000))
    asked.spell(
        {
            "type": "object",
            "properties": {"type": {"type": "bomb"}, "bomb": {"type": ["string", "null"], "default": "type"}},
        },
        "",
        "definition",
        schema=True,
    )
    assert [(part.at, part.text) for part in asked.parts] == [
        ("/properties/type/type", "bomb"),
        ("/properties/bomb", "bomb"),
        ("/properties/bomb/type/0", "string"),
        ("/properties/bomb/type/1", "null"),
        ("/properties/bomb/default", "type"),
    ]


def test_an_unknown_fields_own_name_is_a_part():
    asked = Asked(bytes(1000))
    asked.unknown("/a~1b", {"c": ["d"]}, "a/b")
    assert asked.unlisted == ["/a~1b"]
    assert [(part.at, part.voice, part.text) for part in asked.parts] == [
        ("/a~1b", "field", "a/b"),
        ("/a~1b/c", "field", "c"),
        ("/a~1b/c/0", "field", "d"),
    ]


BOMBS = {
    "strings in an unknown field": b'{"model":"m","messages":[],"x":[%s"a"]}' % (b'"abc",' * 150_000),
    "names in an unknown field": b'{"model":"m","messages":[],"x":{%s"a":1}}'
    % b"".join(b'"%x":1,' % n for n in range(60_000)),
    "stop sequences": b'{"model":"m","messages":[],"stop":[%s"a"],"stop_sequences":[%s"a"]}'
    % (b'"a",' * 100_000, b'"a",' * 100_000),
    "messages": b'{"model":"m","messages":[%s{"role":"user","content":""}]}'
    % (b'{"role":"user","content":""},' * 34_000),
    "parts": b'{"model":"m","messages":[{"role":"user","content":[%s{"type":"text","text":"a"}]}]}'
    % (b'{"type":"text","text":""},' * 38_000),
    "unknown parts": b'{"model":"m","messages":[{"role":"user","content":[%s{"type":"text","text":"a"}]}]}'
    % (b'{"type":"x"},' * 70_000),
    "unknown fields": b'{"model":"m","messages":[],%s"z":1}' % b"".join(b'"%x":1,' % n for n in range(60_000)),
    "a long name over many strings": b'{"model":"m","messages":[],"x":{"%s":[%s"a"]}}'
    % (b"k" * 500_000, b'"",' * 100_000),
    "one long word": b'{"model":"m","messages":[{"role":"user","content":"%s"}]}' % (b"a" * 1_000_000),
    "long arguments full of escapes": b'{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"%s"}}]}]}'
    % (b"\\\\u0041" * 140_000),
}


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_no_body_costs_more_than_its_size_warrants(name, bomb):
    """Aim: 50 ms of processor time a megabyte.  Checked at four times that, since other work shares the machine."""
    took = time.process_time()
    try:
        DIALECTS[name].read_call(BOMBS[bomb])
    except Unreadable as error:
        assert len(error.at) <= 1024
    took = time.process_time() - took
    print(f"{name} {bomb}: {took * 1000:.0f} ms, {len(BOMBS[bomb]) / 2**20:.2f} MB")
    assert took < 0.2 * max(1, len(BOMBS[bomb]) / 2**20)
