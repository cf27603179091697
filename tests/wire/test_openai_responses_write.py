"""What the gateway writes into a Responses stream, as a program sees it through the official SDK."""

import json
from typing import Any

import openai
import pytest

from caveat.gateway.scripted.answers import read_asked, render
from caveat.gateway.scripted.script import Answer, ToolCall
from caveat.wire.openai_responses_reply import read_reply, reader
from caveat.wire.openai_responses_write import Writer, with_notice
from caveat.wire.reply import Halt

HALT = Halt("terms_denied", 'clause `x.y` says: "no"', "x.y")
ASKED = b'{"model": "m", "stream": true}'


def scripted(answer: Answer) -> list[bytes]:
    made = render("/v1/responses", read_asked(ASKED), answer)
    assert made is not None
    return list(made.pieces)


def left(pieces: list[bytes]) -> tuple[bytes, Writer]:
    """What has left for the client, and the writer that has seen it."""
    stream, writer = reader(ASKED), Writer()
    out = b""
    for frame in stream.feed(b"".join(pieces)):
        out += writer.leaving(frame)
        writer.saw(frame)
    return out, writer


def received(vendor, raw: bytes) -> list[Any]:
    vendor.answers(raw, stream=True)
    return list(vendor.openai.responses.create(model="m", input="hello", stream=True))


def until(pieces: list[bytes], mark: bytes, times: int = 1) -> list[bytes]:
    """The pieces up to and with the one that holds the mark for the n-th time."""
    places = [at for at, piece in enumerate(pieces) if mark in piece]
    return pieces[: places[times - 1] + 1]


def test_a_stop_is_an_incomplete_response_to_the_program(vendor):
    raw, writer = left(until(scripted(Answer("Hel lo there", piece=3)), b"output_text.delta", 1))
    events = received(vendor, raw + writer.stop(HALT))
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.status == "incomplete"
    assert last.response.incomplete_details.reason == "content_filter"
    assert last.response.id == "resp_scripted"
    assert last.response.output_text == "Hel"
    assert last.response.model_extra == {"caveat": {"code": "terms_denied", "clause": "x.y", "message": HALT.message}}
    assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == "Hel"
    numbers = [one.sequence_number for one in events]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("count", range(16))
def test_a_stop_anywhere_is_a_stream_that_can_be_read(vendor, count):
    """What the gateway writes passes its own reader, wherever the stop comes, and repeats what left and no more."""
    answer = Answer("Hel lo", reasoning="Hm.", tool_calls=(ToolCall("look", '{"a":1}'),))
    pieces = scripted(answer)[:count]
    raw, writer = left(pieces)
    whole = raw + writer.stop(HALT)
    stream = reader(ASKED)
    frames = stream.feed(whole) + stream.finish()
    assert frames[-1].last
    assert received(vendor, whole)[-1].response.status == "incomplete"


def test_a_stop_before_anything_left_is_a_whole_stream(vendor):
    events = received(vendor, Writer().stop(HALT))
    assert [one.type for one in events] == ["response.created", "response.incomplete"]


def test_added_text_stands_in_every_repetition(vendor):
    """A program may read the pieces, the part, the item or the whole response: the notice is in each."""
    stream, writer, out = reader(ASKED), Writer(), b""
    for frame in stream.feed(b"".join(scripted(Answer("Hello there.", reasoning="Hm.")))):
        if "item/1/0/text" in frame.ends:
            out += writer.text("item/1/0/text", "\n\nN.")
        out += writer.leaving(frame)
        writer.saw(frame)
    events = received(vendor, out)
    by_type = {one.type: one for one in events}
    wanted = "Hello there.\n\nN."
    assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == wanted
    assert by_type["response.output_text.done"].text == wanted
    assert by_type["response.content_part.done"].part.text == wanted
    assert by_type["response.output_item.done"].item.content[0].text == wanted
    assert by_type["response.completed"].response.output_text == wanted
    again = reader(ASKED)
    assert (again.feed(out) + again.finish())[-1].last


def test_nothing_added_means_every_byte_as_it_came():
    pieces = scripted(Answer("Hello there.", reasoning="Hm.", tool_calls=(ToolCall("f"),)))
    assert left(pieces)[0] == b"".join(pieces)


@pytest.mark.parametrize("channel", ["item/0/tool", "item/7/0/text", "instructions/echo", "item/0/0/reasoning", "x"])
def test_what_is_no_open_text_takes_none(channel):
    _, writer = left(scripted(Answer("Hi."))[:3])
    assert writer.text(channel, "N.") == b""


def test_a_text_that_is_complete_takes_none():
    _, writer = left(scripted(Answer("Hi.")))
    assert writer.text("item/0/0/text", "N.") == b""


def test_a_break_is_an_error_to_the_program(vendor):
    raw, writer = left(scripted(Answer("Hello there."))[:4])
    with pytest.raises(openai.APIError, match="the model's server"):
        received(vendor, raw + writer.broke(Halt("upstream_broke", "the model's server is gone")))


WHOLE: dict[str, Any] = {
    "id": "r",
    "object": "response",
    "output": [
        {"id": "a", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"id": "b", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "one"}]},
        {"id": "c", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
        {"id": "d", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ],
}


def test_a_notice_ends_the_last_text():
    body, count = with_notice(json.dumps(WHOLE).encode(), "N é.")
    assert count == 1
    assert json.loads(body)["output"][2]["content"][0]["text"] == "two\n\nN é."
    assert [said.text for said in read_reply(body).says if said.channel.endswith("/text")] == ["one", "two\n\nN é."]


@pytest.mark.parametrize("output", [[], WHOLE["output"][:1], WHOLE["output"][3:]])
def test_a_reply_without_text_takes_no_notice(output):
    body = json.dumps({**WHOLE, "output": output}).encode()
    assert with_notice(body, "N.") == (body, 0)
