"""Responses replies: every word is Said once, alike however the stream was cut; a repetition must be one."""

import json
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent

from caveat.errors import Unavailable, Unreadable
from caveat.gateway.scripted.answers import read_asked, render
from caveat.gateway.scripted.script import Answer, ToolCall
from caveat.wire.openai_responses_reply import UNREAD, read_reply, reader
from caveat.wire.reply import Usage

MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
TEXT: dict[str, Any] = {"type": "output_text", "text": "Héllo", "annotations": []}
HEAD = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m"}


def event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + json.dumps({"type": kind, **members}).encode() + b"\n\n"


def read(pieces, asked=b""):
    stream = reader(asked)
    return [frame for piece in pieces for frame in stream.feed(piece)] + stream.finish()


def told(frames) -> dict[str, str]:
    words: dict[str, str] = {}
    for said in (said for frame in frames for said in frame.says):
        words[said.channel] = words.get(said.channel, "") + said.text
    return {channel: text for channel, text in words.items() if text}


def hello(
    words: str = "Héllo", /, *, again: str | None = None, final: str | None = None, **response: Any
) -> list[bytes]:
    """A stream that says one text; `again` and `final` are what its repetitions say instead."""
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {**TEXT, "text": words if again is None else again}
    whole = {**TEXT, "text": words if final is None else final}
    item = {**MESSAGE, "content": [whole]}
    return [
        event("response.created", response={**HEAD, "status": "in_progress", "output": [], **response}),
        event("response.output_item.added", output_index=0, item={**MESSAGE, "content": []}),
        event("response.content_part.added", **at, part={**TEXT, "text": ""}),
        event("response.output_text.delta", **at, delta=words[:2], logprobs=[]),
        event("response.output_text.delta", **at, delta=words[2:], logprobs=[]),
        event("response.output_text.done", **at, text=part["text"], logprobs=[]),
        event("response.content_part.done", **at, part=part),
        event("response.output_item.done", output_index=0, item=item),
        event(
            "response.completed",
            response={
                **HEAD,
                "status": "completed",
                "output": [item],
                "usage": {"input_tokens": 3, "output_tokens": 2},
                **response,
            },
        ),
    ]


def test_a_text_is_said_once_though_it_comes_four_times():
    frames = read(hello())
    assert told(frames) == {"item/0/0/text": "Héllo"}
    assert [channel for frame in frames for channel in frame.ends] == ["item/0/0/text"]
    assert [frame.last for frame in frames] == [False] * 8 + [True]
    assert frames[-1].usage == Usage(3, 2)
    assert b"".join(frame.raw for frame in frames) == b"".join(hello())


@given(st.lists(st.integers(0, 2500), max_size=6))
def test_cuts_do_not_matter(cuts):
    raw = b"".join(hello())
    marks = sorted({0, *cuts, len(raw)})
    assert read([raw[a:b] for a, b in pairwise(marks)]) == read([raw])


@pytest.mark.parametrize("other", [{"again": "Hullo"}, {"final": "Héllo and more"}, {"final": "Hé"}, {"final": ""}])
def test_a_repetition_that_says_something_else_is_refused(other):
    with pytest.raises(Unreadable, match="repeats a text otherwise"):
        read(hello(**other))


def test_a_repetition_of_what_was_never_said_is_refused():
    stream = [one for one in hello() if b"output_text.delta" not in one]
    with pytest.raises(Unreadable, match="otherwise"):
        read(stream)


def test_an_item_that_was_never_streamed_is_refused_at_the_end():
    frames = hello()
    with pytest.raises(Unreadable, match="has not begun"):
        read([frames[0], frames[-1]])


ASKED = json.dumps(
    {"model": "m", "input": "hi", "instructions": "Be brief.", "metadata": {"case": "7"}, "tools": [{"name": "look"}]}
).encode()
ECHOES: dict[str, Any] = {
    "instructions": "Be brief.",
    "metadata": {"case": "7"},
    "tools": [{"type": "function", "name": "look", "strict": True, "parameters": None}],
    "tool_choice": "auto",
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "reasoning": {"effort": None, "summary": None},
    "previous_response_id": None,
    "user": None,
}


def test_what_is_echoed_of_the_request_is_no_word_of_the_models():
    assert told(read(hello(**ECHOES), ASKED)) == {"item/0/0/text": "Héllo"}
    whole = json.dumps({**HEAD, "status": "completed", "output": [{**MESSAGE, "content": [TEXT]}], **ECHOES}).encode()
    assert told([read_reply(whole, ASKED)]) == {"item/0/0/text": "Héllo"}


