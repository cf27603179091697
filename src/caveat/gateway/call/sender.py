"""The answer's way out over ASGI: once started it cannot be taken back, so it knows whether it has."""

import asyncio
from collections.abc import Iterable
from typing import Any

from caveat.gateway.house.watch import ClientGone

PATIENCE_S = 120.0
"""A client that takes nothing for so long has gone, though its connection stands: its call ends and is recorded."""


class Sender:
    """One HTTP answer.  `started` tells whether the status line has left."""

    def __init__(self, send: Any, *, patience_s: float = PATIENCE_S) -> None:
        self._send = send
        self._patience_s = patience_s
        self._headers: dict[str, str] = {}
        self.started = False
        self.status = 0

    def add(self, name: str, value: str) -> None:
        """A header that the answer to this request bears, whichever it will be; the later value counts."""
        self._headers[name] = value

    async def send(self, message: Any) -> None:
        """An ASGI message that another application made."""
        self.started = True
        await self._send(message)

    def begin_anew(self) -> None:
        """Drop what was added: nothing has left, and the call is attempted again."""
        self._headers.clear()

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Send status and headers; the body follows by `write`."""
        self.started = True
        self.status = status
        merged = {**self._headers, **dict(headers)}
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in merged.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes) -> None:
        """Send a piece of the body.  Raises ClientGone where the client takes nothing any more."""
        if not data:
            return
        try:
            async with asyncio.timeout(self._patience_s):
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            raise ClientGone from None

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Send a complete answer."""
        await self.start(status, (*headers, ("content-length", str(len(body)))))
        await self.end(body)
