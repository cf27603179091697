"""The seal inside vLLM, or any engine that is an ASGI application: the same gate, in the engine's own process.

    CAVEAT_SEAL=/etc/caveat/seal-1 vllm serve MODEL --middleware caveat.seal.vllm.Middleware

Rules of this file: nothing reaches the engine before the boot is open; websockets are closed, for no permit binds one; the
engine's counters are read from its own page, in the process.
"""

import asyncio
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from caveat.errors import BadInput, Unavailable
from caveat.seal.gate import App, Message, Receive, Send
from caveat.seal.seal import Seal
from caveat.seal.settings import load

FOLDER = "CAVEAT_SEAL"
POLICY_VIOLATION = 1008
"""RFC 6455 section 7.4.1."""


class Middleware:
    """ASGI middleware around the engine's application.  The seal's folder is named by the environment."""

    def __init__(self, app: App) -> None:
        """Raises BadInput, NotVerified, Unavailable: the engine then does not start."""
        folder = os.environ.get(FOLDER, "")
        if not folder:
            raise BadInput(f"`{FOLDER}` does not name the seal's folder", hint="docs/seal.md shows how vLLM is started")
        self._app = app
        self._seal = Seal(Path(folder), load(Path(folder)), app, self._page)
        self._starting = asyncio.Lock()
        self._started = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Whatever comes to the engine."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http":
            await self._start()
            await self._seal(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    async def _start(self) -> None:
        if not self._started:
            async with self._starting:
                if not self._started:
                    await self._seal.start()
                    self._started = True

    async def _lifespan(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The boot is open before the engine says that it has started, and closed once it has ended."""

        async def tell(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._start()
            if message["type"].startswith("lifespan.shutdown") and self._started:
                await self._seal.stop()
            await send(message)

        await self._app(scope, receive, tell)

    async def _page(self, path: str) -> bytes:
        """A page of the engine's own, without leaving the process.  Raises Unavailable."""
        pieces: list[bytes] = []
        status: list[int] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
            pieces.append(message.get("body", b""))

        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [],
            "client": None, "server": None,
        }  # fmt: skip
        await self._app(scope, receive, send)
        if status != [200]:
            raise Unavailable(f"the engine has no page `{path}`")
        return b"".join(pieces)
