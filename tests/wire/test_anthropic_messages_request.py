"""Messages requests as the official SDK sends them: every part found, every unlisted field named."""

import json
from typing import Any

import pytest

from caveat.errors import Unreadable
from caveat.wire.anthropic_messages_request import read_call

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
MESSAGE = (
    b'{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":"end_turn",'
    b'"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}'
)
CACHE = {"type": "ephemeral", "ttl": "1h"}
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather there",
    "cache_control": CACHE,
    "strict": True,
    "input_examples": [{"city": "Nice"}],
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Which city", "enum": ["Paris"]}},
        "required": ["city"],
    },
}


def sent(vendor, **asked: Any) -> Any:
    """The call that the SDK's request becomes."""
    vendor.answers(MESSAGE)
    vendor.anthropic.messages.create(**{"model": "m", "max_tokens": 64, "messages": HELLO, **asked})
    return read_call(vendor.bodies[-1])


def said(call) -> set[tuple[str, str, str]]:
    return {(part.at, part.voice, part.text) for part in call.parts}


def test_plain_text(vendor):
    call = sent(vendor, system="be brief", extra_body={"temperature": 0.5, "top_k": 5, "top_p": 0.9})
    assert (call.dialect, call.operation, call.model) == ("anthropic_messages", "chat", "m")
    assert said(call) == {("/system", "system", "be brief"), ("/messages/0/content", "user", "hello")}
    assert (call.streams, call.choices, call.max_output_tokens, call.structured) == (False, 1, 64, False)
    assert (call.unlisted, call.unread, call.tools) == ((), (), ())
    assert vendor.paths == ["/v1/messages"]


def test_several_turns_with_blocks_and_cache_marks(vendor):
    call = sent(
        vendor,
        system=[{"type": "text", "text": "s1", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "s2"}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "u", "cache_control": CACHE}]},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
            {"role": "system", "content": "in between"},
            {"role": "user", "content": "and"},
            {"role": "assistant", "content": "the answer is"},
        ],
    )
    assert said(call) == {
        ("/system/0/text", "system", "s1"),
        ("/system/1/text", "system", "s2"),
        ("/messages/0/content/0/text", "user", "u"),
        ("/messages/1/content/0/text", "model", "a"),
        ("/messages/2/content", "system", "in between"),
        ("/messages/3/content", "user", "and"),
        ("/messages/4/content", "model", "the answer is"),
    }
    assert call.unlisted == ()


def test_tools_calls_and_results(vendor):
    call = sent(
        vendor,
        tools=[WEATHER, {"type": "bash_20250124", "name": "bash"}, {"type": "memory_20250818", "name": "memory"}],
        messages=[
            *HELLO,
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "t1",
                        "name": "get_weather",
                        "input": {"city": ["Paris", 1]},
                        "caller": {"type": "direct"},
                    }
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "rain", "is_error": False},
                    {
                        "type": "tool_result",
                        "tool_use_id": "t2",
                        "content": [
                            {"type": "text", "text": "sun"},
                            {
                                "type": "search_result",
                                "source": "http://s",
                                "title": "T",
                                "content": [{"type": "text", "text": "found"}],
                            },
                        ],
                    },
                    {"type": "tool_result", "tool_use_id": "t3"},
                ],
            },
        ],
    )
    assert [(tool.name, tool.at) for tool in call.tools] == [
        ("get_weather", "/tools/0"),
        ("bash", "/tools/1"),
        ("memory", "/tools/2"),
    ]
    assert {(at, voice, text) for at, voice, text in said(call) if at.startswith("/messages")} == {
        ("/messages/0/content", "user", "hello"),
        ("/messages/1/content/0/id", "field", "t1"),
        ("/messages/1/content/0/name", "model", "get_weather"),
        ("/messages/1/content/0/input/city", "model", "city"),
        ("/messages/1/content/0/input/city/0", "model", "Paris"),
        ("/messages/2/content/0/tool_use_id", "field", "t1"),
        ("/messages/2/content/0/content", "tool", "rain"),
        ("/messages/2/content/1/tool_use_id", "field", "t2"),
        ("/messages/2/content/1/content/0/text", "tool", "sun"),
        ("/messages/2/content/1/content/1/source", "tool", "http://s"),
        ("/messages/2/content/1/content/1/title", "tool", "T"),
        ("/messages/2/content/1/content/1/content/0/text", "tool", "found"),
        ("/messages/2/content/2/tool_use_id", "field", "t3"),
    }
    assert {(at.removeprefix("/tools/0"), text) for at, _, text in said(call) if at.startswith("/tools/0")} == {
        ("/name", "get_weather"),
        ("/description", "The weather there"),
        ("/input_examples/0/city", "city"),
        ("/input_examples/0/city", "Nice"),
        ("/input_schema/properties/city", "city"),
        ("/input_schema/properties/city/description", "Which city"),
        ("/input_schema/properties/city/enum/0", "Paris"),
        ("/input_schema/required/0", "city"),
    }
    assert {part.voice for part in call.parts if part.at.startswith("/tools")} == {"definition"}
    assert call.unlisted == ()


