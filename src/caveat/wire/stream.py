"""What the reply readers of all dialects share: events in, frames out, and errors that lose no frame before them."""

from collections.abc import Callable
from typing import Any

from caveat.errors import CaveatError
from caveat.wire.body import read_json
from caveat.wire.reply import Frame
from caveat.wire.sse import Event, Events


def data_of(frame: Frame) -> dict[str, Any]:
    """The JSON object that a stream's frame carries, {} where it has none.  The frame was read before."""
    event = next(Events(limit=len(frame.raw)).feed(frame.raw), None)
    return read_json(event.data) if event and event.data.startswith(b"{") else {}


class Stream:
    """A ReplyReader over server-sent events.

    `read` turns one event into a frame.  It raises Unreadable for what the dialect's table does not know and
    Unavailable for an error that the provider reports in mid-stream.  A reader that has raised raises the same again.
    """

    def __init__(self, read: Callable[[Event], Frame]) -> None:
        self._read = read
        self._events = Events()
        self._error: CaveatError | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """See reply.ReplyReader."""
        if self._error:
            raise self._error
        frames: list[Frame] = []
        try:
            for event in self._events.feed(data):
                frames.append(self._read(event))  # noqa: PERF401 (frames before an error must survive it)
        except CaveatError as error:
            self._error = error
            if not frames:
                raise
        return frames

    def finish(self) -> list[Frame]:
        """See reply.ReplyReader."""
        if self._error:
            raise self._error
        return [self._read(event) for event in self._events.finish()]
