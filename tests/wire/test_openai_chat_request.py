"""Chat completion requests as the official SDK sends them: every part found, every unlisted field named."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from caveat.errors import Unreadable
from caveat.wire.openai_chat_request import read_call

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
PNG = "data:image/png;base64,iVBORw0KGgo="
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather there",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Which city", "enum": ["Paris", "Lyon"]},
                "unit": {"const": "celsius"},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Answer(BaseModel):
    """What the answer must look like."""

    verdict: str


def sent(vendor, **asked: Any) -> Any:
    """The call that the SDK's request becomes."""
    vendor.answers(b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}')
    vendor.openai.chat.completions.create(model="m", **{"messages": HELLO, **asked})
    return read_call(vendor.bodies[-1])


def said(call) -> set[tuple[str, str, str]]:
    return {(part.at, part.voice, part.text) for part in call.parts}


def test_plain_text(vendor):
    call = sent(vendor, max_tokens=64, temperature=0.2, top_p=1, seed=7, n=2, user="ann")
    assert (call.dialect, call.operation, call.model) == ("openai_chat", "chat", "m")
    assert said(call) == {("/messages/0/content", "user", "hello"), ("/user", "field", "ann")}
    assert (call.streams, call.choices, call.max_output_tokens, call.structured) == (False, 2, 64, False)
    assert (call.unlisted, call.unread, call.tools) == ((), (), ())
    assert call.body == vendor.bodies[-1]
    assert vendor.paths == ["/v1/chat/completions"]


def test_several_turns_with_every_role(vendor):
    call = sent(
        vendor,
        messages=[
            {"role": "system", "content": "s"},
            {"role": "developer", "content": [{"type": "text", "text": "d"}], "name": "dev"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "u", "prompt_cache_breakpoint": {"mode": "explicit"}}],
            },
            {"role": "assistant", "content": "a", "refusal": "r"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"role": "function", "name": "f", "content": "out"},
        ],
    )
    assert said(call) == {
        ("/messages/0/content", "system", "s"),
        ("/messages/1/content/0/text", "system", "d"),
        ("/messages/1/name", "system", "dev"),
        ("/messages/2/content/0/text", "user", "u"),
        ("/messages/3/content", "model", "a"),
        ("/messages/3/refusal", "model", "r"),
        ("/messages/4/content/0/refusal", "model", "no"),
        ("/messages/5/name", "tool", "f"),
        ("/messages/5/content", "tool", "out"),
    }
    assert call.unlisted == ()


def test_tools_calls_and_results(vendor):
    call = sent(
        vendor,
        messages=[
            *HELLO,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Par\\u0069s"}'},
                    },
                    {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "ls"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "files"}]},
        ],
        tools=[
            WEATHER,
            {"type": "custom", "custom": {"name": "run", "description": "Runs it", "format": {"type": "text"}}},
        ],
        parallel_tool_calls=False,
    )
    assert [(tool.name, tool.at) for tool in call.tools] == [("get_weather", "/tools/0"), ("run", "/tools/1")]
    found = said(call)
    assert {
        ("/messages/1/tool_calls/0/function/name", "model", "get_weather"),
        ("/messages/1/tool_calls/0/function/arguments", "model", '{"city":"Par\\u0069s"}'),
        ("/messages/1/tool_calls/0/function/arguments", "model", '{"city":"Paris"}'),
        ("/messages/1/tool_calls/0/id", "field", "c1"),
        ("/messages/1/tool_calls/1/custom/input", "model", "ls"),
        ("/messages/2/content", "tool", "rain"),
        ("/messages/2/tool_call_id", "field", "c1"),
        ("/messages/3/content/0/text", "tool", "files"),
        ("/tools/1/custom/description", "definition", "Runs it"),
    } <= found
    assert {(part.at.removeprefix("/tools/0/function"), part.text) for part in call.parts if "/tools/0" in part.at} == {
        ("/name", "get_weather"),
        ("/description", "The weather there"),
        ("/parameters/properties/city", "city"),
        ("/parameters/properties/city/description", "Which city"),
        ("/parameters/properties/city/enum/0", "Paris"),
        ("/parameters/properties/city/enum/1", "Lyon"),
        ("/parameters/properties/unit", "unit"),
        ("/parameters/properties/unit/const", "celsius"),
        ("/parameters/required/0", "city"),
    }
    assert {part.voice for part in call.parts if part.at.startswith("/tools")} == {"definition"}
    assert call.unlisted == ()
    assert not call.structured


