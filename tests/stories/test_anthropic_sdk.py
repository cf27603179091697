"""What a program sees that uses Anthropic's package as it comes, with only its base URL and key changed."""

import json
from typing import Any

import anthropic
import pytest
from tests.gateway.running import MODEL

from caveat.gateway.scripted.script import Answer, Reply, ToolCall, always

NOTICE = "This text was written by a machine. Check it before you rely on it."
ASK: list[Any] = [{"role": "user", "content": "Say something about the harbour."}]
BASE: dict[str, Any] = {"model": MODEL, "max_tokens": 100}
SUM = {"type": "object", "properties": {"sum": {"type": "string"}}, "required": ["sum"]}
CALCULATOR: Any = {"name": "calculator", "description": "Works out a sum.", "input_schema": SUM}
SHELL: Any = {"name": "run_shell", "description": "Runs a command.", "input_schema": {"type": "object"}}


def details(refused):
    return refused.value.response.json()["error"]["details"]


@pytest.fixture
def client(gateway):
    return gateway.anthropic()


def test_a_text(client, upstream):
    reply = client.messages.create(messages=ASK, **BASE)
    assert reply.content[0].text == f"Hello there.\n\n{NOTICE}"
    assert reply.stop_reason == "end_turn"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (12, 2)
    assert reply._request_id


def test_a_stream(client, upstream):
    events = list(client.messages.create(messages=ASK, stream=True, **BASE))
    text = "".join(e.delta.text for e in events if e.type == "content_block_delta")
    assert text == f"Hello there.\n\n{NOTICE}"
    assert [e.type for e in events][-2:] == ["message_delta", "message_stop"]


def test_the_streaming_helper(client, upstream):
    with client.messages.stream(messages=ASK, **BASE) as stream:
        assert "".join(stream.text_stream) == f"Hello there.\n\n{NOTICE}"
        assert stream.get_final_message().stop_reason == "end_turn"


def test_the_path_with_the_vendors_prefix(gateway, upstream):
    with anthropic.Anthropic(api_key=gateway.caller_key, base_url=f"{gateway.url}/anthropic") as client:
        assert client.messages.create(messages=ASK, **BASE).stop_reason == "end_turn"
    assert upstream.received[0].path == "/v1/messages"


def test_a_bearer_token_serves_as_well(gateway, upstream):
    with anthropic.Anthropic(auth_token=gateway.caller_key, base_url=gateway.url) as client:
        assert client.messages.create(messages=ASK, **BASE).stop_reason == "end_turn"


def test_beta_headers_and_query_go_upstream_as_they_came(client, upstream):
    client.beta.messages.create(messages=ASK, betas=["context-1m-2025-08-07"], extra_query={"beta": "true"}, **BASE)
    (received,) = upstream.received
    assert received.query == "beta=true"
    assert received.headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert received.headers["anthropic-version"] == client.default_headers["anthropic-version"]


def test_many_turns_reach_the_model_byte_for_byte(client, upstream):
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "Où est Sète ? 😀"}]},
        {"role": "assistant", "content": "Au bord de la mer."},
        {"role": "user", "content": "Et encore ?"},
    ]
    system = [{"type": "text", "text": "Answer in one sentence.", "cache_control": {"type": "ephemeral"}}]
    client.messages.create(
        messages=turns, system=system, stop_sequences=["END"], extra_body={"temperature": 0.25}, **BASE
    )
    (received,) = upstream.received
    assert json.loads(received.body) == {
        **BASE,
        "messages": turns,
        "system": system,
        "stop_sequences": ["END"],
        "temperature": 0.25,
    }


@pytest.mark.parametrize("streams", [False, True])
def test_a_listed_tool_is_offered_called_and_answered(client, upstream, streams):
    upstream.play(always(Reply(answer=Answer(tool_calls=(ToolCall("calculator", '{"sum": "17*23"}'),), piece=3))))
    if streams:
        with client.messages.stream(messages=ASK, tools=[CALCULATOR], **BASE) as stream:
            made = stream.get_final_message()
    else:
        made = client.messages.create(messages=ASK, tools=[CALCULATOR], **BASE)
    (used,) = made.content
    assert (used.name, used.input, made.stop_reason) == ("calculator", {"sum": "17*23"}, "tool_use")
    turns = [
        *ASK,
        {"role": "assistant", "content": [used.model_dump(exclude_none=True)]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": used.id, "content": "391"}]},
    ]
    upstream.play(always(Reply(answer=Answer("It is 391."))))
    reply = client.messages.create(messages=turns, tools=[CALCULATOR], **BASE)
    assert reply.content[0].text.startswith("It is 391.")


@pytest.mark.parametrize("streams", [False, True])
def test_an_unlisted_tool_is_refused_before_the_model_hears_of_it(client, upstream, streams):
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client.messages.create(messages=ASK, tools=[SHELL], stream=streams, **BASE)
    assert refused.value.type == "permission_error"
    assert details(refused) == {"error_code": "terms_denied", "clause": "tools.listed"}
    assert "only the tools that these terms list" in str(refused.value)
    assert upstream.received == []


@pytest.mark.parametrize("streams", [False, True])
def test_a_model_that_calls_an_unlisted_tool_is_stopped(client, upstream, gateway, streams):
    upstream.play(always(Reply(answer=Answer("Well.", tool_calls=(ToolCall("run_shell", '{"line": "rm -rf /"}'),)))))
    if streams:
        with client.messages.stream(messages=ASK, tools=[CALCULATOR], **BASE) as stream:
            made = stream.get_final_message()
        assert made.stop_reason == "refusal"
        assert made.stop_details.category == "tools.listed"
        assert "rm -rf" not in made.model_dump_json()
        assert [block.type for block in made.content] == ["text"]
    else:
        with pytest.raises(anthropic.PermissionDeniedError) as refused:
            client.messages.create(messages=ASK, tools=[CALCULATOR], **BASE)
        assert "rm -rf" not in refused.value.response.text
    assert gateway.ending().leaf.o == "stopped"


def test_a_tool_result_above_the_ceiling_is_refused(client, upstream):
    """What a tool brings back is read like what a person types."""
    turns = [
        *ASK,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "lookup_file", "input": {}}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": "TOP SECRET//SI//NOFORN\nThe report."}],
                }
            ],
        },
    ]
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client.messages.create(messages=turns, **BASE)
    assert details(refused)["clause"] == "marking.ceiling"
    assert upstream.received == []


def test_a_picture_is_refused(client, upstream):
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    turns = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client.messages.create(messages=turns, **BASE)
    assert details(refused)["clause"] == "parts.unread"
    assert upstream.received == []


def test_reasoning_is_read_and_passed_on(client, upstream):
    upstream.play(always(Reply(answer=Answer("Yes.", reasoning="They ask about the harbour."))))
    with client.messages.stream(messages=ASK, **BASE) as stream:
        made = stream.get_final_message()
    assert [block.type for block in made.content] == ["thinking", "text"]
    assert made.content[0].thinking == "They ask about the harbour."


def test_a_model_that_no_terms_cover(client, upstream):
    with pytest.raises(anthropic.NotFoundError) as refused:
        client.messages.create(model="claude-x", max_tokens=10, messages=ASK)
    assert details(refused)["error_code"] == "model_not_found"


def test_a_wrong_key(gateway, upstream):
    with pytest.raises(anthropic.AuthenticationError) as refused:
        gateway.anthropic("cav-wrong").messages.create(messages=ASK, **BASE)
    assert refused.value.type == "authentication_error"


def test_models(client, upstream):
    assert [m.id for m in client.models.list()] == [MODEL]
