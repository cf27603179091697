"""Every dialect keeps the promises of dialect.Dialect."""

import contextlib
import json
import random
import time
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import CaveatError
from caveat.wire.dialects import BY_PATH, DIALECTS
from caveat.wire.reply import Halt

PATHS = {
    "/v1/chat/completions": "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/embeddings": "openai_embeddings",
    "/v1/messages": "anthropic_messages",
    "/anthropic/v1/messages": "anthropic_messages",
    "/v1/messages/count_tokens": "anthropic_count_tokens",
    "/anthropic/v1/messages/count_tokens": "anthropic_count_tokens",
}
BODIES = {
    "openai_chat": b'{"stream": true, "model" : "a", "messages": [{"role": "user", "content": "model"}], "max_tokens": 5}',
    "openai_responses": b'{"stream": true, "model" : "a", "input": "model", "max_output_tokens": 5}',
    "openai_embeddings": b'{"input": "model", "model":"a"}',
    "anthropic_count_tokens": b'{"messages":[{"role":"user","content":"x"}],"model":"a" }',
    "anthropic_messages": b'{"max_tokens":5,"messages":[{"role":"user","content":"x"}],"model":"a" }',
}


def test_paths_lead_to_dialects():
    assert {path: dialect.name for path, dialect in BY_PATH.items()} == PATHS


def test_names_are_the_dialects_own():
    assert all(dialect.name == name for name, dialect in DIALECTS.items())
    assert set(PATHS.values()) == set(DIALECTS) == set(BODIES)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_call_is_named_and_keeps_its_bytes(name):
    call = DIALECTS[name].read_call(BODIES[name])
    assert (call.dialect, call.operation, call.model) == (name, DIALECTS[name].operation, "a")
    assert call.body == BODIES[name]


@pytest.mark.parametrize("name", DIALECTS)
def test_with_model_rewrites_the_models_name_alone(name):
    body = DIALECTS[name].with_model(BODIES[name], 'b"é')
    assert body == BODIES[name].replace(b'"a"', '"b\\"é"'.encode())
    assert DIALECTS[name].read_call(body).model == 'b"é'


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic_messages"])
def test_with_limit_lowers_and_never_raises(name):
    dialect = DIALECTS[name]
    assert dialect.with_limit(BODIES[name], 5) == BODIES[name]
    assert dialect.read_call(dialect.with_limit(BODIES[name], 3)).max_output_tokens == 3
    without = json.loads(BODIES[name])
    del without["max_output_tokens" if name == "openai_responses" else "max_tokens"]
    assert dialect.read_call(dialect.with_limit(json.dumps(without).encode(), 3)).max_output_tokens == 3


@pytest.mark.parametrize("name", DIALECTS)
def test_a_refusal_is_json_that_names_the_call(name):
    refusal = DIALECTS[name].refuse(403, Halt("terms_denied", "é", "c"), "call-1")
    assert refusal.status == 403
    assert dict(refusal.headers)["x-request-id"] == dict(refusal.headers)["request-id"] == "call-1"
    assert json.loads(refusal.body)["error"]["message"] == "é"


@pytest.mark.parametrize("name", DIALECTS)
def test_any_bytes_are_read_or_refused(name):
    """No input gives any exception but the house's own."""
    dialect = DIALECTS[name]

    @given(st.binary(max_size=80) | st.text(max_size=40).map(str.encode))
    def check(data):
        for way in (dialect.read_call, dialect.read_reply, dialect.reader().feed):
            try:
                way(data)
            except CaveatError as error:
                assert error.message

    check()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", DIALECTS)
def test_any_json_in_any_known_field_is_read_or_refused(name):
    dialect = DIALECTS[name]
    fields = {
        *("model", "messages", "tools", "tool_choice", "response_format", "system", "thinking", "stop", "n", "stream"),
        *(
            "choices",
            "usage",
            "delta",
            "message",
            "content",
            "content_block",
            "index",
            "type",
            "error",
            "object",
            "input",
        ),
        *("output", "data", "text", "item", "part", "response", "instructions", "max_tokens"),
        *("item_id", "output_index", "content_index", "arguments", "name", "summary", "annotations", "logprobs"),
    }
    value = st.recursive(
        JSON,
        lambda inner: st.dictionaries(st.sampled_from(sorted(fields)), inner, max_size=4) | st.lists(inner, max_size=2),
        max_leaves=8,
    )

    @given(st.dictionaries(st.sampled_from(sorted(fields)), value, max_size=5))
    def check(body):
        data = json.dumps(body).encode()
        for way, given_data in (
            (dialect.read_call, data),
            (dialect.read_reply, data),
            (dialect.reader().feed, b"data: " + data + b"\n\n"),
        ):
            try:
                way(given_data)
            except CaveatError as error:
                assert error.message

    check()


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
def test_reading_a_small_call_is_quick(name):
    """Aim: 40 us for a body of 600 bytes on an idle core; checked at five times that."""
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x" * 520}]}).encode()
    read = DIALECTS[name].read_call
    best = min(timeit.repeat(lambda: read(body), number=200, repeat=5)) / 200
    assert best < 200e-6


