"""The way on to the model's server, as an ASGI application: what the gate let through goes out, the reply comes back.

Rules of this file: nothing is sent twice; the body leaves byte for byte; a closed list of headers crosses, and the model's
own key is put in the place of the gateway's; a stream's pieces are passed on as they come; a gateway that hangs up cuts the
connection to the model, so that it stops.
"""

import asyncio
import ssl
from collections.abc import MutableMapping
from typing import Any, Final

import aiohttp

from caveat.errors import Unavailable
from caveat.seal.gate import Gone, Message, Receive, Send

REQUEST_HEADERS: Final = frozenset(
    {b"accept", b"content-type", b"anthropic-version", b"anthropic-beta", b"openai-beta"}
)
REPLY_HEADERS: Final = (
    b"content-type",
    b"retry-after",
    b"x-ratelimit-",
    b"anthropic-ratelimit-",
    b"openai-processing-ms",
)
SILENCE_S: Final = 600.0


class Forward:
    """The model's server at `address` (`http://host:port`, `https://...`, or a socket's path), which wants `key` ("" for
    none); `tls` checks its certificate, None: as the system does."""

    def __init__(self, address: str, key: str, *, keeps: bool, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._key = key
        self._keeps = keeps
        self._socket = "" if address.startswith("http") else address
        self._base = "http://model" if self._socket else address.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request.  Raises Unavailable where the model's server does not answer, or breaks off."""
        body = (await receive()).get("body", b"")
        query = scope.get("query_string", b"").decode("latin-1")
        url = self._base + scope["path"] + (f"?{query}" if query else "")
        mine = asyncio.current_task()
        assert mine is not None
        watch = asyncio.get_running_loop().create_task(_end_when_gone(receive, mine))
        try:
            await self._relay(url, self._headers(scope), body, send, scope["method"])
        except asyncio.CancelledError:
            if not watch.done():
                raise
            mine.uncancel()
            raise Gone from None
        finally:
            watch.cancel()

    async def _relay(self, url: str, headers: dict[str, str], body: bytes, send: Send, method: str) -> None:
        try:
            async with self._pool().request(method, url, data=body, headers=headers, allow_redirects=False) as reply:
                kept = [(n.lower(), v) for n, v in reply.raw_headers if n.lower().startswith(REPLY_HEADERS)]
                start: Message = {"type": "http.response.start", "status": reply.status, "headers": kept}
                await send(start)
                async for piece in reply.content.iter_any():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(
                f"the model's server did not answer: {type(error).__name__}", code="upstream_broke"
            ) from None
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def get(self, path: str) -> bytes:
        """A small document of the model's server: its counters.  Raises Unavailable."""
        try:
            async with self._pool().get(self._base + path, headers=self._own(), timeout=_BRIEF) as reply:
                if reply.status != 200:
                    raise Unavailable(f"the model's server answered {reply.status} for `{path}`")
                return await reply.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise Unavailable(f"the model's server did not answer for `{path}`") from None

    async def close(self) -> None:
        """Cut every connection."""
        if self._session is not None:
            await self._session.close()

    def _headers(self, scope: MutableMapping[str, Any]) -> dict[str, str]:
        sent = {n.decode("latin-1"): v.decode("latin-1") for n, v in scope["headers"] if n in REQUEST_HEADERS}
        return {**sent, "accept-encoding": "identity", **self._own()}

    def _own(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._key}"} if self._key else {}

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            keeps: dict[str, Any] = {"keepalive_timeout": 4.0} if self._keeps else {"force_close": True}
            connector = (
                aiohttp.UnixConnector(self._socket, limit=0, **keeps)
                if self._socket
                else aiohttp.TCPConnector(limit=0, ssl=self._tls or True, **keeps)
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE_S),
            )
        return self._session


_BRIEF: Final = aiohttp.ClientTimeout(total=2)


async def _end_when_gone(receive: Receive, task: asyncio.Task[None]) -> None:
    """End the task when the gateway has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
    task.cancel()
