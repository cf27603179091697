"""What the duty `redact.output` names is masked in every dialect, whole and streamed, or the reply is stopped."""

import json
from typing import Any

import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.gateway.running import HEAD, MODEL, running, upstream_text
from tests.stories.persons import PATH, chat, released, send, staffed, terms_with, verified
from tests.stories.test_review import BODIES, DIALECTS

from caveat.gateway.scripted.script import Answer, Event, Reply, ToolCall, always, says
from caveat.gateway.scripted.server import serve
from caveat.wire.dialects import BY_PATH

MASK = """
- id: data.masked
  title: {en: Bank details are masked, fr: Les coordonnées bancaires sont masquées}
  says:
    en: What identifies a person or an account is masked in what the model writes.
    fr: Ce qui identifie une personne ou un compte est masqué dans ce que le modèle écrit.
  effect: oblige
  when: "true"
  duties: [redact.output: personal]
"""
LATE = MASK.replace('"true"', 'context.personalDataOut != Personal::"none"').replace(": personal", "")
IBAN = "GB82 WEST 1234 5698 7654 32"
MAIL = "anna.miller@gmail.com"
PLAIN = "The harbour lies in the north of the town. "
TEXT = f"{PLAIN * 8}Pay to {IBAN} and write to {MAIL}. {PLAIN * 8}"
WANTED = f"{PLAIN * 8}Pay to [personal.iban] and write to [personal.email]. {PLAIN * 8}"


@pytest.fixture
def office(tmp_path, run):  # noqa: F811
    with serve(says(TEXT)) as upstream:
        text = HEAD + upstream_text(upstream.address, dialects=DIALECTS)
        with running(tmp_path / "home", text) as gateway:
            gateway.adopt(terms_with(MASK))
            yield staffed(tmp_path, run, gateway, upstream)


def body(path, *, stream):
    return json.dumps({**BODIES[path], **({"stream": True} if stream else {})}).encode()


def heard(path, data, *, stream):
    """The words by channel, as the dialect's own reader hears them."""
    dialect = BY_PATH[path]
    frames = dialect.reader().feed(data) if stream else [dialect.read_reply(data)]
    texts: dict[str, str] = {}
    for said in (said for frame in frames for said in frame.says):
        texts[said.channel] = texts.get(said.channel, "") + said.text
    return texts


def answer(path, data, *, stream):
    texts = heard(path, data, stream=stream)
    return next(text for channel, text in texts.items() if channel.endswith(("/content", "/text")))


@pytest.mark.parametrize("piece", [1, 7, 64, 4000])
@pytest.mark.parametrize("path", BODIES)
def test_a_streamed_text_is_masked_wherever_it_is_cut(office, path, piece):
    office.upstream.play(always(Reply(answer=Answer(TEXT, piece=piece))))
    reply = send(office, body(path, stream=True), path=path)
    assert answer(path, reply.content, stream=True).startswith(WANTED)
    assert b"5698" not in reply.content
    assert b"miller" not in reply.content
    settled = office.gateway.ending(reply.headers["x-caveat-call"])
    (done,) = [one for one in settled.opened["duties"] if one["duty"] == "redact.output"]
    assert (settled.leaf.o, done["done"]) == ("completed", {"masked": {"personal.email": 1, "personal.iban": 1}})


@pytest.mark.parametrize("path", BODIES)
def test_a_whole_reply_is_masked(office, path):
    reply = send(office, body(path, stream=False), path=path)
    assert answer(path, reply.content, stream=False).startswith(WANTED)
    assert b"5698" not in reply.content
    assert office.gateway.ending(reply.headers["x-caveat-call"]).leaf.o == "completed"
    report = verified(office)
    assert report.verified, report.sentences()