CHOICES = {
    "auto": ({"type": "auto", "disable_parallel_tool_use": True}, False),
    "none": ({"type": "none"}, False),
    "any": ({"type": "any"}, True),
    "tool": ({"type": "tool", "name": "get_weather"}, True),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_forced_tool_dictates_the_replys_shape(vendor, case):
    choice, structured = CHOICES[case]
    call = sent(vendor, tools=[WEATHER], tool_choice=choice)
    assert (call.structured, call.unlisted) == (structured, ())


def test_images_and_documents(vendor):
    """A document that is text is read; files, images and ciphertext are not."""
    call = sent(
        vendor,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
                    {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                        "title": "Plan",
                        "context": "ctx",
                    },
                    {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "all text"},
                        "citations": {"enabled": True},
                    },
                    {
                        "type": "document",
                        "source": {
                            "type": "content",
                            "content": [
                                {"type": "text", "text": "in it"},
                                {"type": "image", "source": {"type": "file", "file_id": "f"}},
                            ],
                        },
                    },
                ],
            },
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "Zm9v"}]},
        ],
    )
    base = "/messages/0/content"
    assert call.unread == (
        *(f"{base}/{n}" for n in (0, 1, 2, 3, 4)),
        f"{base}/6/source/content/1",
        "/messages/1/content/0",
    )
    assert {part.media for part in call.parts if part.at in call.unread} == {"image", "file"}
    assert {(at, text) for at, _, text in said(call) if text} == {
        (f"{base}/1/source/url", "https://example.org/a.png"),
        (f"{base}/2/source/file_id", "file_1"),
        (f"{base}/3/title", "Plan"),
        (f"{base}/3/context", "ctx"),
        (f"{base}/4/source/url", "https://example.org/a.pdf"),
        (f"{base}/5/source/data", "all text"),
        (f"{base}/6/source/content/0/text", "in it"),
        (f"{base}/6/source/content/1/source/file_id", "f"),
    }
    assert call.unlisted == ()


def test_thinking(vendor):
    call = sent(
        vendor,
        thinking={"type": "enabled", "budget_tokens": 1024},
        messages=[
            *HELLO,
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}]},
        ],
    )
    assert ("/messages/1/content/0/thinking", "model", "hm") in said(call)
    assert ("/messages/1/content/0/signature", "field", "c2ln") in said(call)
    assert (call.unlisted, call.unread) == ((), ())


@pytest.mark.parametrize(
    "thinking", [{"type": "disabled"}, {"type": "adaptive", "display": "omitted"}, {"type": "between_tools"}]
)
def test_other_ways_to_think_are_bounded(vendor, thinking):
    assert sent(vendor, thinking=thinking).unlisted == ()


def test_streams(vendor):
    vendor.answers(b'event: message_stop\ndata: {"type": "message_stop"}\n\n', stream=True)
    list(vendor.anthropic.messages.create(model="m", max_tokens=5, messages=HELLO, stream=True))
    assert read_call(vendor.bodies[-1]).streams


def test_every_other_field_of_the_sdk(vendor):
    call = sent(
        vendor,
        stop_sequences=["END"],
        metadata={"user_id": "u-1"},
        service_tier="auto",
        speed="fast",
        inference_geo="eu",
        cache_control=CACHE,
        diagnostics={"previous_message_id": "msg_0"},
        output_config={"effort": "low"},
    )
    assert said(call) == {
        ("/messages/0/content", "user", "hello"),
        ("/stop_sequences/0", "field", "END"),
        ("/metadata/user_id", "field", "u-1"),
        ("/inference_geo", "field", "eu"),
        ("/diagnostics/previous_message_id", "field", "msg_0"),
    }
    assert call.unlisted == ()


def test_what_only_a_clause_lets_pass(vendor):
    call = sent(
        vendor,
        container="container_1",
        output_config={"format": {"type": "json_schema", "schema": {"const": "word for word"}}},
        tools=[
            {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["example.org"]},
            {"type": "code_execution_20250825", "name": "code_execution"},
            {"type": "mcp_toolset", "mcp_server_name": "inside"},
        ],
        extra_body={
            "mcp_servers": [{"type": "url", "url": "http://10.0.0.1", "name": "inside"}],
            "context_management": {"edits": []},
        },
    )
    assert set(call.unlisted) == {
        "/container",
        "/output_config/format",
        "/tools/0",
        "/tools/1",
        "/tools/2",
        "/mcp_servers",
        "/context_management",
    }
    assert [tool.name for tool in call.tools] == ["web_search", "code_execution", "mcp_toolset"]
    assert call.structured
    assert {
        ("/output_config/format/schema/const", "field", "word for word"),
        ("/tools/0/allowed_domains/0", "field", "example.org"),
        ("/mcp_servers/0/url", "field", "http://10.0.0.1"),
        ("/container", "field", "container_1"),
    } <= said(call)


