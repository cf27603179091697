"""Messages replies: every word is Said, alike however the stream was cut; what is not known is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import Unavailable, Unreadable
from caveat.wire.anthropic_messages_reply import read_reply, reader
from caveat.wire.reply import Usage

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 1},
}


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def start(index: int, kind: str, **more: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": kind, **more})


def delta(index: int, kind: str, **more: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **more})


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


BEGIN = event("message_start", message=MESSAGE)
END = [
    event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9}),
    event("message_stop"),
]


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
    "text": (
        [
            BEGIN,
            event("ping"),
            start(0, "text", text=""),
            delta(0, "text_delta", text="Hé"),
            delta(0, "text_delta", text="llo"),
            stop(0),
            *END,
        ],
        {"block/0/text": "Héllo"},
        {},
    ),
    "text from the start": (
        [BEGIN, start(0, "text", text="He", citations=None), delta(0, "text_delta", text="y"), stop(0), *END],
        {"block/0/text": "Hey"},
        {},
    ),
    "thinking": (
        [
            BEGIN,
            start(0, "thinking", thinking="", signature=""),
            delta(0, "thinking_delta", thinking="hm"),
            delta(0, "signature_delta", signature="c2lnbmVk"),
            stop(0),
            start(1, "redacted_thinking", data="Zm9v"),
            stop(1),
            *END,
        ],
        {"block/0/thinking": "hm"},
        {},
    ),
    "a tool call": (
        [
            BEGIN,
            start(0, "tool_use", id="t", name="look", input={}, caller={"type": "direct"}),
            delta(0, "input_json_delta", partial_json=""),
            delta(0, "input_json_delta", partial_json='{"q":'),
            delta(0, "input_json_delta", partial_json="1}"),
            stop(0),
            *END,
        ],
        {"block/0/tool": '{"q":1}', "block/0/tool/name": "look"},
        {"block/0/tool": "look"},
    ),
    "text and two tools in turns": (
        [
            BEGIN,
            start(0, "text", text=""),
            start(1, "tool_use", id="a", name="one", input={}),
            start(2, "tool_use", id="b", name="two", input={}),
            delta(1, "input_json_delta", partial_json="{1"),
            delta(0, "text_delta", text="x"),
            delta(2, "input_json_delta", partial_json="{2"),
            delta(1, "input_json_delta", partial_json="}"),
            stop(2),
            stop(0),
            stop(1),
            *END,
        ],
        {
            "block/0/text": "x",
            "block/1/tool": "{1}",
            "block/1/tool/name": "one",
            "block/2/tool": "{2",
            "block/2/tool/name": "two",
        },
        {"block/1/tool": "one", "block/2/tool": "two"},
    ),
    "citations": (
        [
            BEGIN,
            start(0, "text", text="", citations=[]),
            delta(
                0, "citations_delta", citation={"type": "char_location", "cited_text": "quoted", "document_index": 0}
            ),
            delta(0, "text_delta", text="x"),
            stop(0),
            *END,
        ],
        {"block/0/text": "x", "block/0/citations": "type\nchar_location\ncited_text\nquoted\ndocument_index\n"},
        {},
    ),
    "a tool that the provider runs": (
        [
            BEGIN,
            start(0, "server_tool_use", id="s", name="web_search", input={}),
            delta(0, "input_json_delta", partial_json='{"query":"q"}'),
            stop(0),
            start(1, "web_search_tool_result", tool_use_id="s", content=[{"title": "T"}]),
            stop(1),
            *END,
        ],
        {
            "block/0/tool": '{"query":"q"}',
            "block/0/tool/name": "web_search",
            "block/1/result": "type\nweb_search_tool_result\ntool_use_id\ns\ncontent\ntitle\nT\n",
        },
        {"block/0/tool": "web_search"},
    ),
    "without event lines": (
        [
            piece.split(b"\n", 1)[1]
            for piece in (BEGIN, start(0, "text", text=""), delta(0, "text_delta", text="x"), stop(0), *END)
        ],
        {"block/0/text": "x"},
        {},
    ),
    "crlf": (
        [
            piece.replace(b"\n", b"\r\n")
            for piece in (BEGIN, start(0, "text", text=""), delta(0, "text_delta", text="x"), stop(0), *END)
        ],
        {"block/0/text": "x"},
        {},
    ),
    "comments, and a ping without data": (
        [b": hi\n\n", BEGIN, b"event: ping\n\n", start(0, "text", text="x"), stop(0), *END],
        {"block/0/text": "x"},
        {},
    ),
    "the caller's stop sequence": (
        [
            BEGIN,
            event(
                "message_delta",
                delta={"stop_reason": "stop_sequence", "stop_sequence": "END"},
                usage={"output_tokens": 9},
            ),
            END[1],
        ],
        {"stop": "END"},
        {},
    ),
    "a refusal of the provider's": (
        [
            BEGIN,
            event(
                "message_delta",
                delta={
                    "stop_reason": "refusal",
                    "stop_sequence": None,
                    "stop_details": {"type": "refusal", "category": "bio"},
                },
                usage={"output_tokens": 0},
                context_management={"applied_edits": []},
            ),
            END[1],
        ],
        {"stop_details": "type\nrefusal\ncategory\nbio\n", "context_management": "applied_edits\n"},
        {},
    ),
    "text in the first message": (
        [event("message_start", message={**MESSAGE, "content": [{"type": "text", "text": "early"}]}), *END],
        {"block/0/text": "early"},
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
def test_every_channel_ends_once(case):
    frames = read([b"".join(STREAMS[case][0])])
    ends = [channel for frame in frames for channel in frame.ends]
    assert len(ends) == len(set(ends))
    assert set(ends) == {said.channel for frame in frames for said in frame.says}


def test_a_blocks_channels_end_with_the_block():
    frames = read([b"".join(STREAMS["a tool call"][0])])
    assert [frame.ends for frame in frames if frame.ends] == [("block/0/tool", "block/0/tool/name")]
    assert next(frame for frame in frames if frame.ends).raw == stop(0)


def test_usage_counts_what_was_cached_and_remembers_what_went_in():
    frames = read([b"".join(STREAMS["text"][0])])
    assert [frame.usage for frame in frames if frame.usage] == [Usage(8, 1), Usage(8, 9)]


def test_a_real_stream_of_an_engine(streams, cuts):
    """Captured from the server in xllamacpp 2026.10."""
    raw = streams["anthropic_messages.llamacpp"]
    whole = read([raw])
    assert told(whole) == {"block/0/text": "You can call me H"}
    assert (whole[-1].last, whole[-2].usage) == (True, Usage(32, 5))
    assert b"".join(frame.raw for frame in whole) == raw
    assert all(read(pieces) == whole for pieces in cuts(raw))


OPEN = BEGIN + start(0, "text", text="")
BAD = {
    "an unknown event": (event("message_thought", text="x"), "/type"),
    "an event without a type": (b"event: ping\ndata: {}\n\n", "/type"),
    "a name that is not its type": (event("ping").replace(b"event: ping", b"event: message_stop"), "/type"),
    "a name alone": (b"event: message_stop\n\n", ""),
    "an unknown block": (start(1, "hologram", data="x"), "/content_block"),
    "an unknown delta": (delta(0, "whisper_delta", text="x"), "/delta/type"),
    "a delta of another kind of block": (delta(0, "thinking_delta", thinking="x"), "/delta/type"),
    "tool arguments in a text block": (delta(0, "input_json_delta", partial_json="{}"), "/delta/type"),
    "a delta to a block that never began": (delta(7, "text_delta", text="x"), "/delta/type"),
    "a delta to a block that ended": (stop(0) + delta(0, "text_delta", text="x"), "/delta/type"),
    "a block that begins twice": (start(0, "text", text=""), "/index"),
    "a block that begins again": (stop(0) + start(0, "text", text=""), "/index"),
    "a block that ends twice": (stop(0) + stop(0), "/index"),
    "a block without an index": (event("content_block_start", content_block={"type": "text", "text": ""}), "/index"),
    "an unknown field in a delta": (delta(0, "text_delta", text="x", aside="plan"), "/delta/aside"),
    "an unknown field beside a delta": (
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x"}, aside="plan"),
        "/aside",
    ),
    "an unknown field in a block": (start(1, "text", text="", aside="plan"), "/content_block/aside"),
    "an unknown field in the end": (event("content_block_stop", index=0, aside="plan"), "/aside"),
    "an unknown field in a ping": (event("ping", aside="plan"), "/aside"),
    "an unknown stop reason": (
        event("message_delta", delta={"stop_reason": "because"}, usage={"output_tokens": 1}),
        "/delta/stop_reason",
    ),
    "text as a number": (delta(0, "text_delta", text=1), "/delta/text"),
    "a delta as a string": (event("content_block_delta", index=0, delta="x"), "/delta/type"),
    "words in a signature": (start(1, "thinking", thinking="", signature="the plan is"), "/content_block/signature"),
    "a tool without a name": (start(1, "tool_use", id="t", input={}), "/content_block"),
    "an input as a string": (start(1, "tool_use", id="t", name="f", input="{}"), "/content_block/input"),
    "something after the end": (b"".join(END) + delta(0, "text_delta", text="x"), ""),
    "a duplicate name": (b'event: ping\ndata: {"type":"ping","type":"ping"}\n\n', ""),
    "no json": (b"event: ping\ndata: pong\n\n", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_table_knows_is_refused_wherever_it_is_cut(case, cuts):
    raw, at = BAD[case]
    for pieces in cuts(OPEN + raw):
        stream = reader()
        frames = []
        with pytest.raises(Unreadable) as refused:
            for piece in [*pieces, b"", b""]:
                frames += stream.feed(piece)
        assert refused.value.at == at
        assert b"".join(frame.raw for frame in frames).startswith(OPEN)


def test_an_error_of_the_provider_ends_the_reply_without_its_words():
    stream = reader()
    frames = stream.feed(BEGIN + event("error", error={"type": "overloaded_error", "message": "secret"}))
    assert [frame.raw for frame in frames] == [BEGIN]
    with pytest.raises(Unavailable) as broke:
        stream.finish()
    assert broke.value.code == "upstream_broke"
    assert "secret" not in broke.value.message


def test_a_stream_cut_short_has_no_last_frame():
    assert not any(frame.last for frame in read([OPEN]))


def test_a_whole_reply_is_one_frame():
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "said", "citations": None},
        {"type": "tool_use", "id": "t", "name": "look", "input": {"q": "é"}},
    ]
    body = json.dumps({**MESSAGE, "content": content, "stop_reason": "tool_use"}).encode()
    frame = read_reply(body)
    assert (frame.raw, frame.usage, frame.last) == (body, Usage(8, 1), True)
    assert told([frame]) == {
        "block/0/thinking": "hm",
        "block/1/text": "said",
        "block/2/tool": '{"q": "é"}',
        "block/2/tool/name": "look",
    }
    assert set(frame.ends) == {said.channel for said in frame.says}


BAD_REPLIES = {
    "an unknown block": ({**MESSAGE, "content": [{"type": "hologram", "data": "x"}]}, "/content/0"),
    "an unknown field": ({**MESSAGE, "aside": "plan"}, "/aside"),
    "no content": ({"type": "message"}, ""),
    "another type": ({**MESSAGE, "type": "note"}, "/type"),
    "the other vendor's": ({"object": "chat.completion", "choices": []}, "/object"),
}


@pytest.mark.parametrize("case", BAD_REPLIES)
def test_a_whole_reply_is_read_as_strictly(case):
    body, at = BAD_REPLIES[case]
    with pytest.raises(Unreadable) as refused:
        read_reply(json.dumps(body).encode())
    assert refused.value.at == at


def test_an_error_in_a_whole_reply():
    with pytest.raises(Unavailable):
        read_reply(b'{"type": "error", "error": {"type": "api_error", "message": "no"}}')


@given(st.lists(st.tuples(st.integers(0, 2), st.text(min_size=1, max_size=12)), max_size=8), st.data())
def test_no_word_of_a_stream_is_lost_or_told_twice(said, data):
    begun = b"".join(start(index, "text", text="") for index in range(3))
    raw = BEGIN + begun + b"".join(delta(index, "text_delta", text=words) for index, words in said) + b"".join(END)
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    wanted: dict[str, str] = {}
    for index, words in said:
        wanted[f"block/{index}/text"] = wanted.get(f"block/{index}/text", "") + words
    assert told(read(pieces)) == wanted
