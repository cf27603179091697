"""Responses requests: every word is a Part with its voice; what only refers to text is for a clause to let pass."""

import json
from typing import Any

import pytest

from caveat.errors import Unreadable
from caveat.wire.openai_responses_request import read_call


def call(**body: Any):
    return read_call(json.dumps({"model": "m", "input": "hello", **body}).encode())


def parts(made) -> list[tuple[str, str, str]]:
    return [(part.voice, part.at, part.text) for part in made.parts if part.media == "text"]


def test_a_text_alone_is_the_users():
    made = call(instructions="Be brief.", max_output_tokens=5, stream=True)
    assert parts(made) == [("user", "/input", "hello"), ("system", "/instructions", "Be brief.")]
    assert (made.max_output_tokens, made.streams, made.choices, made.operation) == (5, True, 1, "chat")
    assert (made.unlisted, made.unread, made.structured) == ((), (), False)


ITEMS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "message without type": ({"role": "user", "content": "w"}, [("user", "w")]),
    "developer": ({"type": "message", "role": "developer", "content": "w"}, [("system", "w")]),
    "parts": (
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "w"}]},
        [("user", "w")],
    ),
    "an earlier answer": (
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "w", "annotations": [{"type": "url_citation", "title": "t"}]},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        [
            ("field", "msg_1"),
            ("model", "w"),
            ("model", "type"),
            ("model", "url_citation"),
            ("model", "title"),
            ("model", "t"),
            ("model", "no"),
        ],
    ),
    "a tool call": (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":"b\\u006fb"}'},
        [("field", "c"), ("model", "f"), ("model", '{"a":"b\\u006fb"}'), ("model", '{"a":"bob"}')],
    ),
    "a tool's output": (
        {"type": "function_call_output", "call_id": "c", "output": "w"},
        [("field", "c"), ("tool", "w")],
    ),
    "a tool's output in parts": (
        {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "w"}]},
        [("field", "c"), ("tool", "w")],
    ),
    "reasoning": (
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "w"}]},
        [("field", "r"), ("model", "w")],
    ),
    "a search of the provider's": (
        {"type": "web_search_call", "id": "w", "action": {"query": "q"}},
        [
            ("model", "type"),
            ("model", "web_search_call"),
            ("model", "id"),
            ("model", "w"),
            ("model", "action"),
            ("model", "query"),
            ("model", "q"),
        ],
    ),
}


@pytest.mark.parametrize("case", ITEMS)
def test_items_say_in_their_voice(case):
    item, wanted = ITEMS[case]
    made = call(input=[item])
    assert [(voice, text) for voice, _, text in parts(made)] == wanted
    assert all(at.startswith("/input/0") for _, at, _ in parts(made))
    assert made.unlisted == made.unread == ()


UNREAD = {
    "image": {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA"}]},
    "image by id": {"role": "user", "content": [{"type": "input_image", "file_id": "f", "detail": "low"}]},
    "file": {"role": "user", "content": [{"type": "input_file", "file_data": "AA", "filename": "a.pdf"}]},
    "sound": {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}]},
    "sealed reasoning": {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
    "a compaction": {"type": "compaction", "encrypted_content": "gAAA"},
    "a screen": {"type": "computer_call_output", "call_id": "c", "output": {"image_url": "https://a.example/b"}},
    "a picture made": {"type": "image_generation_call", "id": "i", "result": "AA"},
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_no_recognizer_reads_is_unread(case):
    made = call(input=[UNREAD[case]])
    assert len(made.unread) == 1
    assert made.unread[0].startswith("/input/0")


UNLISTED: dict[str, tuple[dict[str, Any], str]] = {
    "an earlier response": ({"previous_response_id": "resp_1"}, "/previous_response_id"),
    "a conversation": ({"conversation": {"id": "conv_1"}}, "/conversation"),
    "a stored prompt": ({"prompt": {"id": "p"}}, "/prompt"),
    "an item by its id": ({"input": [{"type": "item_reference", "id": "i"}]}, "/input/0"),
    "an answer fetched later": ({"background": True}, "/background"),
    "a tool of the provider's": ({"tools": [{"type": "web_search"}]}, "/tools/0"),
    "an unknown item": ({"input": [{"type": "telepathy", "thought": "w"}]}, "/input/0"),
    "an unknown field": ({"grammar": "root ::= x"}, "/grammar"),
    "a schema": (
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}},
        "/text/format",
    ),
}


@pytest.mark.parametrize("case", UNLISTED)
def test_what_only_a_clause_lets_pass(case):
    body, at = UNLISTED[case]
    assert call(**body).unlisted == (at,)


def test_a_schema_dictates_and_plain_text_does_not():
    assert call(text={"format": {"type": "json_schema", "name": "n", "schema": {}}}).structured
    assert call(text={"format": {"type": "json_object"}}).structured
    assert not call(text={"format": {"type": "text"}, "verbosity": "low"}, background=False).structured


def test_tools_are_counted_by_name_and_read():
    tools = [
        {
            "type": "function",
            "name": "look",
            "description": "d",
            "parameters": {"properties": {"q": {}}},
            "strict": True,
        },
        {"type": "custom", "name": "run", "description": "e"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    made = call(tools=tools, tool_choice={"type": "function", "name": "look"})
    assert [(tool.name, tool.at) for tool in made.tools] == [
        ("look", "/tools/0"),
        ("run", "/tools/1"),
        ("code_interpreter", "/tools/2"),
    ]
    said = [(voice, text) for voice, _, text in parts(made) if voice == "definition"]
    assert said == [("definition", word) for word in ("look", "d", "q", "run", "e")]
    assert made.unlisted == ("/tools/2",)
    assert made.structured


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"input": 5}, "/input"),
        ({"input": [5]}, "/input/0"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "/input/0"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]}, "/input/0/content/0/text"),
        ({"stream": "true"}, "/stream"),
        ({"model": ["m"]}, "/model"),
        ({"tools": [{"type": "function"}]}, "/tools/0"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_pointer(body, at):
    with pytest.raises(Unreadable) as refused:
        call(**body)
    assert refused.value.at == at


def test_what_the_sdk_sends_is_all_known(vendor):
    """The official package's own bytes leave nothing unlisted."""
    vendor.answers(b'{"id": "r", "object": "response", "output": []}')
    vendor.openai.responses.create(
        model="m",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
            {"type": "function_call_output", "call_id": "c", "output": "w"},
        ],
        instructions="i",
        tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}],
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
        metadata={"k": "v"},
        store=False,
        truncation="auto",
        max_output_tokens=9,
    )
    made = read_call(vendor.bodies[-1])
    assert (made.unlisted, made.unread, [tool.name for tool in made.tools]) == ((), (), ["f"])
