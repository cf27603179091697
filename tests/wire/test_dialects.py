"""Every dialect keeps the promises of dialect.Dialect."""

import json
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import CaveatError
from caveat.wire.dialects import BY_PATH, DIALECTS
from caveat.wire.reply import Halt

PATHS = {
    "/v1/chat/completions": "openai_chat",
    "/v1/embeddings": "openai_embeddings",
    "/v1/messages": "anthropic_messages",
    "/anthropic/v1/messages": "anthropic_messages",
    "/v1/messages/count_tokens": "anthropic_count_tokens",
    "/anthropic/v1/messages/count_tokens": "anthropic_count_tokens",
}
BODIES = {
    "openai_chat": b'{"stream": true, "model" : "a", "messages": [{"role": "user", "content": "model"}], "max_tokens": 5}',
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


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
def test_with_limit_lowers_and_never_raises(name):
    dialect = DIALECTS[name]
    assert dialect.with_limit(BODIES[name], 5) == BODIES[name]
    assert dialect.read_call(dialect.with_limit(BODIES[name], 3)).max_output_tokens == 3
    without = json.loads(BODIES[name])
    del without["max_tokens"]
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
