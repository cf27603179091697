"""What a dialect without streams has in a stream's place: a reader that reads nothing, a writer that writes nothing."""

from collections.abc import Callable

from caveat.errors import Unreadable
from caveat.wire.reply import Frame, Halt, ReplyReader, ReplyWriter
from caveat.wire.sse import Event
from caveat.wire.stream import Stream


def _read(event: Event) -> Frame:
    if event.data or event.name:
        raise Unreadable("this endpoint has no streamed replies")
    return Frame(event.raw)


def reader(_asked: bytes = b"") -> ReplyReader:
    """See dialect.Dialect.reader: any event is refused."""
    return Stream(_read)


class _Writer:
    def __init__(self, broke: Callable[[Halt], bytes]) -> None:
        self.broke = broke

    def saw(self, frame: Frame) -> None:
        pass

    def leaving(self, frame: Frame) -> bytes:
        return frame.raw

    def text(self, _channel: str, _text: str) -> bytes:
        return b""

    def stop(self, halt: Halt) -> bytes:
        return self.broke(halt)


def writer(broke: Callable[[Halt], bytes]) -> Callable[[], ReplyWriter]:
    """See dialect.Dialect.writer: there is no way to end such a reply well, so a stop is an error."""
    return lambda: _Writer(broke)


def without_limit(body: bytes, _limit: int) -> bytes:
    """See dialect.Dialect.with_limit: no tokens come out, so nothing is over any limit."""
    return body


def without_notice(body: bytes, _notice: str) -> tuple[bytes, int]:
    """See dialect.Dialect.with_notice: the reply has no text."""
    return body, 0
