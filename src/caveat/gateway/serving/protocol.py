"""HTTP/1.1 as it comes in: uvicorn's protocol, with bounds on what comes before a body.

Rules of this file: a request's head (its first line and its header fields) is at most MAX_HEAD bytes and comes within
HEAD_SECONDS; there are no header fields after the body, for who reads them at which time would depend on how the bytes
were cut; the connection stays HTTP.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from caveat.gateway.house.watch import HANG_UP

MAX_HEAD = 64 * 1024
"""Bytes."""

HEAD_SECONDS = 30.0

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class _OddHead(Exception):
    """A head that is refused; the parser turns it into its own error, and uvicorn that into a 400."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    head_seconds = HEAD_SECONDS
    _in_head = False
    _head = 0
    _fields = 0
    _deadline: asyncio.TimerHandle | None = None
    _told: Callable[[], None] | None = None
    _lost = False

    def data_received(self, data: bytes) -> None:
        """Bytes from the client.  A head too large to be whole yet is refused as soon as that is known."""
        self._head += len(data) if self._in_head else 0
        super().data_received(data)
        if not self._in_head:
            return
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._deadline is None:  # most heads come whole, and need none
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and so is its deadline."""
        self._end_head()
        super().connection_lost(exc)
        self._lost = True
        self._tell()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head, self._fields = True, 0, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, whole."""
        self._fields += len(name) + len(value)
        if not self._in_head or self._fields > MAX_HEAD:
            raise _OddHead
        super().on_header(name, value)

    def on_headers_complete(self) -> Any:
        """The head is whole."""
        self._end_head()
        self.scope["extensions"] = {HANG_UP: {"when": self._when_gone}}
        return super().on_headers_complete()

    def on_response_complete(self) -> None:
        """A request was answered: nobody need be told any more that its client has gone."""
        self._told = None
        super().on_response_complete()

    def _when_gone(self, told: Callable[[], None]) -> None:
        """See watch.HangUp; there is one request at a time.  What was not read for want of room is read on, for a
        hang-up is noticed only by reading."""
        self._told = told
        if self._lost:
            self._tell()
        else:
            self.flow.resume_reading()

    def _tell(self) -> None:
        told, self._told = self._told, None
        if told is not None:
            told()

    def _end_head(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
