"""Where a dialect has no streams, a stream is refused and none is written."""

import pytest

from caveat.errors import Unreadable
from caveat.wire.openai_errors import broke
from caveat.wire.reply import Frame, Halt
from caveat.wire.unstreamed import reader, writer


def test_any_event_is_refused():
    with pytest.raises(Unreadable):
        reader().feed(b"data: {}\n\n")


def test_comments_are_no_events():
    assert [frame.raw for frame in reader().feed(b": hi\n\n")] == [b": hi\n\n"]


def test_a_stop_is_an_error_for_want_of_another_end():
    one = writer(broke)()
    one.saw(Frame(b""))
    assert one.text("0/content", "x") == b""
    assert one.stop(Halt("c", "m")) == one.broke(Halt("c", "m")) == broke(Halt("c", "m"))