def test_an_echo_that_is_none_is_said():
    """Words in the place of an echo, which the caller never sent, are judged like any others."""
    frames = read(hello(instructions="Build a bomb."), ASKED)
    assert told(frames)["instructions/echo"] == "Build a bomb."
    assert frames[0].ends == ("instructions/echo",)
    assert told(read(hello(instructions="Build a bomb.")))["instructions/echo"] == "Build a bomb."


def tool(name: str = "look", kind: str = "function_call", member: str = "arguments") -> list[bytes]:
    at = {"item_id": "fc_1", "output_index": 0}
    item = {"id": "fc_1", "type": kind, "call_id": "c", "name": name}
    if kind != "custom_tool_call":
        item["status"] = "completed"
    deltas = {"function_call": "function_call_arguments", "custom_tool_call": "custom_tool_call_input"}
    deltas["mcp_call"] = "mcp_call_arguments"
    more = {"server_label": "s"} if kind == "mcp_call" else {}
    return [
        event("response.created", response=HEAD),
        event("response.output_item.added", output_index=0, item={**item, **more, member: ""}),
        event(f"response.{deltas[kind]}.delta", **at, delta='{"q":'),
        event(f"response.{deltas[kind]}.delta", **at, delta='"x"}'),
        event(f"response.{deltas[kind]}.done", **at, **{member: '{"q":"x"}'}),
        event("response.output_item.done", output_index=0, item={**item, **more, member: '{"q":"x"}'}),
        event("response.completed", response={**HEAD, "output": [{**item, **more, member: '{"q":"x"}'}]}),
    ]


@pytest.mark.parametrize(
    ("kind", "member"), [("function_call", "arguments"), ("custom_tool_call", "input"), ("mcp_call", "arguments")]
)
def test_a_tool_call_bears_its_name_and_is_complete_with_its_arguments(kind, member):
    frames = read(tool(kind=kind, member=member))
    assert told(frames) == {"item/0/tool": '{"q":"x"}', "item/0/tool/name": "look"}
    assert {said.tool for frame in frames for said in frame.says} == {"", "look"}
    assert frames[4].ends == ("item/0/tool", "item/0/tool/name")


def test_a_tool_call_cannot_change_its_name():
    with pytest.raises(Unreadable, match="another name"):
        read([*tool()[:-2], *tool("run")[-2:]])


def test_a_search_of_the_providers_is_a_tool_call_by_its_kind():
    item = {"id": "ws", "type": "web_search_call", "status": "in_progress"}
    done = {**item, "status": "completed", "action": {"type": "search", "query": "bombs"}}
    frames = read(
        [
            event("response.output_item.added", output_index=0, item=item),
            event("response.web_search_call.searching", output_index=0, item_id="ws"),
            event("response.output_item.done", output_index=0, item=done),
            event("response.completed", response={**HEAD, "output": [done]}),
        ]
    )
    assert told(frames)["item/0/tool/name"] == "web_search"
    assert "bombs" in told(frames)["item/0/tool/action"]
    assert {said.tool for frame in frames for said in frame.says if said.text} >= {"web_search"}


def test_a_citation_is_said_when_it_comes_and_not_again():
    note = {"type": "url_citation", "title": "A title", "url": "https://a.example", "start_index": 0, "end_index": 1}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    stream = hello()
    noted = {**TEXT, "annotations": [note]}
    stream[5:5] = [event("response.output_text.annotation.added", **at, annotation_index=0, annotation=note)]
    stream[7] = event("response.content_part.done", **at, part=noted)
    said = told(read(stream))
    assert set(said) == {"item/0/0/text", "item/0/0/0/annotation"}
    assert "A title" in said["item/0/0/0/annotation"]


def test_a_citation_that_only_the_end_brings_is_said_there():
    note = {"type": "url_citation", "title": "A title", "url": "https://a.example"}
    stream = hello()
    item = {**MESSAGE, "content": [{**TEXT, "annotations": [note]}]}
    stream[-1] = event("response.completed", response={**HEAD, "output": [item]})
    frames = read(stream)
    assert "A title" in told(frames[-1:])["item/0/0/0/annotation"]


def test_reasoning_and_refusals_have_channels_of_their_own():
    answer = Answer("Yes.", reasoning="Hm.", refusal="No.")
    asked = json.dumps({"model": "m", "stream": True}).encode()
    made = render("/v1/responses", read_asked(asked), answer)
    assert made is not None
    assert told(read(made.pieces, asked)) == {
        "item/0/0/summary": "Hm.",
        "item/1/0/text": "Yes.",
        "item/1/1/refusal": "No.",
    }


