"""Frames that came before an error are given out before it; after it, the same error again."""

import pytest

from caveat.errors import Unavailable, Unreadable
from caveat.wire.reply import Frame
from caveat.wire.sse import Event
from caveat.wire.stream import Stream


def read(event: Event) -> Frame:
    if event.data == b"bad":
        raise Unreadable("a bad event", at="/x")
    if event.data == b"error":
        raise Unavailable("the other side says no")
    return Frame(event.raw)


@pytest.mark.parametrize(("data", "error"), [(b"bad", Unreadable), (b"error", Unavailable)])
def test_an_error_comes_after_the_frames_before_it(data, error):
    stream = Stream(read)
    frames = stream.feed(b"data: 1\n\ndata: 2\n\ndata: " + data + b"\n\ndata: 3\n\n")
    assert [frame.raw for frame in frames] == [b"data: 1\n\n", b"data: 2\n\n"]
    for _ in range(2):
        with pytest.raises(error):
            stream.feed(b"data: 4\n\n")
        with pytest.raises(error):
            stream.finish()


def test_an_error_without_frames_before_it_comes_at_once():
    stream = Stream(read)
    with pytest.raises(Unreadable):
        stream.feed(b"data: bad\n\n")
    with pytest.raises(Unreadable):
        stream.feed(b"data: 1\n\n")


def test_a_line_that_is_no_event_is_an_error_like_any_other():
    stream = Stream(read)
    assert len(stream.feed(b"data: 1\n\n<html>\n\n")) == 1
    with pytest.raises(Unreadable):
        stream.finish()


def test_finish_gives_what_only_the_end_completes():
    stream = Stream(read)
    assert stream.feed(b"data: 1\r\n\r") == []
    assert [frame.raw for frame in stream.finish()] == [b"data: 1\r\n\r"]