CHOICES = {
    "auto": ("auto", False),
    "none": ("none", False),
    "required": ("required", True),
    "a function": ({"type": "function", "function": {"name": "get_weather"}}, True),
    "a custom tool": ({"type": "custom", "custom": {"name": "get_weather"}}, True),
    "allowed tools": (
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "x"}}]},
        },
        True,
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_forced_tool_dictates_the_replys_shape(vendor, case):
    choice, structured = CHOICES[case]
    call = sent(vendor, tools=[WEATHER], tool_choice=choice)
    assert call.structured is structured
    assert call.unlisted == ()


def test_images_sounds_and_files_are_unread(vendor):
    call = sent(
        vendor,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is this"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/bomb.png"}},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    {"type": "file", "file": {"file_data": "JVBERi0=", "filename": "plan.pdf"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                ],
            },
            {"role": "assistant", "audio": {"id": "audio_1"}},
        ],
    )
    assert call.unread == (*(f"/messages/0/content/{n}" for n in (1, 2, 3, 4, 5)), "/messages/1/audio")
    assert [part.media for part in call.parts if part.media != "text"] == [
        "image",
        "image",
        "audio",
        "file",
        "file",
        "audio",
    ]
    assert said(call) - {(at, "user", "") for at in call.unread} == {
        ("/messages/0/content/0/text", "user", "what is this"),
        ("/messages/0/content/2/image_url/url", "user", "https://example.org/bomb.png"),
        ("/messages/0/content/4/file/filename", "user", "plan.pdf"),
        ("/messages/0/content/5/file/file_id", "user", "file-1"),
        ("/messages/1/audio", "model", ""),
        ("/messages/1/audio/id", "field", "audio_1"),
    }
    assert call.unlisted == ()


def test_a_response_schema_is_listed_and_spelled_out(vendor):
    call = sent(
        vendor,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "s", "schema": {"const": "say this word for word"}, "strict": True},
        },
    )
    assert call.unlisted == ("/response_format",)
    assert call.structured
    assert ("/response_format/json_schema/schema/const", "field", "say this word for word") in said(call)


def test_the_sdks_parse_helper_sends_a_schema(vendor):
    vendor.answers(b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}')
    vendor.openai.chat.completions.parse(model="m", messages=HELLO, response_format=Answer)
    call = read_call(vendor.bodies[-1])
    assert call.unlisted == ("/response_format",)
    assert ("/response_format/json_schema/schema/description", "field", "What the answer must look like.") in said(call)


@pytest.mark.parametrize(("kind", "structured"), [("text", False), ("json_object", True)])
def test_other_response_formats_are_bounded(vendor, kind, structured):
    call = sent(vendor, response_format={"type": kind})
    assert (call.unlisted, call.structured) == ((), structured)


def test_streams(vendor):
    vendor.answers(b"data: [DONE]\n\n", stream=True)
    stream = vendor.openai.chat.completions.create(
        model="m", messages=HELLO, stream=True, stream_options={"include_usage": True, "include_obfuscation": False}
    )
    assert list(stream) == []
    assert read_call(vendor.bodies[-1]).streams


def test_every_other_field_of_the_sdk(vendor):
    """What the SDK's signature can send and carries words is a Part; the rest is bounded, or listed."""
    call = sent(
        vendor,
        stop=["END", "STOP"],
        metadata={"ticket": "T-1"},
        safety_identifier="sid",
        prompt_cache_key="pck",
        prompt_cache_options={"mode": "explicit", "ttl": "30m"},
        prompt_cache_retention="24h",
        prediction={"type": "content", "content": [{"type": "text", "text": "predicted"}]},
        moderation={"model": "omni", "policy": {"input": {"mode": "block"}, "output": None}},
        modalities=["text"],
        reasoning_effort="low",
        verbosity="high",
        service_tier="flex",
        store=False,
        logprobs=True,
        top_logprobs=3,
        frequency_penalty=0.5,
        presence_penalty=-0.5,
        max_completion_tokens=9,
        functions=[{"name": "old", "description": "An old tool", "parameters": {}}],
        function_call={"name": "old"},
    )
    assert said(call) == {
        ("/messages/0/content", "user", "hello"),
        ("/stop/0", "field", "END"),
        ("/stop/1", "field", "STOP"),
        ("/metadata/ticket", "field", "ticket"),
        ("/metadata/ticket", "field", "T-1"),
        ("/safety_identifier", "field", "sid"),
        ("/prompt_cache_key", "field", "pck"),
        ("/prediction/content/0/text", "user", "predicted"),
        ("/moderation/model", "field", "omni"),
        ("/functions/0/name", "definition", "old"),
        ("/functions/0/description", "definition", "An old tool"),
        ("/function_call/name", "field", "old"),
    }
    assert call.unlisted == ()
    assert call.max_output_tokens == 9
    assert [tool.name for tool in call.tools] == ["old"]


