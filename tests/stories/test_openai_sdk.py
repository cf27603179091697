"""What a program sees that uses OpenAI's package as it comes, with only its base URL and key changed."""

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from tests.gateway.running import MODEL

from caveat.gateway.scripted.script import Answer, Reply, ToolCall, always

NOTICE = "This text was written by a machine. Check it before you rely on it."
ASK: list[Any] = [{"role": "user", "content": "Say something about the harbour."}]
CALCULATOR: Any = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Works out a sum.",
        "parameters": {"type": "object", "properties": {"sum": {"type": "string"}}, "required": ["sum"]},
    },
}
SHELL: Any = {"type": "function", "function": {"name": "run_shell", "description": "Runs a command.", "parameters": {}}}


@pytest.fixture
def client(gateway):
    return gateway.openai()


def test_a_text(client, upstream):
    reply = client.chat.completions.create(model=MODEL, messages=ASK)
    assert reply.choices[0].message.content == f"Hello there.\n\n{NOTICE}"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.prompt_tokens == 12
    assert reply._request_id


def test_a_stream_with_its_usage(client, upstream):
    stream = client.chat.completions.create(
        model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == f"Hello there.\n\n{NOTICE}"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens == 14


def test_the_streaming_helper(client, upstream):
    with client.chat.completions.stream(model=MODEL, messages=ASK) as stream:
        kinds = {event.type for event in stream}
        whole = stream.get_final_completion()
    assert {"content.delta", "content.done"} <= kinds
    assert whole.choices[0].message.content == f"Hello there.\n\n{NOTICE}"


def test_many_turns_reach_the_model_byte_for_byte(client, upstream):
    turns = [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "developer", "content": "Speak plainly."},
        {"role": "user", "content": [{"type": "text", "text": "Wo liegt Kehl? Où ça ? 😀"}]},
        {"role": "assistant", "content": "Am Rhein."},
        {"role": "user", "content": "And what stands there?"},
    ]
    client.chat.completions.create(model=MODEL, messages=turns, max_tokens=20, stop=["\n\n", "END"], temperature=0.25)
    (received,) = upstream.received
    assert json.loads(received.body) == {
        "messages": turns,
        "model": MODEL,
        "max_tokens": 20,
        "stop": ["\n\n", "END"],
        "temperature": 0.25,
    }


def test_several_choices(client, upstream):
    reply = client.chat.completions.create(model=MODEL, messages=ASK, n=3)
    assert [c.message.content for c in reply.choices] == [f"Hello there.\n\n{NOTICE}"] * 3
    streamed: dict[int, str] = {}
    for chunk in client.chat.completions.create(model=MODEL, messages=ASK, n=2, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] = streamed.get(choice.index, "") + (choice.delta.content or "")
    assert streamed == dict.fromkeys((0, 1), f"Hello there.\n\n{NOTICE}")


@pytest.mark.parametrize("streams", [False, True])
def test_a_listed_tool_is_offered_called_and_answered(client, upstream, streams):
    upstream.play(always(Reply(answer=Answer(tool_calls=(ToolCall("calculator", '{"sum": "17*23"}'),), piece=3))))
    made = client.chat.completions.create(model=MODEL, messages=ASK, tools=[CALCULATOR], stream=streams)
    if streams:
        deltas = [d for c in made for d in (c.choices[0].delta.tool_calls or ())]
        id_, name = deltas[0].id, deltas[0].function.name
        arguments = "".join(d.function.arguments or "" for d in deltas)
    else:
        call = made.choices[0].message.tool_calls[0]
        id_, name, arguments = call.id, call.function.name, call.function.arguments
        assert made.choices[0].finish_reason == "tool_calls"
    assert (name, json.loads(arguments)) == ("calculator", {"sum": "17*23"})
    turns = [
        *ASK,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}],
        },
        {"role": "tool", "tool_call_id": id_, "content": "391"},
    ]
    upstream.play(always(Reply(answer=Answer("It is 391."))))
    reply = client.chat.completions.create(model=MODEL, messages=turns, tools=[CALCULATOR])
    assert reply.choices[0].message.content.startswith("It is 391.")


