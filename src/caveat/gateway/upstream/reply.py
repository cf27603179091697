"""An upstream's reply as it comes, and what may go wrong with the other end, in our own errors."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from caveat.errors import Unavailable
from caveat.gateway.upstream.forwarding import returned_headers
from caveat.gateway.upstream.sealing import TICKET_HEADER, Passed, Strip

Translate = Callable[[], AbstractContextManager[None]]


class UpstreamReply:
    """A reply whose head has come.  Its body is read once, by `pieces` or by `read`; `close` must be called."""

    def __init__(self, response: aiohttp.ClientResponse, translated: Translate, passed: Passed | None = None) -> None:
        self._response = response
        self._translated = translated
        self._passed = passed
        self.ticket = ""
        self.status = response.status
        self.content_type = response.headers.get("content-type", "")
        self.headers = returned_headers(response.headers)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, never b"".  Raises Unavailable when the upstream falls silent or breaks off, and where a
        reply through a seal does not end with its ticket; `ticket` is there afterwards."""
        if self._passed is None:
            with self._translated():
                async for piece in self._response.content.iter_any():
                    yield piece
            return
        strip = Strip(self._passed.token, streams=self.content_type.startswith("text/event-stream"))
        with self._translated():
            async for piece in self._response.content.iter_any():
                if out := strip.feed(piece):
                    yield out
        if out := strip.finish():
            yield out
        line = strip.line or self._response.headers.get(TICKET_HEADER, "")
        self.ticket = self._passed.sealer.taken(line, self._passed.call, strip.digest)

    async def read(self, limit: int) -> bytes:
        """The whole body.  Raises Unavailable as `pieces` does, and `upstream_unreadable` over `limit` bytes."""
        got: list[bytes] = []
        left = limit
        async for piece in self.pieces():
            left -= len(piece)
            if left < 0:
                raise Unavailable(
                    f"the model's server sent a reply of more than {limit} bytes", code="upstream_unreadable"
                )
            got.append(piece)
        return b"".join(got)

    async def close(self) -> None:
        """Give the connection back; where the reply was not read to its end, cut it, so the model stops at once."""
        self._response.close()


class Translated:
    """Foreign errors become Unavailable, by the first row of _ERRORS that fits."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, _FOREIGN):
            code, what, hint = next(row for kind, *row in _ERRORS if isinstance(error, kind))
            raise Unavailable(f"the upstream `{self._name}` {what}", code=code, hint=hint) from None


_FOREIGN = (aiohttp.ClientError, HttpProcessingError, asyncio.TimeoutError, OSError)
_BASE = "check `base_url` in the settings, and that the server runs"
_CA = "name the CA that signed its certificate in `ca_bundle`, or its key in `identity`"
_LIMIT = "`timeout_s` in the settings is the longest silence allowed"
_ERRORS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str, str], ...] = (
    (aiohttp.ConnectionTimeoutError, "upstream_timeout", "did not take the connection in time", _BASE),
    ((aiohttp.ServerTimeoutError, TimeoutError), "upstream_timeout", "was silent for too long", _LIMIT),
    (aiohttp.ClientConnectorDNSError, "upstream_unreachable", "has a name that cannot be resolved", _BASE),
    (
        (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError),
        "upstream_unreachable",
        "has a TLS certificate that is not accepted",
        _CA,
    ),
    ((aiohttp.ClientSSLError, ssl.SSLError), "upstream_unreachable", "does not speak TLS as it should", _BASE),
    ((aiohttp.ClientConnectorError, ConnectionRefusedError), "upstream_unreachable", "cannot be reached", _BASE),
    (aiohttp.ClientPayloadError, "upstream_broke", "broke off in the middle of its reply", ""),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), "upstream_broke", "hung up before it replied", ""),
    ((aiohttp.ClientError, HttpProcessingError), "upstream_unreadable", "sent what is no HTTP reply", _BASE),
    (OSError, "upstream_unreachable", "cannot be reached", _BASE),
)
