"""The answer's way out over ASGI: once started it cannot be taken back, so it knows whether it has."""

from collections.abc import Iterable
from typing import Any


class Sender:
    """One HTTP answer.  `started` tells whether the status line has left."""

    def __init__(self, send: Any, headers: Iterable[tuple[str, str]] = ()) -> None:
        self._send = send
        self._headers = dict(headers)
        self.started = False
        self.status = 0

    def add(self, name: str, value: str) -> None:
        """A header that the answer to this request bears, whichever it will be; the later value counts."""
        self._headers[name] = value

    async def send(self, message: Any) -> None:
        """An ASGI message that another application made."""
        self.started = True
        await self._send(message)

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Send status and headers; the body follows by `write`."""
        self.started = True
        self.status = status
        merged = {**self._headers, **dict(headers)}
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in merged.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Send a complete answer."""
        await self.start(status, (*headers, ("content-length", str(len(body)))))
        await self.end(body)