def test_the_replys_own_blocks_can_be_sent_back(vendor):
    """Programs append `reply.content` as the SDK gave it to them."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {
            "type": "text",
            "text": "said",
            "citations": [
                {
                    "type": "char_location",
                    "cited_text": "quoted",
                    "document_index": 0,
                    "document_title": None,
                    "start_char_index": 0,
                    "end_char_index": 6,
                    "file_id": None,
                }
            ],
        },
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
    ]
    vendor.answers(json.dumps({**json.loads(MESSAGE), "content": blocks}).encode())
    reply = vendor.anthropic.messages.create(model="m", max_tokens=5, messages=HELLO)
    call = sent(vendor, messages=[*HELLO, {"role": "assistant", "content": reply.content}])
    assert call.unlisted == ()
    assert ("/messages/1/content/1/citations/0/cited_text", "model", "quoted") in said(call)


def body(**asked: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 5, "messages": HELLO, **asked}).encode()


def turn(*content: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(content)}]}


UNKNOWN: dict[str, tuple[dict[str, Any], Any]] = {
    "a block of an unknown type": (turn({"type": "hologram", "data": "x"}), "/messages/0/content/0"),
    "a server's tool use": (
        turn({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}, role="assistant"),
        "/messages/0/content/0",
    ),
    "a server's tool result": (
        turn({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, role="assistant"),
        "/messages/0/content/0",
    ),
    "an upload": (turn({"type": "container_upload", "file_id": "f"}), "/messages/0/content/0"),
    "a field in a block": (turn({"type": "text", "text": "a", "extra": "x"}), "/messages/0/content/0/extra"),
    "an unknown source": (
        turn({"type": "document", "source": {"type": "tape", "reel": "x"}}),
        "/messages/0/content/0/source",
    ),
    "an unknown block in a tool result": (
        turn(
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "browser_state", "tabs": [{"url": "u"}]}]}
        ),
        "/messages/0/content/0/content/0",
    ),
    "an unknown role": ({"messages": [{"role": "oracle", "content": "a"}]}, "/messages/0"),
    "a cache mark of an unknown kind": (
        turn({"type": "text", "text": "a", "cache_control": {"type": "eternal"}}),
        "/messages/0/content/0/cache_control",
    ),
    "the other vendor's field": ({"logit_bias": {"1": 1}}, "/logit_bias"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_things_are_named_and_all_their_strings_are_parts(case):
    asked, at = UNKNOWN[case]
    call = read_call(body(**asked))
    assert call.unlisted == (at,)
    assert any(part.at.startswith(at) and part.voice == "field" for part in call.parts)


WRONG: dict[str, tuple[dict[str, Any], Any]] = {
    "stream as a string": ({"stream": "true"}, "/stream"),
    "stream as null": ({"stream": None}, "/stream"),
    "max_tokens as a string": ({"max_tokens": "5"}, "/max_tokens"),
    "max_tokens below zero": ({"max_tokens": -1}, "/max_tokens"),
    "system as an object": ({"system": {"text": "x"}}, "/system"),
    "system as null": ({"system": None}, "/system"),
    "a message without words": ({"messages": [{"role": "user"}]}, "/messages/0"),
    "content as null": ({"messages": [{"role": "user", "content": None}]}, "/messages/0/content"),
    "a block as a string": (turn("a"), "/messages/0/content/0"),
    "a text block without text": (turn({"type": "text"}), "/messages/0/content/0"),
    "text as a number": (turn({"type": "text", "text": 1}), "/messages/0/content/0/text"),
    "an image without a source": (turn({"type": "image"}), "/messages/0/content/0"),
    "an image's bytes as a list": (
        turn({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": [1]}}),
        "/messages/0/content/0/source/data",
    ),
    "a document's source as a string": (turn({"type": "document", "source": "x"}), "/messages/0/content/0/source"),
    "a tool without a name": ({"tools": [{"description": "d"}]}, "/tools/0"),
    "a tool's type as a number": ({"tools": [{"type": 1, "name": "x"}]}, "/tools/0/type"),
    "a schema as a list": ({"tools": [{"name": "x", "input_schema": []}]}, "/tools/0/input_schema"),
    "tool_choice as a string": ({"tool_choice": "auto"}, "/tool_choice"),
    "metadata as a string": ({"metadata": "x"}, "/metadata"),
    "thinking as true": ({"thinking": True}, "/thinking"),
    "model as null": ({"model": None}, "/model"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_known_field_of_the_wrong_type_is_unreadable(case):
    asked, at = WRONG[case]
    with pytest.raises(Unreadable) as refused:
        read_call(body(**asked))
    assert (refused.value.at, refused.value.status) == (at, 400)


@pytest.mark.parametrize("name", ["model", "messages"])
def test_model_and_messages_must_be_there(name):
    asked = json.loads(body())
    del asked[name]
    with pytest.raises(Unreadable, match=name):
        read_call(json.dumps(asked).encode())