@pytest.mark.parametrize("streams", [False, True])
def test_an_unlisted_tool_is_refused_before_the_model_hears_of_it(client, upstream, streams):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK, tools=[SHELL], stream=streams)
    assert refused.value.code == "terms_denied"
    assert "only the tools that these terms list" in str(refused.value)
    assert "`tools.listed`" in str(refused.value)
    assert upstream.received == []


@pytest.mark.parametrize("streams", [False, True])
def test_a_model_that_calls_an_unlisted_tool_is_stopped(client, upstream, gateway, streams):
    upstream.play(always(Reply(answer=Answer("Well.", tool_calls=(ToolCall("run_shell", '{"line": "rm -rf /"}'),)))))
    if streams:
        chunks = list(client.chat.completions.create(model=MODEL, messages=ASK, tools=[CALCULATOR], stream=True))
        assert chunks[-1].choices[0].finish_reason == "content_filter"
        assert not any(c.choices[0].delta.tool_calls for c in chunks)
        assert "rm -rf" not in "".join(c.model_dump_json() for c in chunks)
    else:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            client.chat.completions.create(model=MODEL, messages=ASK, tools=[CALCULATOR])
        assert refused.value.code == "terms_denied"
        assert "rm -rf" not in refused.value.response.text
    assert gateway.ending().leaf.o == "stopped"


def test_a_tool_that_cannot_be_undone_waits_for_a_person(client, upstream):
    tool = {"type": "function", "function": {"name": "send_message", "parameters": {"type": "object"}}}
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK, tools=[tool])
    assert refused.value.code == "approval_required"
    assert upstream.received == []


class Harbour(BaseModel):
    name: str
    country: str


def test_structured_output_where_a_clause_permits_it(gateway, upstream):
    upstream.play(always(Reply(answer=Answer('{"name": "Sète", "country": "France"}'))))
    client = gateway.openai(gateway.key("analyst-openai", purpose="analysis"))
    reply = client.chat.completions.parse(model=MODEL, messages=ASK, response_format=Harbour)
    assert reply.choices[0].message.parsed == Harbour(name="Sète", country="France")
    with client.chat.completions.stream(model=MODEL, messages=ASK, response_format=Harbour) as stream:
        assert stream.get_final_completion().choices[0].message.parsed.name == "Sète"


def test_structured_output_where_none_does(client, upstream):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.parse(model=MODEL, messages=ASK, response_format=Harbour)
    assert refused.value.code == "unreadable"
    assert upstream.received == []


def test_words_that_a_schema_dictates_are_read_like_any_others(gateway, upstream):
    client = gateway.openai(gateway.key("analyst-const", purpose="analysis"))
    schema = {"type": "object", "properties": {"said": {"const": "TOP SECRET//SI//NOFORN\nthe report"}}}
    shape = {"type": "json_schema", "json_schema": {"name": "said", "schema": schema}}
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK, response_format=shape)
    assert "`marking.ceiling`" in str(refused.value)
    assert upstream.received == []


def test_a_model_that_no_terms_cover(client, upstream):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-5", messages=ASK)
    assert refused.value.code == "model_not_found"


@pytest.mark.parametrize("key", ["cav-wrong", "sk-anything"])
def test_a_wrong_key(gateway, upstream, key):
    with pytest.raises(openai.AuthenticationError) as refused:
        gateway.openai(key).chat.completions.create(model=MODEL, messages=ASK)
    assert refused.value.code == "invalid_key"
    assert key not in refused.value.response.text


def test_models(client, upstream):
    assert [m.id for m in client.models.list()] == [MODEL]


def test_endpoints_that_nobody_governs_are_not_there(client, upstream):
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model=MODEL, prompt="Hello")
    with pytest.raises(openai.NotFoundError):
        client.images.generate(prompt="a cat")
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="Hello")
    assert upstream.received == []


def test_the_raw_response_names_call_terms_and_ticket(client, upstream, gateway):
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK)
    assert raw.headers["x-caveat-decision"] == "allow"
    assert raw.headers["x-caveat-terms"] == "institutional-use@1"
    assert raw.headers["x-caveat-call"] == raw.headers["x-request-id"] == raw.headers["request-id"]
    assert [r.leaf.k for r in gateway.call(raw.headers["x-caveat-call"])] == ["opened", "settled"]
    assert raw.headers.get_list("x-request-id") == [raw.headers["x-request-id"]]
