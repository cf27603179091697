"""Scripted answers are well-formed: the official SDKs read them, whole and streamed, and equal requests get equal bytes."""

import json
from typing import Any, cast

import anthropic
import openai
import pytest

from caveat.gateway.scripted.answers import EVENTS_TYPE, Asked, StreamOptions, event, pieces, read_asked, render
from caveat.gateway.scripted.script import Answer, Reply, ToolCall, always
from caveat.gateway.scripted.server import serve

ANSWERS = {
    "text": Answer("Il pleut à Brest, et  il vente.\n"),
    "text in pieces": Answer("It rains in Brest.", piece=3),
    "tool": Answer(tool_calls=(ToolCall("weather", '{"city": "Brest"}'),)),
    "text and two tools": Answer("Let me look.", tool_calls=(ToolCall("a", '{"x": [1, 2]}'), ToolCall("b"))),
    "cut off by its limit": Answer("It rai", stop="length"),
    "empty": Answer(""),
}
MESSAGES: Any = [{"role": "user", "content": "Weather?"}]


@pytest.fixture
def upstream():
    with serve(always(Reply())) as scripted:
        yield scripted


@pytest.mark.parametrize("case", ANSWERS)
def test_openai_sdk_reads_the_answer_whole_and_streamed(upstream, case):
    answer = ANSWERS[case]
    upstream.play(always(Reply(answer=answer)))
    with openai.OpenAI(base_url=upstream.address + "/v1", api_key="k", max_retries=0) as client:
        whole = client.chat.completions.create(model="m", messages=MESSAGES)
        with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            try:
                streamed = stream.get_final_completion()
            except openai.LengthFinishReasonError as cut_off:
                streamed = cut_off.completion  # type: ignore[assignment]
    both: list[Any] = [whole, streamed]
    for completion in both:
        message = completion.choices[0].message
        assert (message.content or "") == answer.text
        calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
        assert calls == [(call.name, call.arguments) for call in answer.tool_calls]
    assert whole.choices[0].finish_reason == streamed.choices[0].finish_reason
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens


@pytest.mark.parametrize("case", ANSWERS)
def test_anthropic_sdk_reads_the_answer_whole_and_streamed(upstream, case):
    answer = ANSWERS[case]
    upstream.play(always(Reply(answer=answer)))
    with anthropic.Anthropic(base_url=upstream.address, api_key="k", max_retries=0) as client:
        whole = client.messages.create(model="m", max_tokens=50, messages=MESSAGES)
        with client.messages.stream(model="m", max_tokens=50, messages=MESSAGES) as stream:
            streamed = stream.get_final_message()
    for message in (whole, streamed):
        assert "".join(block.text for block in message.content if block.type == "text") == answer.text
        used = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
        assert used == [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]
    assert whole.stop_reason == streamed.stop_reason
    assert whole.usage.output_tokens == streamed.usage.output_tokens


def test_openai_stream_ends_with_usage_only_where_it_was_asked_for():
    plain = render("/v1/chat/completions", Asked(stream=True), Answer("Hi"))
    asked = render("/v1/chat/completions", Asked(stream=True, stream_options=StreamOptions(True)), Answer("Hi"))
    assert plain is not None
    assert asked is not None
    assert b'"usage"' not in b"".join(plain.pieces)
    assert b'"choices":[],"usage":{' in asked.pieces[-2]
    assert plain.pieces[-1] == asked.pieces[-1] == b"data: [DONE]\n\n"


def test_n_answers_are_given():
    rendered = render("/v1/chat/completions", Asked(n=3), Answer("Hi"))
    assert rendered is not None
    assert [choice["index"] for choice in json.loads(rendered.pieces[0])["choices"]] == [0, 1, 2]


def test_reasoning_has_a_channel_of_its_own():
    asked = Asked(stream=True)
    chat = render("/v1/chat/completions", asked, Answer("Four.", reasoning="Two and two"))
    messages = render("/v1/messages", asked, Answer("Four.", reasoning="Two and two"))
    assert chat is not None
    assert messages is not None
    assert b'"reasoning_content":"Two"' in b"".join(chat.pieces)
    assert b'"thinking_delta","thinking":"Two"' in b"".join(messages.pieces)
    assert messages.content_type == EVENTS_TYPE


def test_path_without_a_dialect_has_no_answer():
    assert render("/v1/images", Asked(), Answer("Hi")) is None


def test_equal_requests_get_equal_bytes():
    asked = Asked(model="m", stream=True)
    assert render("/v1/messages", asked, Answer("Hi there")) == render("/v1/messages", asked, Answer("Hi there"))


