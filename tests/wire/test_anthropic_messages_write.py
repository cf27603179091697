"""What the gateway writes into a message, as a program sees it through the official SDK."""

import json
from typing import Any

import anthropic
import pytest

from caveat.wire.anthropic_messages_reply import reader
from caveat.wire.anthropic_messages_write import Writer, with_notice
from caveat.wire.reply import Halt

HALT = Halt("terms_denied", 'clause `x.y` says: "no"', "x.y")
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
MESSAGE: dict[str, Any] = {
    "id": "msg_7",
    "type": "message",
    "role": "assistant",
    "model": "smollm2",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


BEGIN = event("message_start", message=MESSAGE)
TEXT = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
HEL = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"})
END = event("content_block_stop", index=0)
TOOL = event("content_block_start", index=1, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}})


def left(*events: bytes) -> tuple[bytes, Writer]:
    """What has left for the client, and the writer that has seen it."""
    stream, writer = reader(), Writer()
    for frame in stream.feed(b"".join(events)):
        writer.saw(frame)
    return b"".join(events), writer


def received(vendor, raw: bytes) -> Any:
    """The message that the SDK puts together."""
    vendor.answers(raw, stream=True)
    with vendor.anthropic.messages.stream(model="m", max_tokens=5, messages=HELLO) as stream:
        return stream.get_final_message()


STOPS = {
    "in a text": ((BEGIN, TEXT, HEL), ["Hel"]),
    "between blocks": ((BEGIN, TEXT, HEL, END), ["Hel"]),
    "after the start": ((BEGIN,), []),
    "before the start": ((), []),
    "after a ping": ((event("ping"),), []),
}


@pytest.mark.parametrize("case", STOPS)
def test_a_stop_is_a_refusal_to_the_program(vendor, case):
    events, texts = STOPS[case]
    raw, writer = left(*events)
    message = received(vendor, raw + writer.stop(HALT))
    assert message.stop_reason == "refusal"
    assert message.stop_details.type == "refusal"
    assert message.stop_details.category == "x.y"
    assert message.stop_details.explanation == HALT.message
    assert [block.text for block in message.content] == texts
    assert message.id == ("msg_7" if BEGIN in events else "msg_caveat")


def test_a_stop_without_a_clause_names_its_code(vendor):
    assert received(vendor, Writer().stop(Halt("unreadable", "why"))).stop_details.category == "unreadable"


def test_a_stop_closes_every_open_block(vendor):
    raw, writer = left(BEGIN, TEXT, HEL, TOOL)
    stopped = writer.stop(HALT)
    assert stopped.count(b"event: content_block_stop") == 2
    assert [block.type for block in received(vendor, raw + stopped).content] == ["text", "tool_use"]


def test_a_stop_keeps_the_providers_count(vendor):
    raw, writer = left(BEGIN, TEXT, HEL)
    assert received(vendor, raw + writer.stop(HALT)).usage.output_tokens == 2


def test_the_stream_of_events_is_one_that_the_sdk_knows(vendor):
    raw, writer = left(BEGIN, TEXT, HEL)
    vendor.answers(raw + writer.stop(HALT), stream=True)
    events = list(vendor.anthropic.messages.create(model="m", max_tokens=5, messages=HELLO, stream=True))
    assert [one.type for one in events][-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_break_raises_in_the_program(vendor):
    raw, writer = left(BEGIN, TEXT, HEL)
    broke = writer.broke(Halt("upstream_broke", "the model's server went away"))
    assert b"message_stop" not in broke
    with pytest.raises(anthropic.APIStatusError) as raised:
        received(vendor, raw + broke)
    body: Any = raised.value.body
    assert body["error"]["details"] == {"error_code": "upstream_broke"}
    assert body["error"]["message"] == "the model's server went away"


def test_text_goes_on_in_an_open_block(vendor):
    raw, writer = left(BEGIN, TEXT, HEL)
    message = received(vendor, raw + writer.text("block/0/text", "lo é\n") + writer.stop(HALT))
    assert message.content[0].text == "Hello é\n"


@pytest.mark.parametrize("channel", ["block/1/tool", "block/0/thinking", "block/0/text", "block/9/text", "stop"])
def test_a_channel_that_takes_no_text_gets_none(channel):
    _, writer = left(BEGIN, TEXT, HEL, END, TOOL)
    assert writer.text(channel, "x") == b""


def test_what_is_written_can_be_read_again():
    """Gateways can stand in line: each reads what the other wrote, its reason included."""
    raw, writer = left(BEGIN, TEXT, HEL)
    stream = reader()
    frames = stream.feed(raw + writer.text("block/0/text", "lo") + writer.stop(HALT))
    said = [(one.channel, one.text) for frame in frames for one in frame.says]
    assert ("block/0/text", "lo") in said
    assert any(channel == "stop_details" and HALT.message in text for channel, text in said)
    assert frames[-1].last


def reply(*blocks: dict[str, Any]) -> bytes:
    return json.dumps({**MESSAGE, "content": blocks}, indent=1).encode()


NOTICES: dict[str, tuple[list[dict[str, Any]], int | None]] = {
    "one text": ([{"type": "text", "text": "Bonjour"}], 0),
    "the last of two texts": ([{"type": "text", "text": "a"}, {"type": "text", "text": 'é"\\\u2028'}], 1),
    "thinking before": ([{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "text", "text": "a"}], 1),
    "a tool after": (
        [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"text": "x"}}],
        0,
    ),
    "only tools": ([{"type": "tool_use", "id": "t", "name": "f", "input": {"type": "text", "text": "x"}}], None),
    "empty text": ([{"type": "text", "text": ""}], None),
    "nothing": ([], None),
}


@pytest.mark.parametrize("case", NOTICES)
def test_a_notice_ends_the_last_text_and_touches_nothing_else(case):
    blocks, place = NOTICES[case]
    body = reply(*blocks)
    labelled, number = with_notice(body, "Fait par « machine »")
    assert number == (0 if place is None else 1)
    found = json.loads(labelled)["content"]
    wanted = [
        {**block, "text": block["text"] + "\n\nFait par « machine »"} if index == place else block
        for index, block in enumerate(blocks)
    ]
    assert found == wanted
    addition = json.dumps("\n\nFait par « machine »", ensure_ascii=False)[1:-1].encode()
    assert labelled.replace(addition, b"") == body
