"""Server-sent events: bytes to events, however they are cut, without IO.

Rules of this file (WHATWG HTML, section 9.2 "Server-sent events"):

- a block is everything up to and including the first two line ends in a row; the blocks' raw bytes, in order, are
  exactly the stream's, so that each can be sent on as it came;
- a line ends with CRLF, LF or CR; a CR waits for the byte after it, so that no cut changes the outcome;
- stricter than the standard: a line whose field is not `event`, `data`, `id`, `retry` or a comment is refused, and so
  is a block over `limit` bytes or one that is not UTF-8.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from caveat.errors import Unreadable

MAX_EVENT = 2**20
"""Bytes in one event."""

_BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"(?:\r\n|\n|\r(?=[^\n]))(?:\r\n|\n|\r(?=[^\n]))")
_LINE = re.compile(rb"\r\n|\n|\r")


class Event(Struct, frozen=True):
    """One block.  `name` is "" where no `event:` line came; `data` is b"" for a comment, an id, blank lines."""

    name: str
    data: bytes
    raw: bytes


class Events:
    """The decoder.  One per stream."""

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._from = 0
        self._begun = False
        self._returns = False  # whether a CR has come, so that line ends must be looked for with care

    def feed(self, data: bytes) -> Iterator[Event]:
        """Events completed by `data`.  Raises Unreadable after those that came before it; the decoder is then done.
        Must be read to its end."""
        rest = self._rest
        rest += data
        self._returns = self._returns or b"\r" in data
        while (end := self._end()) > 0:
            raw = bytes(rest[:end])
            del rest[:end]
            self._from = 0
            yield self._event(raw)
        self._from = max(0, len(rest) - 3)
        if len(rest) > self._limit:
            raise Unreadable(f"a stream event is larger than {self._limit} bytes", status=413)

    def finish(self) -> list[Event]:
        """What is left at the end of the stream: blank lines and comments, which are no event.  Raises Unreadable
        where a field stands there, since the event that it began never ended."""
        raw = bytes(self._rest)
        self._rest.clear()
        if not raw:
            return []
        event = self._event(raw)
        if raw.endswith((b"\r\r", b"\n\r")):
            return [event]
        if event.data or event.name or not raw.endswith((b"\r", b"\n")):
            raise Unreadable("the stream ended in the middle of an event")
        return [event]

    def _end(self) -> int:
        """Where the first block ends, 0 where it has not."""
        if not self._returns:
            at = self._rest.find(b"\n\n", self._from)
            return at + 2 if at >= 0 else 0
        found = _END.search(self._rest, self._from)
        return found.end() if found else 0

    def _event(self, raw: bytes) -> Event:
        if len(raw) > self._limit:
            raise Unreadable(f"a stream event is larger than {self._limit} bytes", status=413)
        block = raw
        if not self._begun:
            self._begun = True
            block = raw.removeprefix(_BOM)
        if block.startswith(b"data: ") and block.find(b"\n") == len(block) - 2 and not self._returns:
            return Event("", block[6:-2], raw)
        return _fields(block, raw)


def _fields(block: bytes, raw: bytes) -> Event:
    name = b""
    data: list[bytes] = []
    for line in _LINE.split(block):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
        elif field not in {b"", b"id", b"retry"}:
            raise Unreadable("a line of the stream is no server-sent event")
    try:
        block.decode()
        return Event(name.decode(), b"\n".join(data), raw)
    except UnicodeDecodeError:
        raise Unreadable("a stream event is not UTF-8") from None
