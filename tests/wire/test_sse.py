"""Events come out of the bytes alike however they were cut, and their raw bytes are the stream again."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import Unreadable
from caveat.wire.sse import Events

CASES = {
    "one event": (b"data: a\n\n", [("", b"a")]),
    "no space after the colon": (b"data:a\n\n", [("", b"a")]),
    "only one space is taken": (b"data:  a\n\n", [("", b" a")]),
    "two data lines": (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
    "a data line without a colon": (b"data\ndata: b\n\n", [("", b"\nb")]),
    "named": (b"event: ping\ndata: {}\n\n", [("ping", b"{}")]),
    "the last name counts": (b"event: a\nevent: b\ndata: 1\n\n", [("b", b"1")]),
    "name after data": (b"data: 1\nevent: b\n\n", [("b", b"1")]),
    "comment alone": (b": keep-alive\n\n", [("", b"")]),
    "comment within": (b": k\ndata: 1\n\n", [("", b"1")]),
    "id and retry": (b"id: 7\nretry: 10\ndata: 1\n\n", [("", b"1")]),
    "crlf": (b"event: a\r\ndata: 1\r\n\r\n", [("a", b"1")]),
    "cr": (b"event: a\rdata: 1\r\rdata: 2\r\r", [("a", b"1"), ("", b"2")]),
    "mixed line ends": (b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n", [("", b"1"), ("", b"2"), ("", b"3")]),
    "cr after lf streams": (b"data: 1\n\ndata: 2\r\n\r\ndata: 3\n\n", [("", b"1"), ("", b"2"), ("", b"3")]),
    "blank lines between": (b"data: 1\n\n\n\n\ndata: 2\n\n", [("", b"1"), ("", b""), ("", b"2")]),
    "byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [("", b"1")]),
    "utf-8": ("data: é漢😀\n\n".encode(), [("", "é漢😀".encode())]),
    "line separators are no line ends": (
        "data: a\u2028b\x0bc\u0085d\n\n".encode(),
        [("", "a\u2028b\x0bc\u0085d".encode())],
    ),
    "nothing": (b"", []),
    "blank lines at the end": (b"data: 1\n\n\n", [("", b"1"), ("", b"")]),
    "comment at the end": (b"data: 1\n\n: bye\n", [("", b"1"), ("", b"")]),
}

BAD = {
    "unknown field": b"data: 1\n\nerror: {}\n\n",
    "json without a field": b'{"error": "x"}\n\n',
    "html": b"<html>\n\n",
    "ends in an event": b"data: 1\n\ndata: 2\n",
    "ends in a line": b"data: 1\n\ndata: 2",
    "ends in a comment": b"data: 1\n\n: half",
    "not utf-8": b"event: \xff\ndata: 1\n\n",
    "byte order mark in the middle": b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n",
}


def read(pieces, limit=2**20):
    events = Events(limit)
    found = [event for piece in pieces for event in events.feed(piece)]
    return found + events.finish()


@pytest.mark.parametrize("case", CASES)
def test_every_cut_gives_the_same_events(case, cuts):
    raw, wanted = CASES[case]
    for pieces in cuts(raw):
        found = read(pieces)
        assert [(event.name, event.data) for event in found] == wanted
        assert b"".join(event.raw for event in found) == raw


@pytest.mark.parametrize("case", BAD)
def test_every_cut_refuses_what_is_no_event(case, cuts):
    for pieces in cuts(BAD[case]):
        with pytest.raises(Unreadable):
            read(pieces)


def test_events_before_a_bad_one_come_first():
    events = Events()
    feed = events.feed(b"data: 1\n\nbad: 2\n\n")
    assert next(feed).data == b"1"
    with pytest.raises(Unreadable):
        next(feed)


@pytest.mark.parametrize("size", [64, 65])
def test_an_event_has_at_most_its_limit_of_bytes(size, cuts):
    raw = b"data: " + b"x" * (size - 8) + b"\n\n"
    for pieces in cuts(raw):
        if size <= 64:
            assert len(read(pieces, limit=64)) == 1
        else:
            with pytest.raises(Unreadable, match="larger than 64 bytes"):
                read(pieces, limit=64)


def test_an_event_without_end_is_refused_before_it_fills_memory():
    events = Events(limit=1000)
    with pytest.raises(Unreadable) as refused:
        for _ in range(1001):
            list(events.feed(b"x"))
    assert refused.value.status == 413


LINES = st.sampled_from([b"data: 1", b"data:", b"event: a", b": c", b"id: 3", b"", "data: é".encode()])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.lists(st.integers(0, 120), max_size=4))
def test_any_stream_is_read_alike_at_any_cuts(lines, places):
    raw = b"".join(line + end for line, end in lines)
    places = sorted({0, len(raw), *(place for place in places if place < len(raw))})
    pieces = [raw[a:b] for a, b in itertools.pairwise(places)]
    results = []
    for way in ([raw], pieces):
        try:
            results.append(read(way))
        except Unreadable as error:
            results.append(error.message)
    assert results[0] == results[1]
    if isinstance(results[0], list):
        assert b"".join(event.raw for event in results[0]) == raw