ASKED = {
    "plain": (b'{"model": "m", "messages": []}', Asked("m")),
    "streamed": (b'{"model": "m", "stream": true, "n": 2}', Asked("m", stream=True, n=2)),
    "not json": (b"nothing", Asked()),
    "another type": (b'{"model": 7}', Asked()),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_is_asked_is_read_where_it_can_be(case):
    body, wanted = ASKED[case]
    assert read_asked(body) == wanted


@pytest.mark.parametrize("size", range(5))
def test_pieces_together_are_the_text(size):
    for text in ("", " ", "a", "two words ", "\n\n lead", "fin\n", "日本 語"):
        assert "".join(pieces(text, size)) == text


def test_event_of_several_lines_keeps_them():
    assert event("a\nb", "note") == b"event: note\ndata: a\ndata: b\n\n"


def test_a_refusal_has_a_place_of_its_own_in_either_format(upstream):
    upstream.play(always(Reply(answer=Answer(refusal="I will not."))))
    with openai.OpenAI(base_url=upstream.address + "/v1", api_key="k", max_retries=0) as client:
        whole = client.chat.completions.create(model="m", messages=MESSAGES)
        chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert whole.choices[0].message.refusal == "I will not."
    assert "".join(c.choices[0].delta.refusal or "" for c in chunks) == "I will not."
    with anthropic.Anthropic(base_url=upstream.address, api_key="k", max_retries=0) as client:
        message = client.messages.create(model="m", max_tokens=50, messages=MESSAGES)
        with client.messages.stream(model="m", max_tokens=50, messages=MESSAGES) as stream:
            streamed = stream.get_final_message()
    for one in (message, streamed):
        assert one.stop_reason == "refusal"
        assert one.stop_details is not None
        assert one.stop_details.explanation == "I will not."


def test_of_several_answers_the_last_may_differ(upstream):
    upstream.play(always(Reply(answer=Answer("Last.", others="Another."))))
    with openai.OpenAI(base_url=upstream.address + "/v1", api_key="k", max_retries=0) as client:
        whole = client.chat.completions.create(model="m", messages=MESSAGES, n=3)
        said = {0: "", 1: "", 2: ""}
        for chunk in client.chat.completions.create(model="m", messages=MESSAGES, n=3, stream=True):
            for choice in chunk.choices:
                said[choice.index] += choice.delta.content or ""
    assert [c.message.content for c in whole.choices] == list(said.values()) == ["Another.", "Another.", "Last."]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_openai_sdk_reads_an_embedding(upstream, encoding):
    upstream.play(always(Reply(answer=Answer())))
    with openai.OpenAI(base_url=upstream.address + "/v1", api_key="k", max_retries=0) as client:
        made = client.embeddings.create(model="m", input="Brest", encoding_format=encoding)
        by_itself = client.embeddings.create(model="m", input="Brest")
    assert by_itself.data[0].embedding == [0.5, -0.5]
    assert made.data[0].index == 0


@pytest.mark.parametrize("case", ANSWERS)
def test_openai_sdk_reads_a_response_whole_and_streamed(upstream, case):
    answer = ANSWERS[case]
    upstream.play(always(Reply(answer=answer)))
    with openai.OpenAI(base_url=upstream.address + "/v1", api_key="k", max_retries=0) as client:
        whole = client.responses.create(model="m", input="Weather?")
        events = list(client.responses.create(model="m", input="Weather?", stream=True))
    assert events[-1].type == ("response.incomplete" if answer.stop == "length" else "response.completed")
    both: list[Any] = [whole, cast("Any", events[-1]).response]
    for response in both:
        assert response.output_text == answer.text
        calls = [(i.name, i.arguments) for i in response.output if i.type == "function_call"]
        assert calls == [(call.name, call.arguments) for call in answer.tool_calls]
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == answer.text
    assert [e.sequence_number for e in events] == list(range(len(events)))


def test_a_response_has_its_reasoning_and_its_refusal(upstream):
    upstream.play(always(Reply(answer=Answer(reasoning="Rain is water.", refusal="I will not."))))
    with openai.OpenAI(base_url=upstream.address + "/v1", api_key="k", max_retries=0) as client:
        events = list(client.responses.create(model="m", input="Weather?", stream=True))
    reasoning, message = cast("Any", events[-1]).response.output
    assert reasoning.summary[0].text == "Rain is water."
    assert message.content[0].refusal == "I will not."
    assert "".join(e.delta for e in events if e.type == "response.refusal.delta") == "I will not."