@pytest.mark.parametrize("stream", [False, True])
def test_the_official_sdks_read_what_is_masked(office, stream):
    asked: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Whom do I pay?"}]}
    client, other = office.gateway.openai(), office.gateway.anthropic()
    if stream:
        chunks = client.chat.completions.create(**asked, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        with other.messages.stream(**asked, max_tokens=500) as events:
            also = events.get_final_text()
        with client.responses.stream(model=MODEL, input="Whom do I pay?") as responses:
            third = responses.get_final_response().output_text
    else:
        text = client.chat.completions.create(**asked).choices[0].message.content or ""
        also = other.messages.create(**asked, max_tokens=500).content[0].text
        third = client.responses.create(model=MODEL, input="Whom do I pay?").output_text
    assert [one.startswith(WANTED) for one in (text, also, third)] == [True, True, True]


TOOL = {"openai": [{"type": "function", "function": {"name": "search_web"}}]}
CALLS = {
    PATH: chat("Pay.", tools=[{"type": "function", "function": {"name": "search_web"}}]),
    "/v1/responses": json.dumps(
        {"model": MODEL, "input": "Pay.", "tools": [{"type": "function", "name": "search_web", "parameters": {}}]}
    ).encode(),
    "/v1/messages": json.dumps(
        {
            "model": MODEL,
            "max_tokens": 99,
            "messages": [{"role": "user", "content": "Pay."}],
            "tools": [{"name": "search_web", "input_schema": {"type": "object"}}],
        }
    ).encode(),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", CALLS)
def test_a_tools_arguments_are_masked_and_stay_json(office, path, stream):
    call = ToolCall("search_web", json.dumps({"to": IBAN, "sum": 7}))
    office.upstream.play(always(Reply(answer=Answer(tool_calls=(call,)))))
    data = {**json.loads(CALLS[path]), **({"stream": True} if stream else {})}
    reply = send(office, json.dumps(data).encode(), path=path)
    texts = heard(path, reply.content, stream=stream)
    (arguments,) = [json.loads(text) for channel, text in texts.items() if text.startswith("{")]
    assert arguments == {"to": "[personal.iban]", "sum": 7}
    assert b"5698" not in reply.content


UNMASKABLE = {
    "a number in a tool's arguments": Reply(
        answer=Answer(tool_calls=(ToolCall("search_web", '{"card": 4111111111111111}'),))
    ),
    "escapes in a tool's arguments": Reply(
        answer=Answer(tool_calls=(ToolCall("search_web", '{"to": "\\u0047B82 WEST 1234 5698 7654 32"}'),))
    ),
    "the bytes beside a token": Reply(
        json={
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": IBAN},
                    "logprobs": {"content": [{"token": IBAN, "logprob": 0, "bytes": [71, 66]}]},
                }
            ],
        }
    ),
    "token ids beside the text": Reply(
        json={
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "token_ids": [71, 66],
                    "message": {"role": "assistant", "content": IBAN},
                }
            ],
        }
    ),
    "a tool's name": Reply(answer=Answer(tool_calls=(ToolCall(MAIL, "{}"),))),
    "words that come as a list": Reply(
        json={
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "Well.", "annotations": [{"x": MAIL}, {"y": "z"}]},
                }
            ],
        }
    ),
    "a stream's own repetition beside numbers": Reply(
        events=(
            Event(
                {
                    "object": "chat.completion.chunk",
                    "choices": [{"index": 0, "delta": {"content": f"To {IBAN}. "}, "token_ids": [1]}],
                }
            ),
            Event({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            Event("[DONE]"),
        )
    ),
}


@pytest.mark.parametrize("name", UNMASKABLE)
def test_what_cannot_be_masked_with_certainty_is_stopped(office, name):
    reply_ = UNMASKABLE[name]
    office.upstream.play(always(reply_))
    stream = bool(reply_.events)
    tools = [{"type": "function", "function": {"name": "search_web"}}] if reply_.answer else []
    data = chat("Whom do I pay?", stream=stream, **({"tools": tools} if tools else {}))
    reply = send(office, data)
    assert b"5698" not in reply.content
    assert b"miller" not in reply.content
    assert b"4111" not in reply.content
    assert (b"content_filter" in reply.content) if stream else reply.status_code in (403, 502)
    assert office.gateway.ending(reply.headers["x-caveat-call"]).leaf.o in ("stopped", "broken")
    report = verified(office)
    assert report.verified, report.sentences()


def test_a_duty_that_the_reply_brings_up_is_met_whole_and_stops_a_stream(office):
    """Of a stream words may have left by then that were to be masked."""
    office.gateway.adopt(terms_with(LATE, number=3))
    whole = send(office, chat("Whom do I pay?"))
    assert answer(PATH, whole.content, stream=False).startswith(WANTED)
    stream = send(office, chat("Whom do I pay?", stream=True))
    assert b"content_filter" in stream.content
    assert b"5698" not in stream.content
    assert office.gateway.ending(stream.headers["x-caveat-call"]).opened["decision"]["rule"] == "duty"
    report = verified(office)
    assert report.verified, report.sentences()


def test_what_persons_release_is_masked_too(office):
    key = office.gateway.key("dora", effect="affects-person")
    for stream in (False, True):
        data = chat("Whom do I pay?", stream=stream)
        hold = send(office, data, key=key).headers["x-caveat-call"]
        told = released(office, hold, "ben" if stream else "anna").out
        assert "released" in told
        fetched = send(office, data, hold, key)
        assert answer(PATH, fetched.content, stream=stream).startswith(WANTED)


def test_several_answers_and_reasoning_are_masked_each(office):
    office.upstream.play(always(Reply(answer=Answer(f"To {MAIL}.", reasoning=f"Hm, {IBAN}.", others=f"Or {IBAN}."))))
    for stream in (False, True):
        reply = send(office, chat("Whom?", n=2, stream=stream))
        assert reply.status_code == 200
        assert b"5698" not in reply.content
        assert b"miller" not in reply.content
        assert reply.content.count(b"[personal.") >= 3


def test_a_stop_behind_a_mask_repeats_no_word_of_it(office):
    """Responses repeats at the end of a filtered stream what has left."""
    office.upstream.play(always(Reply(answer=Answer(TEXT + " AKIAIOSFODNN7EXAMPLQ " + PLAIN * 9, piece=9))))
    for path in BODIES:
        reply = send(office, body(path, stream=True), path=path)
        assert "secrets.kept" in reply.text
        assert b"5698" not in reply.content
        assert b"miller" not in reply.content
        assert b"[personal.iban]" in reply.content