def test_fields_that_only_a_clause_lets_pass(vendor):
    call = sent(
        vendor,
        logit_bias={"50256": -100},
        web_search_options={"user_location": {"type": "approximate", "approximate": {"city": "Lyon"}}},
        audio={"voice": "alloy", "format": "wav"},
        modalities=["text", "audio"],
        reasoning_effort="frantic",
        tools=[{"type": "mcp", "server_label": "inside", "server_url": "http://10.0.0.1"}],
        extra_body={"grammar": 'root ::= "yes"', "chat_template_kwargs": {"enable_thinking": True}, "a/b~": 1},
    )
    assert set(call.unlisted) == {
        "/logit_bias",
        "/web_search_options",
        "/audio",
        "/modalities/1",
        "/reasoning_effort",
        "/tools/0",
        "/grammar",
        "/chat_template_kwargs",
        "/a~1b~0",
    }
    assert [tool.name for tool in call.tools] == ["mcp"]
    assert call.structured
    assert {
        ("/grammar", "field", "grammar"),
        ("/grammar", "field", 'root ::= "yes"'),
        ("/chat_template_kwargs/enable_thinking", "field", "enable_thinking"),
        ("/web_search_options/user_location/approximate/city", "field", "Lyon"),
        ("/logit_bias/50256", "field", "50256"),
        ("/tools/0/server_url", "field", "http://10.0.0.1"),
        ("/reasoning_effort", "field", "frantic"),
        ("/a~1b~0", "field", "a/b~"),
    } <= said(call)


def test_a_grammar_for_a_custom_tool_is_listed(vendor):
    grammar = {"type": "grammar", "grammar": {"definition": "start: WORD", "syntax": "lark"}}
    call = sent(vendor, tools=[{"type": "custom", "custom": {"name": "t", "format": grammar}}])
    assert call.unlisted == ("/tools/0/custom/format",)
    assert call.structured


def test_the_replys_own_message_can_be_sent_back(vendor):
    """Programs append the message object that the SDK gave them, with whatever the engine had put into it."""
    message = {
        "role": "assistant",
        "content": "four",
        "refusal": None,
        "annotations": [
            {
                "type": "url_citation",
                "url_citation": {"title": "Sums", "url": "http://x", "start_index": 0, "end_index": 1},
            }
        ],
        "audio": None,
        "function_call": None,
        "tool_calls": [{"id": "c", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}}],
        "reasoning": None,
        "reasoning_content": "two and two",
    }
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    vendor.answers(
        json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}).encode()
    )
    reply = vendor.openai.chat.completions.create(model="m", messages=HELLO).choices[0].message
    call = sent(vendor, messages=[*HELLO, reply])
    assert call.unlisted == ()
    assert {
        ("/messages/1/content", "model", "four"),
        ("/messages/1/reasoning_content", "model", "two and two"),
    } <= said(call)


def body(**asked: Any) -> bytes:
    return json.dumps({"model": "m", "messages": HELLO, **asked}).encode()


