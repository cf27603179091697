"""What the gateway writes into a chat completion, as a program sees it through the official SDK."""

import json
from typing import Any

import openai
import pytest

from caveat.wire.openai_chat import OPENAI_CHAT
from caveat.wire.openai_chat_reply import reader
from caveat.wire.openai_chat_write import Writer, with_notice
from caveat.wire.reply import Halt

HALT = Halt("terms_denied", 'clause `x.y` says: "no"', "x.y")
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
HEAD = {"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 17, "model": "smollm2"}


def chunk(*choices: Any) -> bytes:
    return b"data: " + json.dumps({**HEAD, "choices": list(choices)}).encode() + b"\n\n"


def delta(index: int = 0, finish: str | None = None, **said: Any) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": finish}


def left(*chunks: bytes) -> tuple[bytes, Writer]:
    """What has left for the client, and the writer that has seen it."""
    stream, writer = reader(), Writer()
    for frame in stream.feed(b"".join(chunks)):
        writer.saw(frame)
    return b"".join(chunks), writer


def received(vendor, raw: bytes) -> list[Any]:
    vendor.answers(raw, stream=True)
    return list(vendor.openai.chat.completions.create(model="m", messages=HELLO, stream=True))


def test_a_stop_is_a_content_filter_to_the_program(vendor):
    raw, writer = left(chunk(delta(role="assistant")), chunk(delta(content="Hel")))
    chunks = received(vendor, raw + writer.stop(HALT))
    last = chunks[-1]
    assert [choice.finish_reason for choice in last.choices] == ["content_filter"]
    assert (last.id, last.created, last.model, last.object) == ("chatcmpl-7", 17, "smollm2", "chat.completion.chunk")
    assert last.model_extra == {"caveat": {"code": "terms_denied", "clause": "x.y", "message": HALT.message}}
    assert "".join(one.choices[0].delta.content or "" for one in chunks) == "Hel"


def test_a_stop_ends_every_choice_that_is_not_finished(vendor):
    raw, writer = left(
        chunk(delta(0, role="assistant"), delta(1, role="assistant"), delta(2, role="assistant")),
        chunk(delta(1, "stop", content="x")),
    )
    last = received(vendor, raw + writer.stop(HALT))[-1]
    assert {choice.index: choice.finish_reason for choice in last.choices} == {0: "content_filter", 2: "content_filter"}


def test_a_stop_before_anything_left_is_a_whole_stream(vendor):
    chunks = received(vendor, Writer().stop(HALT))
    assert [choice.finish_reason for choice in chunks[0].choices] == ["content_filter"]


def test_the_sdks_stream_helper_sees_the_content_filter(vendor):
    raw, writer = left(chunk(delta(role="assistant")), chunk(delta(content="Hel")))
    vendor.answers(raw + writer.stop(HALT), stream=True)
    with (
        vendor.openai.chat.completions.stream(model="m", messages=HELLO) as stream,
        pytest.raises(openai.ContentFilterFinishReasonError) as stopped,
    ):
        stream.get_final_completion()
    assert stopped.value.completion
    assert stopped.value.completion.choices[0].message.content == "Hel"


def test_a_break_raises_in_the_program(vendor):
    raw, writer = left(chunk(delta(content="Hel")))
    broke = writer.broke(Halt("upstream_broke", "the model's server went away"))
    assert b"[DONE]" not in broke
    with pytest.raises(openai.APIError) as raised:
        received(vendor, raw + broke)
    assert raised.value.code == "upstream_broke"
    assert raised.value.message == "the model's server went away"


def test_text_goes_on_in_an_open_choice(vendor):
    raw, writer = left(chunk(delta(content="Hel")))
    chunks = received(vendor, raw + writer.text("0/content", "lo é\n") + writer.stop(HALT))
    assert "".join(choice.delta.content or "" for one in chunks for choice in one.choices) == "Hello é\n"


def test_text_may_open_a_choice_that_nothing_left_of_yet(vendor):
    writer = Writer()
    raw = writer.text("1/content", "x") + writer.stop(HALT)
    first, last = received(vendor, raw)
    assert (first.choices[0].index, first.choices[0].delta.role, first.choices[0].delta.content) == (
        1,
        "assistant",
        "x",
    )
    assert [(choice.index, choice.finish_reason) for choice in last.choices] == [(1, "content_filter")]


@pytest.mark.parametrize("channel", ["0/reasoning", "0/tool/0", "moderation", "1/content"])
def test_a_channel_that_takes_no_text_gets_none(channel):
    _, writer = left(chunk(delta(0, content="a"), delta(1, "stop", content="b")))
    assert writer.text(channel, "x") == b""


def test_what_is_written_can_be_read_again():
    """Gateways can stand in line: each reads what the other wrote, its reason included."""
    _, writer = left(chunk(delta(content="Hel")))
    frames = reader().feed(writer.text("0/content", "lo") + writer.stop(HALT))
    said = [(one.channel, one.text) for frame in frames for one in frame.says]
    assert ("0/content", "lo") in said
    assert any(channel == "caveat" and HALT.message in text for channel, text in said)
    assert frames[-1].last


def reply(*messages: dict[str, Any]) -> bytes:
    choices = [{"index": n, "finish_reason": "stop", "message": message} for n, message in enumerate(messages)]
    return json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}, indent=1
    ).encode()


NOTICES: dict[str, tuple[list[dict[str, Any]], list[Any], int]] = {
    "one answer": ([{"role": "assistant", "content": "Bonjour"}], ["Bonjour\n\nFait par « machine »"], 1),
    "two answers": (
        [{"content": "a"}, {"content": "b"}],
        ["a\n\nFait par « machine »", "b\n\nFait par « machine »"],
        2,
    ),
    "escapes stay": ([{"content": 'é"\\\n\u2028'}], ['é"\\\n\u2028\n\nFait par « machine »'], 1),
    "only tools": ([{"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}], [None], 0),
    "empty text": ([{"content": ""}], [""], 0),
    "a refusal": ([{"content": None, "refusal": "no"}], [None], 0),
    "text and tools": (
        [{"tool_calls": [{"function": {"arguments": "content"}}], "content": "t"}],
        ["t\n\nFait par « machine »"],
        1,
    ),
    "no answer": ([], [], 0),
}


@pytest.mark.parametrize("case", NOTICES)
def test_a_notice_ends_each_plain_answer_and_touches_nothing_else(case):
    messages, wanted, count = NOTICES[case]
    body = reply(*messages)
    labelled, number = with_notice(body, "Fait par « machine »")
    assert number == count
    found = json.loads(labelled)
    assert [choice["message"].get("content") for choice in found["choices"]] == wanted
    for choice, message in zip(found["choices"], messages, strict=True):
        assert {**choice["message"], "content": None} == {**message, "content": None}
    addition = json.dumps("\n\nFait par « machine »", ensure_ascii=False)[1:-1].encode()
    assert labelled.replace(addition, b"") == body


def test_a_refusal_is_one_exception_after_one_attempt(vendor):
    refusal = OPENAI_CHAT.refuse(403, HALT, "call-1")
    vendor.status, vendor.headers, vendor.answer = refusal.status, list(refusal.headers), refusal.body
    with pytest.raises(openai.PermissionDeniedError) as denied:
        vendor.openai.chat.completions.create(model="m", messages=HELLO)
    assert len(vendor.bodies) == 1
    assert (denied.value.code, denied.value.type, denied.value.param) == ("terms_denied", "permission_error", None)
    assert denied.value.body == {
        "message": HALT.message,
        "type": "permission_error",
        "param": None,
        "code": "terms_denied",
    }
    assert denied.value.request_id == "call-1"
