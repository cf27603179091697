"""A connected socket between two of our own processes, as frames.

Rules of this file: nobody else can reach it (an unnamed pair of sockets, inherited by one child); its end means that the
other process has ended or wants to; a frame beyond the limit, or one that its reader refuses, cuts it.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from caveat.errors import CaveatError, NotVerified
from caveat.ledger.messages import LENGTH_BYTES, MAX_MESSAGE_BYTES

Heard = Callable[[bytes], None]


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now.  Raises NotVerified for one that is announced as too long."""
        self._held += data
        found: list[bytes] = []
        at = 0
        while (behind := self._behind(at)) is not None:
            found.append(bytes(self._held[at + LENGTH_BYTES : behind]))
            at = behind
        del self._held[:at]
        return found

    def _behind(self, at: int) -> int | None:
        """Where the frame that begins at `at` ends, None while it is not whole."""
        if len(self._held) - at < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._held[at : at + LENGTH_BYTES], "big")
        if length > MAX_MESSAGE_BYTES:
            raise NotVerified(f"a message of {length} bytes was announced", step="message")
        behind = at + LENGTH_BYTES + length
        return behind if behind <= len(self._held) else None


class Channel(asyncio.Protocol):
    """One end.  `heard` is called with each message, `ended` once when it is over, `eased` when there is room to write
    again.  All of them may be set until the first message comes."""

    def __init__(self) -> None:
        self.heard: Heard = lambda _: None
        self.ended: Callable[[], None] = lambda: None
        self.eased: Callable[[], None] = lambda: None
        self.full = False
        self.over = False
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None

    async def open(self, end: socket.socket) -> None:
        """Take up one end of the pair; it is closed with the channel."""
        end.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=end)

    def write(self, frame: bytes) -> None:
        """Send a frame; nothing happens where the other end is gone."""
        if self._transport is not None and not self.over:
            self._transport.write(frame)

    def close(self) -> None:
        """End it; what was written before is still sent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._frames.feed(data):
                self.heard(message)
        except CaveatError:
            assert self._transport is not None
            self._transport.abort()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.eased()

    def connection_lost(self, _error: Exception | None) -> None:
        self.over = True
        self.ended()