REQUESTS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "u"}, {"type": "image_url", "image_url": {"url": "data:x"}}],
            },
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {}}}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {}},
    },
    "openai_responses": {
        "model": "m",
        "instructions": "i",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "u"}, {"type": "input_image", "file_id": "f"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}]},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"properties": {"a": {}}}}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
    },
    "openai_embeddings": {"model": "m", "input": [[1, 2], "a"]},
    "anthropic_messages": {
        "model": "m",
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}}
                ],
            },
            {"role": "assistant", "content": [{"type": "tool_use", "id": "i", "name": "n", "input": {"a": [1]}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "i", "content": [{"type": "text", "text": "x"}]}],
            },
        ],
        "tools": [{"name": "n", "input_schema": {}}],
        "tool_choice": {"type": "tool", "name": "n"},
        "thinking": {"type": "enabled", "budget_tokens": 1},
    },
}
REQUESTS["anthropic_count_tokens"] = REQUESTS["anthropic_messages"]
REPLIES: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": "x",
                    "tool_calls": [{"id": "i", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                "logprobs": {"content": [{"token": "a", "logprob": 0, "top_logprobs": [{"token": "b", "logprob": 0}]}]},
            }
        ],
        "usage": {"prompt_tokens": 1},
    },
    "openai_responses": {
        "id": "r",
        "object": "response",
        "instructions": "i",
        "tools": [{"type": "function", "name": "f"}],
        "output": [
            {"id": "a", "type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}]},
            {"id": "b", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
            {"id": "c", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"id": "d", "type": "web_search_call", "action": {"query": "q"}},
        ],
        "usage": {"input_tokens": 1},
    },
    "openai_embeddings": {"object": "list", "model": "m", "data": [{"embedding": [1.5], "index": 0}], "usage": {}},
    "anthropic_messages": {
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1}}],
        "usage": {"input_tokens": 1},
    },
    "anthropic_count_tokens": {"input_tokens": 1},
}
EVENTS: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [
        {
            "object": "chat.completion.chunk",
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": "x", "tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]},
                },
            ],
        },
        {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ],
    "openai_responses": [
        {"type": "response.created", "response": {"id": "r", "object": "response", "instructions": "i"}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"id": "m", "type": "message", "role": "assistant", "content": []},
        },
        {
            "type": "response.content_part.added",
            "item_id": "m",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "output_text", "text": ""},
        },
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "x"},
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "x"},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {"id": "m", "type": "message", "content": [{"type": "output_text", "text": "x"}]},
        },
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {"id": "f", "type": "function_call", "name": "f", "arguments": ""},
        },
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"},
        {"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "{}"},
        {"type": "response.completed", "response": REPLIES["openai_responses"]},
    ],
    "openai_embeddings": [],
    "anthropic_messages": [
        {"type": "message_start", "message": REPLIES["anthropic_messages"]},
        {
            "type": "content_block_start",
            "index": 7,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 7, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 7},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ],
    "anthropic_count_tokens": [],
}
JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**53,
    "",
    "x",
    [],
    {},
    [[]],
    [{}],
    {"type": "x"},
    {"type": None},
    ["a"],
    "text",
    {"index": 0},
]


def mutated(thing: Any, chance: random.Random, rate: float) -> Any:
    """The same with some values replaced, members dropped, renamed or added, and items told twice."""
    if chance.random() < rate:
        return chance.choice(JUNK)
    if isinstance(thing, dict):
        names = ["type", "index", "name", "error", "model", "é", "content"]
        kept = {
            chance.choice(names) if chance.random() < rate else name: mutated(item, chance, rate)
            for name, item in thing.items()
            if chance.random() >= rate
        }
        return {**kept, **({chance.choice(names): chance.choice(JUNK)} if chance.random() < rate else {})}
    if isinstance(thing, list):
        items = [mutated(item, chance, rate) for item in thing]
        return [*items, chance.choice(items)] if items and chance.random() < rate else items
    return thing


def check_mutants(name: str, seed: int, seconds: float) -> int:
    """How many mutants were read; each was read or refused, and what was read could be amended."""
    dialect, chance, read = DIALECTS[name], random.Random(seed), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rate = chance.choice([0.01, 0.03, 0.1])
        asked, replied = (json.dumps(mutated(table[name], chance, rate)).encode() for table in (REQUESTS, REPLIES))
        with contextlib.suppress(CaveatError):
            call = dialect.read_call(asked)
            read += 1
            assert dialect.read_call(dialect.with_model(asked, "z")).model == "z"
            assert dialect.read_call(dialect.with_limit(asked, 3)).parts == call.parts
        with contextlib.suppress(CaveatError):
            dialect.read_reply(replied)
            read += 1
            labelled, count = dialect.with_notice(replied, "made by a machine")
            said = [one.text for one in dialect.read_reply(labelled).says]
            assert sum("made by a machine" in text for text in said) == count
        reader, writer = dialect.reader(), dialect.writer()
        with contextlib.suppress(CaveatError):
            for one in EVENTS[name]:
                for frame in reader.feed(b"data: " + json.dumps(mutated(one, chance, rate)).encode() + b"\n\n"):
                    assert writer.leaving(frame)
                    writer.saw(frame)
                    for channel in frame.ends:
                        writer.text(channel, "made by a machine")
                    read += 1
        assert writer.stop(Halt("c", "m")).endswith(b"\n\n")
    return read


@pytest.mark.parametrize("name", DIALECTS)
def test_mutants_are_read_or_refused(name):
    """Nothing but the house's own errors comes out of nearly right bodies, replies and events."""
    assert check_mutants(name, seed=1, seconds=1) > 50


@pytest.mark.slow
@pytest.mark.timeout(4000)
@pytest.mark.parametrize("name", DIALECTS)
def test_many_mutants_are_read_or_refused(name, slow_rounds):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    assert check_mutants(name, seed, slow_rounds(15, 900)) > 50