UNKNOWN: dict[str, tuple[dict[str, Any], Any]] = {
    "a part of an unknown type": (
        {"messages": [{"role": "user", "content": [{"type": "video", "video": "x"}]}]},
        "/messages/0/content/0",
    ),
    "a field in a part": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "extra": {"k": "v"}}]}]},
        "/messages/0/content/0/extra",
    ),
    "a field in a message": ({"messages": [{"role": "user", "content": "a", "prefix": True}]}, "/messages/0/prefix"),
    "a message of an unknown role": ({"messages": [{"role": "oracle", "content": "a"}]}, "/messages/0"),
    "a schema for json_object": (
        {"response_format": {"type": "json_object", "schema": {"const": "x"}}},
        "/response_format/schema",
    ),
    "a response format of an unknown type": (
        {"response_format": {"type": "regex", "regex": "yes"}},
        "/response_format",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_things_are_named_and_all_their_strings_are_parts(case):
    asked, at = UNKNOWN[case]
    call = read_call(body(**asked))
    assert call.unlisted == (at,)
    assert any(part.at.startswith(at) and part.voice == "field" for part in call.parts)


WRONG: dict[str, tuple[dict[str, Any], Any]] = {
    "stream as a string": ({"stream": "true"}, "/stream"),
    "stream as a number": ({"stream": 1}, "/stream"),
    "model as a number": ({"model": 1}, "/model"),
    "model empty": ({"model": ""}, "/model"),
    "model too long": ({"model": "m" * 257}, "/model"),
    "messages as a string": ({"messages": "hello"}, "/messages"),
    "messages as null": ({"messages": None}, "/messages"),
    "a message as a string": ({"messages": ["hello"]}, "/messages/0"),
    "a message without a role": ({"messages": [{"content": "a"}]}, "/messages/0/role"),
    "a user without words": ({"messages": [{"role": "user"}]}, "/messages/0"),
    "null where words are needed": ({"messages": [{"role": "user", "content": None}]}, "/messages/0/content"),
    "content as a number": ({"messages": [{"role": "user", "content": 1}]}, "/messages/0/content"),
    "a part as a string": ({"messages": [{"role": "user", "content": ["a"]}]}, "/messages/0/content/0"),
    "a part without a type": (
        {"messages": [{"role": "user", "content": [{"text": "a"}]}]},
        "/messages/0/content/0/type",
    ),
    "a text part without text": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "/messages/0/content/0",
    ),
    "a text part with a number": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
        "/messages/0/content/0/text",
    ),
    "arguments as an object": (
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": {}}}],
                }
            ]
        },
        "/messages/0/tool_calls/0/function/arguments",
    ),
    "a tool without a name": ({"tools": [{"type": "function", "function": {"description": "d"}}]}, "/tools/0"),
    "a tool as a string": ({"tools": ["f"]}, "/tools/0"),
    "a schema as a string": (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": "x"}}]},
        "/tools/0/function/parameters",
    ),
    "tool_choice as a number": ({"tool_choice": 1}, "/tool_choice"),
    "response_format as a string": ({"response_format": "json"}, "/response_format"),
    "n as zero": ({"n": 0}, "/n"),
    "n as a fraction": ({"n": 1.0}, "/n"),
    "n as true": ({"n": True}, "/n"),
    "max_tokens as a string": ({"max_tokens": "64"}, "/max_tokens"),
    "temperature as a string": ({"temperature": "0"}, "/temperature"),
    "temperature as true": ({"temperature": True}, "/temperature"),
    "stop as an object": ({"stop": {}}, "/stop"),
    "stop with a number": ({"stop": ["a", 1]}, "/stop/1"),
    "user as an object": ({"user": {"name": "a"}}, "/user"),
    "an image as bytes of a number": (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": 1}}]}]},
        "/messages/0/content/0/input_audio/data",
    ),
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


LIMITS: dict[str, tuple[dict[str, Any], Any]] = {
    "none": ({}, None),
    "the older name": ({"max_tokens": 5}, 5),
    "the newer name": ({"max_completion_tokens": 5}, 5),
    "the highest counts": ({"max_tokens": 5, "max_completion_tokens": 500, "n_predict": 50}, 500),
    "null": ({"max_tokens": None}, None),
    "without end": ({"max_tokens": 5, "n_predict": -1}, None),
}


@pytest.mark.parametrize("case", LIMITS)
def test_the_output_limit_is_the_highest_that_an_engine_might_take(case):
    asked, wanted = LIMITS[case]
    assert read_call(body(**asked)).max_output_tokens == wanted


def test_a_body_in_the_other_vendors_format_shows_its_foreign_fields():
    call = read_call(body(system="be evil", max_tokens=5, stop_sequences=["x"]))
    assert call.unlisted == ("/system", "/stop_sequences")
    assert ("/system", "field", "be evil") in said(call)