def test_whole_and_streamed_say_the_same():
    answer = Answer("One two.", reasoning="Hm.", tool_calls=(ToolCall("look", '{"a": 1}'),))
    asked = json.dumps({"model": "m", "instructions": "Be brief."}).encode()
    whole = render("/v1/responses", read_asked(asked), answer)
    streamed = render("/v1/responses", read_asked(asked[:-1] + b',"stream":true}'), answer)
    assert whole is not None
    assert streamed is not None
    assert told([read_reply(whole.pieces[0], asked)]) == told(read(streamed.pieces, asked))


def test_a_stream_of_llamacpp(streams):
    """Captured from the server in xllamacpp 2026.10: no indexes, no numbers."""
    frames = read([streams["openai_responses.llamacpp"]])
    assert set(told(frames)) == {"item/0/0/text"}
    assert told(frames)["item/0/0/text"]
    assert frames[-1].last
    assert frames[-1].usage is not None


def test_logprobs_are_said_with_their_alternatives():
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    stream = hello("Hi")
    chosen = {"token": "Hi", "logprob": -0.1, "top_logprobs": [{"token": "Yo", "logprob": -2.0}]}
    stream[3:5] = [event("response.output_text.delta", **at, delta="Hi", logprobs=[chosen])]
    stream[4] = event("response.output_text.done", **at, text="Hi", logprobs=[chosen])
    assert told(read(stream)) == {
        "item/0/0/text": "Hi",
        "item/0/0/logprobs": "Hi",
        "item/0/0/logprobs/0": "Yo",
    }


REFUSED: dict[str, bytes] = {
    "an unknown event": event("response.telepathy.delta", delta="x"),
    "a name that is not the type": b'event: ping\ndata: {"type": "response.created", "response": {}}\n\n',
    "a piece of an item that has not begun": event("response.output_text.delta", output_index=4, delta="x"),
    "a picture": event("response.image_generation_call.partial_image", output_index=0, partial_image_b64="AA"),
    "an item in a taken place": event("response.output_item.added", output_index=0, item={**MESSAGE, "content": []}),
    "an unknown item": event("response.output_item.added", output_index=1, item={"type": "telepathy"}),
    "an unknown member": event("response.output_item.added", output_index=1, item={**MESSAGE, "aside": "psst"}),
    "arguments of what is no tool": event("response.function_call_arguments.delta", output_index=0, delta="x"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_table_knows_is_refused(case):
    begun = hello()[:2]
    with pytest.raises(Unreadable):
        read([*begun, REFUSED[case]])


@pytest.mark.parametrize("late", range(2, 8))
def test_nothing_comes_after_an_items_end(late):
    stream = hello()
    with pytest.raises(Unreadable):
        read([*stream[:8], stream[late]])


def test_nothing_comes_after_the_end():
    with pytest.raises(Unreadable, match="goes on after"):
        read([*hello(), hello()[0]])


@pytest.mark.parametrize(
    "said",
    [
        event("error", code="server_error", message="secret words", param=None),
        event("response.failed", response={**HEAD, "status": "failed", "error": {"code": "x", "message": "secret"}}),
    ],
)
def test_an_error_in_the_stream_is_the_providers_fault_and_keeps_its_words(said):
    with pytest.raises(Unavailable) as broke:
        read([said])
    assert "secret" not in broke.value.message


def test_every_event_of_the_api_is_in_the_table_or_named_as_refused():
    kinds = {get_args(model.model_fields["type"].annotation)[0] for model in get_args(get_args(ResponseStreamEvent)[0])}
    assert len(kinds) > 50
    unknown = set()
    for kind in kinds:
        try:
            read([event(kind)])
        except Unreadable as error:
            if error.at == "/type":
                unknown.add(kind)
        except Unavailable:
            pass
    assert unknown == UNREAD & kinds


@pytest.mark.parametrize(
    "body", [b"{}", b'{"object": "response"}', b'{"output": 5}', b'{"output": [], "object": "list"}']
)
def test_what_is_no_response_is_refused(body):
    with pytest.raises(Unreadable):
        read_reply(body)


def test_a_picture_in_a_whole_reply_is_refused():
    item = {"id": "ig", "type": "image_generation_call", "result": "AAAA", "status": "completed"}
    with pytest.raises(Unreadable) as refused:
        read_reply(json.dumps({**HEAD, "output": [item]}).encode())
    assert refused.value.at == "/output/0"
