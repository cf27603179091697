"""Chat completion replies: every word is Said, alike however the stream was cut; what is not known is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import Unavailable, Unreadable
from caveat.wire.openai_chat_reply import read_reply, reader
from caveat.wire.reply import Usage

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
DONE = b"data: [DONE]\n\n"


def chunk(*choices: Any, **more: Any) -> bytes:
    return b"data: " + json.dumps({**HEAD, "choices": list(choices), **more}).encode() + b"\n\n"


def delta(index: int = 0, finish: str | None = None, /, logprobs: Any = None, **said: Any) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": finish, "logprobs": logprobs}


def tool(index: int, name: str | None = None, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"index": index, "function": function, **more}


def read(pieces):
    stream = reader()
    return [frame for piece in pieces for frame in stream.feed(piece)] + stream.finish()


def told(frames) -> dict[str, str]:
    """Channel -> all its words; channels without words left out."""
    words: dict[str, str] = {}
    for said in (said for frame in frames for said in frame.says):
        words[said.channel] = words.get(said.channel, "") + said.text
    return {channel: text for channel, text in words.items() if text}


STREAMS: dict[str, tuple[list[bytes], dict[str, str], dict[str, str]]] = {
    "openai": (
        [
            chunk(
                delta(role="assistant", content="", refusal=None),
                service_tier="default",
                system_fingerprint="fp_1",
                obfuscation="aZ3",
            ),
            chunk(delta(content="Hé"), obfuscation="q"),
            chunk(delta(content="llo")),
            chunk(delta(0, "stop")),
            chunk(
                usage={
                    "prompt_tokens": 3,
                    "completion_tokens": 2,
                    "total_tokens": 5,
                    "prompt_tokens_details": {"cached_tokens": 0},
                }
            ),
            DONE,
        ],
        {"0/content": "Héllo"},
        {},
    ),
    "two answers at once": (
        [
            chunk(delta(1, role="assistant"), delta(0, role="assistant")),
            chunk(delta(0, content="a"), delta(1, content="b")),
            chunk(delta(1, "length", content="B")),
            chunk(delta(0, "stop", content="A")),
            DONE,
        ],
        {"0/content": "aA", "1/content": "bB"},
        {},
    ),
    "reasoning and refusal": (
        [
            chunk(delta(role="assistant", reasoning_content="think", reasoning="more")),
            chunk(delta(refusal="I will not")),
            chunk(delta(0, "content_filter")),
            DONE,
        ],
        {"0/reasoning_content": "think", "0/reasoning": "more", "0/refusal": "I will not"},
        {},
    ),
    "tool calls in turns": (
        [
            chunk(delta(role="assistant", content=None, tool_calls=[tool(0, "look", "", id="c0", type="function")])),
            chunk(delta(tool_calls=[tool(0, None, '{"q":')])),
            chunk(delta(tool_calls=[tool(1, "run", '{"c"', id="c1", type="function")])),
            chunk(delta(tool_calls=[tool(0, None, '"x"}'), tool(1, "", ":1}")])),
            chunk(delta(0, "tool_calls")),
            DONE,
        ],
        {
            "0/tool/0": '{"q":"x"}',
            "0/tool/0/name": "look",
            "0/tool/1": '{"c":1}',
            "0/tool/1/name": "run",
        },
        {"0/tool/0": "look", "0/tool/1": "run"},
    ),
    "the older function call": (
        [
            chunk(delta(function_call={"name": "f", "arguments": ""})),
            chunk(delta(function_call={"arguments": "{}"})),
            chunk(delta(0, "function_call")),
            DONE,
        ],
        {"0/function": "{}", "0/function/name": "f"},
        {"0/function": "f"},
    ),
    "a call without arguments": (
        [chunk(delta(tool_calls=[tool(0, "now", id="c")])), chunk(delta(0, "tool_calls")), DONE],
        {"0/tool/0/name": "now"},
        {"0/tool/0": "now"},
    ),
    "logprobs": (
        [
            chunk(
                delta(
                    content="Hi",
                    logprobs={
                        "content": [
                            {
                                "token": "Hi",
                                "logprob": -0.1,
                                "bytes": [72, 105],
                                "top_logprobs": [
                                    {"token": "Hi", "logprob": -0.1, "bytes": None},
                                    {"token": "Yo", "logprob": -2.0, "bytes": None},
                                ],
                            }
                        ],
                        "refusal": None,
                    },
                )
            ),
            chunk(delta(0, "stop")),
            DONE,
        ],
        {"0/content": "Hi", "0/logprobs": "Hi", "0/logprobs/0": "Hi", "0/logprobs/1": "Yo"},
        {},
    ),
    "vllm": (
        [
            chunk(delta(role="assistant", content="", reasoning=None), prompt_token_ids=[1, 2]),
            chunk({"index": 0, "delta": {"content": "x"}, "finish_reason": None, "logprobs": None, "token_ids": [5]}),
            chunk(
                {"index": 0, "delta": {"content": ""}, "finish_reason": "stop", "stop_reason": "END"},
                kv_transfer_params=None,
            ),
            chunk(usage={"prompt_tokens": 1, "completion_tokens": 1}, prompt_logprobs=None),
            DONE,
        ],
        {"0/content": "x", "0/stop": "END\n"},
        {},
    ),
    "comments between": ([b": working\n\n", chunk(delta(content="x")), b": working\n\n", DONE], {"0/content": "x"}, {}),
    "crlf and named": (
        [b"event: message\r\n" + chunk(delta(content="x")).replace(b"\n", b"\r\n"), DONE.replace(b"\n", b"\r\n")],
        {"0/content": "x"},
        {},
    ),
    "citations": (
        [
            chunk(
                delta(
                    content="x",
                    annotations=[{"type": "url_citation", "url_citation": {"url": "http://a", "title": "T"}}],
                )
            ),
            DONE,
        ],
        {"0/content": "x", "0/annotations": "type\nurl_citation\nurl_citation\nurl\nhttp://a\ntitle\nT\n"},
        {},
    ),
    "a number that no table knows": (
        [chunk(delta(content="x"), new_number=3, new_object={"a": [1, None, True]}), DONE],
        {"0/content": "x"},
        {},
    ),
}


@pytest.mark.parametrize("case", STREAMS)
def test_every_cut_gives_the_same_frames(case, cuts):
    events, words, tools = STREAMS[case]
    raw = b"".join(events)
    whole = read([raw])
    assert told(whole) == words
    assert {said.channel: said.tool for frame in whole for said in frame.says if said.tool} == tools
    assert [frame.raw for frame in whole] == events
    assert [frame.last for frame in whole] == [False] * (len(events) - 1) + [True]
    assert all(read(pieces) == whole for pieces in cuts(raw))


@pytest.mark.parametrize("case", STREAMS)
def test_every_channel_ends_once_and_tools_last(case):
    frames = read([b"".join(STREAMS[case][0])])
    ends = [channel for frame in frames for channel in frame.ends]
    assert len(ends) == len(set(ends))
    assert set(ends) == {said.channel for frame in frames for said in frame.says}
    for frame in frames:
        names = [channel.endswith("/name") for channel in frame.ends if "/tool" in channel]
        assert names == sorted(names)


def test_channels_end_with_the_finish_reason_of_their_choice():
    frames = read([b"".join(STREAMS["two answers at once"][0])])
    assert [frame.ends for frame in frames] == [(), (), ("1/content",), ("0/content",), ()]


def test_usage_is_the_providers_own_count():
    frames = read([b"".join(STREAMS["openai"][0])])
    assert [frame.usage for frame in frames if frame.usage] == [Usage(3, 2)]


def test_real_streams_of_an_engine(streams, cuts):
    """Captured from the server in xllamacpp 2026.10."""
    for name, raw in streams.items():
        if not name.startswith("openai_chat"):
            continue
        whole = read([raw])
        assert b"".join(frame.raw for frame in whole) == raw
        assert whole[-1].last
        assert read([raw[i : i + 1] for i in range(len(raw))]) == whole
    assert told(read([streams["openai_chat.llamacpp"]])) == {"0/content": "Hello there! It's"}
    assert read([streams["openai_chat.llamacpp"]])[-2].usage == Usage(18, 5)
    assert set(told(read([streams["openai_chat.llamacpp_n2_logprobs"]]))) == {
        f"{choice}/{what}" for choice in (0, 1) for what in ("content", "logprobs", "logprobs/0", "logprobs/1")
    }


BAD = {
    "an unknown field with words": (chunk(delta(content="x", thoughts="secret plan")), "/choices/0/delta/thoughts"),
    "an unknown field with words deep down": (chunk(delta(content="x"), extra=[{"a": ["b"]}]), "/extra"),
    "an unknown field with a name full of words": (chunk(delta(content="x"), **{"the plan is": 1}), "/the plan is"),
    "words in the names of an unknown object": (chunk(delta(content="x"), extra={"the plan is": 1}), "/extra"),
    "an unknown finish reason": (chunk(delta(0, "because")), "/choices/0/finish_reason"),
    "an unknown role": (chunk(delta(role="oracle")), "/choices/0/delta/role"),
    "an unknown object": (chunk(delta(content="x"), object="chat.thing"), "/object"),
    "sound": (chunk(delta(audio={"data": "AAAA", "transcript": "x"})), "/choices/0/delta/audio"),
    "content as a number": (chunk(delta(content=5)), "/choices/0/delta/content"),
    "content as parts": (chunk(delta(content=[{"type": "text", "text": "x"}])), "/choices/0/delta/content"),
    "a choice without an index": (chunk({"delta": {"content": "x"}}), "/choices/0/index"),
    "a choice with a negative index": (chunk(delta(-1, content="x")), "/choices/0/index"),
    "a tool call without an index": (
        chunk(delta(tool_calls=[{"function": {"name": "f"}}])),
        "/choices/0/delta/tool_calls/0/index",
    ),
    "a tool call without a name": (chunk(delta(tool_calls=[tool(0, None, "{}")])), "/choices/0/delta/tool_calls/0"),
    "a tool call with two names": (
        chunk(delta(tool_calls=[tool(0, "f", "")])) + chunk(delta(tool_calls=[tool(0, "g", "")])),
        "/choices/0/delta/tool_calls/0",
    ),
    "words in an id": (chunk(delta(content="x"), id="w " * 200), "/id"),
    "words after the end of their choice": (
        chunk(delta(0, "stop")) + chunk(delta(content="x")) + chunk(delta(0, "stop")) + chunk(delta(content="more")),
        "",
    ),
    "a duplicate name": (b'data: {"choices":[],"choices":[]}\n\n', ""),
    "no json": (b"data: hello\n\n", ""),
    "an array": (b"data: []\n\n", ""),
    "a named event": (b"event: thread.run\ndata: {}\n\n", ""),
    "something after the end": (DONE + chunk(delta(content="x")), ""),
    "twice the end": (DONE + DONE, ""),
    "nearly the end": (b"data: [DONE] \n\n", ""),
    "usage as words": (chunk(usage={"prompt_tokens": "many"}), "/usage"),
    "token ids as words": (chunk({"index": 0, "delta": {}, "token_ids": ["bomb"]}), "/choices/0/token_ids"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_table_knows_is_refused_wherever_it_is_cut(case, cuts):
    raw, at = BAD[case]
    good = chunk(delta(content="good"))
    for pieces in cuts(good + raw):
        stream = reader()
        frames = []
        with pytest.raises(Unreadable) as refused:
            for piece in [*pieces, b"", b""]:
                frames += stream.feed(piece)
        assert refused.value.at == at
        assert frames[0].raw == good
        with pytest.raises(Unreadable):
            stream.finish()


def test_words_after_the_end_of_their_choice_are_refused():
    stream = reader()
    stream.feed(chunk(delta(content="x")) + chunk(delta(0, "stop")))
    with pytest.raises(Unreadable, match="0/content"):
        stream.feed(chunk(delta(content="more")))


ERRORS = {
    "as openai sends it": b'data: {"error": {"message": "the prompt was: secret", "type": "server_error"}}\n\n',
    "as a named event": b'event: error\ndata: {"message": "secret"}\n\n',
    "a name alone": b"event: error\n\n",
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_of_the_provider_ends_the_reply_without_its_words(case):
    stream = reader()
    frames = stream.feed(chunk(delta(content="x")) + ERRORS[case])
    assert told(frames) == {"0/content": "x"}
    with pytest.raises(Unavailable) as broke:
        stream.feed(b"")
    assert broke.value.code == "upstream_broke"
    assert "secret" not in broke.value.message


def test_a_stream_cut_short_has_no_last_frame():
    assert not any(frame.last for frame in read([chunk(delta(content="x"))]))
    stream = reader()
    stream.feed(chunk(delta(content="x"))[:-1])
    with pytest.raises(Unreadable, match="middle"):
        stream.finish()


def reply(*choices: Any, **more: Any) -> bytes:
    return json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": list(choices), **more}
    ).encode()


def answer(index: int = 0, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"index": index, "finish_reason": finish, "logprobs": None, "message": {"role": "assistant", **message}}


def test_a_whole_reply_is_one_frame():
    body = reply(
        answer(content="a", refusal=None, annotations=[], reasoning_content="why"),
        answer(
            1,
            "tool_calls",
            content=None,
            tool_calls=[
                {"id": "c1", "type": "function", "function": {"arguments": '{"q":1}', "name": "look"}},
                {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "ls"}},
            ],
        ),
        usage={"prompt_tokens": 4, "completion_tokens": 3},
        timings={"predicted_ms": 1.5},
        system_fingerprint=None,
    )
    frame = read_reply(body)
    assert (frame.raw, frame.usage, frame.last) == (body, Usage(4, 3), True)
    assert told([frame]) == {
        "0/content": "a",
        "0/reasoning_content": "why",
        "1/tool/0": '{"q":1}',
        "1/tool/0/name": "look",
        "1/tool/1": "ls",
        "1/tool/1/name": "run",
    }
    assert set(frame.ends) == {said.channel for said in frame.says}


BAD_REPLIES = {
    "an unknown field": (reply(answer(content="a", monologue="x")), "/choices/0/message/monologue"),
    "no choices": (b'{"object":"chat.completion"}', ""),
    "no message": (reply({"index": 0, "finish_reason": "stop"}), "/choices/0"),
    "another object": (b'{"type":"message","content":[]}', "/type"),
    "an array": (b"[]", ""),
    "sound": (
        reply(answer(content=None, audio={"id": "a", "data": "AAAA", "transcript": "t"})),
        "/choices/0/message/audio",
    ),
}


@pytest.mark.parametrize("case", BAD_REPLIES)
def test_a_whole_reply_is_read_as_strictly(case):
    body, at = BAD_REPLIES[case]
    with pytest.raises(Unreadable) as refused:
        read_reply(body)
    assert refused.value.at == at


def test_an_error_in_a_whole_reply():
    with pytest.raises(Unavailable):
        read_reply(b'{"error": {"message": "no"}}')


WORDS = st.text(min_size=1, max_size=12)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["content", "reasoning", "refusal"]), WORDS), max_size=8),
    st.data(),
)
def test_no_word_of_a_stream_is_lost_or_told_twice(said, data):
    raw = b"".join(chunk(delta(index, **{kind: words})) for index, kind, words in said) + DONE
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    wanted: dict[str, str] = {}
    for index, kind, words in said:
        wanted[f"{index}/{kind}"] = wanted.get(f"{index}/{kind}", "") + words
    assert told(read(pieces)) == wanted
