"""The client of the models' servers: sends an allowed call's bytes on and hands the reply back piece by piece.

Rules of this file:

- the caller's key never goes upstream, the upstream's key never comes back; headers and query are closed lists;
- nothing is sent twice: a call that failed half way may have reached the model, and each call is counted once;
- no redirect is followed, no proxy is taken from the environment, no cookie is kept, no encoding is undone;
- whatever goes wrong is one of four codes: upstream_unreachable, upstream_timeout, upstream_broke,
  upstream_unreadable.  Messages name the upstream, never its address, a key or a byte of the call.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import aiohttp
from msgspec import Struct
from yarl import URL

from caveat.errors import Unavailable
from caveat.gateway.home.secret import Secret
from caveat.gateway.upstream.endpoint import UNKNOWN, Endpoint, OtherKey
from caveat.gateway.upstream.forwarding import forwarded_headers, forwarded_query
from caveat.gateway.upstream.reply import Translated, UpstreamReply
from caveat.gateway.upstream.sealing import AGAIN, HEADER, REFUSED_HEADER, Granted, Passed, Sealer

AGENT = "caveat"
KEEP_ALIVE_S = 4.0
"""Idle connections are dropped sooner than common servers drop them (5 s), so that no call meets a closed one."""

PIECE = 256 * 1024
"""Large bodies are written in pieces of so many bytes, so that other calls get their turn."""

SEAL_PAGES = "/caveat-seal/v1/"
_BRIEF = aiohttp.ClientTimeout(total=10)

ALWAYS = {"accept": "*/*", "content-type": "application/json"}
"""What goes with every call whose caller did not say it, so that the client adds nothing of its own."""

KEY_HEADERS = {"anthropic": "x-api-key"}
"""By the first word of a dialect's name; all others take `Authorization: Bearer`."""


class Outgoing(Struct, frozen=True):
    """A call on its way: what crosses beside the body is a closed list.

    headers  the caller's, names in lower case
    dialect  the wire format's name
    granted  what a permit says, where a seal stands before the model
    """

    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes
    dialect: str
    granted: Granted | None = None


class Upstream(Protocol):
    """A place where models are served.

    name      as the settings call it
    dialects  names of the wire formats that it serves
    """

    @property
    def name(self) -> str: ...

    @property
    def dialects(self) -> tuple[str, ...]: ...

    def identity(self, model: str) -> str:
        """Which model answers under that name there: `weights:sha256:<hex>` or `endpoint:<TLS key digest>+<name>`."""
        ...

    async def send(self, call: Outgoing) -> UpstreamReply:
        """Send a call once; returns when the reply's head is there.

        Cancelling the wait cuts the connection.  Raises Unavailable, or Refused where check_forwarding would have.
        """
        ...

    async def close(self) -> None:
        """Cut every connection; the upstream is then not used again."""
        ...


class Access(Struct, frozen=True):
    """How an upstream is used.

    key                the gateway's own key there, None where it wants none
    identity           what the operator says that the model is; "" to go by the endpoint
    timeout_s          the longest silence, before the reply's head and within its body
    connect_timeout_s  the longest wait for a connection
    keeps              whether connections are kept for the next call
    """

    key: Secret | None = None
    identity: str = ""
    timeout_s: float = 600
    connect_timeout_s: float = 10
    keeps: bool = True


class Standing(Struct, frozen=True):
    """An upstream's place among those that serve one alias.

    priority      the lowest is tried first
    retries       how often it is tried again before the next
    fall_back_on  failures after which another attempt is made: unreachable, timeout, broke, 5xx, 429
    """

    priority: int = 0
    retries: int = 0
    fall_back_on: frozenset[str] = frozenset()


class HttpUpstream:
    """An Upstream over HTTP/1.1, with one pool of connections.  `changed` is called when its identity has changed."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        dialects: tuple[str, ...],
        access: Access | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.dialects = dialects
        self._endpoint = endpoint
        self._access = access or Access()
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._access.connect_timeout_s, sock_read=self._access.timeout_s
        )
        self._changed = changed
        self.sealer: Sealer | None = None
        self._session: aiohttp.ClientSession | None = None
        self._retired: list[aiohttp.ClientSession] = []

    def identity(self, model: str) -> str:
        """See Upstream."""
        return self._access.identity or self._endpoint.identity(model)

    async def meet(self) -> None:
        """Learn the endpoint's key, at start-up.  Raises Unavailable; calls will then try again."""
        with self._translated():
            await self._endpoint.meet(self._access.connect_timeout_s)
        self._changed()

    def move(self, endpoint: Endpoint) -> None:
        """Go on with another address (an embedded model was started anew); replies under way are not disturbed."""
        self._endpoint = endpoint

    async def send(self, call: Outgoing) -> UpstreamReply:
        """See Upstream."""
        url = self._endpoint.at(call.path.removeprefix("/anthropic"), forwarded_query(call.query))
        sent = self._headers(call.headers, call.dialect, len(call.body))
        await self._known()
        if self.sealer is None:
            return self._checked(await self._post(url, call.body, sent))
        if call.granted is None:
            raise self._lost("a seal stands before it, and no permit was granted")
        return await self._through(self.sealer, call.granted, (url, sent, call.body))

    async def _through(
        self, sealer: Sealer, granted: Granted, request: tuple[URL, dict[str, str], bytes]
    ) -> UpstreamReply:
        """Send a call through a seal; a second time where it was turned away for what a fresh permit mends: then nothing
        had reached the model."""
        url, sent, body = request
        for last in (False, True):
            token = await sealer.permit(granted, url.raw_path_qs, body)
            response = await self._post(url, body, {**sent, HEADER: token})
            turned_away = response.headers.get(REFUSED_HEADER, "")
            if not turned_away:
                break
            response.close()
            if last or turned_away not in AGAIN:
                raise self._lost(f"its seal turned the call away (`{turned_away[:40]}`)")
            sealer.forget()
        return self._checked(response, Passed(sealer, token, granted.call))

    async def _post(self, url: URL, body: bytes, sent: dict[str, str]) -> aiohttp.ClientResponse:
        with self._translated():
            try:
                return await self._pool().post(
                    url, data=_payload(body), headers=sent, allow_redirects=False, timeout=self._timeout
                )
            except aiohttp.ClientConnectorCertificateError as error:
                await self._other_key(error)
                raise

    async def tell_seal(self, page: str, body: bytes = b"", method: str = "POST") -> tuple[int, bytes]:
        """Ask or tell the seal something beside calls.  Raises Unavailable."""
        await self._known()
        sent = {"accept-encoding": "identity", **self._key_headers("openai")}
        url = self._endpoint.at(SEAL_PAGES + page, "")
        if self.sealer is not None and method == "POST":
            sent[HEADER] = self.sealer.word(url.raw_path_qs, body)
        with self._translated():
            async with self._pool().request(
                method, url, data=body, headers=sent, allow_redirects=False, timeout=_BRIEF
            ) as response:
                return response.status, await response.read()

    async def close(self) -> None:
        """See Upstream."""
        self._retire()
        for session in self._retired:
            await session.close()
        self._retired.clear()

    def _retire(self) -> None:
        """Use the pool for no new call; replies under way over it go on."""
        if self._session is not None:
            self._retired.append(self._session)
            self._session = None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            keeps = {"keepalive_timeout": KEEP_ALIVE_S} if self._access.keeps else {"force_close": True}
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._endpoint.tls or False, ttl_dns_cache=60, **keeps),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                read_bufsize=2**16,
            )
        return self._session

    def _headers(self, headers: Mapping[str, str], dialect: str, length: int) -> dict[str, str]:
        sent = {**ALWAYS, **forwarded_headers(headers)}
        sent["accept-encoding"] = "identity"
        sent["user-agent"] = AGENT
        sent["content-length"] = str(length)
        return {**sent, **self._key_headers(dialect)}

    def _key_headers(self, dialect: str) -> dict[str, str]:
        if self._access.key is None:
            return {}
        key = self._access.key.reveal()
        name = KEY_HEADERS.get(dialect.partition("_")[0], "authorization")
        return {name: key if name == "x-api-key" else f"Bearer {key}"}

    async def _known(self) -> None:
        """No call goes to an endpoint whose identity its record could not name."""
        if self._endpoint.key == UNKNOWN and not self._access.identity:
            await self.meet()
            raise self._lost("its TLS key was not known before; it is now, try again")

    async def _other_key(self, error: aiohttp.ClientConnectorCertificateError) -> None:
        """The key has changed: this call fails, later ones are decided with the new identity."""
        if isinstance(error.certificate_error, OtherKey):
            self._endpoint.forget()
            self._retire()
            with self._translated():
                await self._endpoint.meet(self._access.connect_timeout_s)
            self._changed()
            raise self._lost("its TLS key has changed, and with it the model's identity")

    def _lost(self, what: str) -> Unavailable:
        return Unavailable(
            f"the upstream `{self.name}` was not used: {what}",
            code="upstream_unreachable",
            hint="`caveat models list` shows the identities of models; terms that pin one must name it",
        )

    def _checked(self, response: aiohttp.ClientResponse, passed: Passed | None = None) -> UpstreamReply:
        problem = ""
        if 300 <= response.status < 400:
            problem = "answered with a redirect, which is not followed"
        elif response.headers.get("content-encoding", "identity").lower() != "identity":
            problem = "sent an encoded body, though it was asked not to"
        if problem:
            response.close()
            raise Unavailable(f"the upstream `{self.name}` {problem}", code="upstream_unreadable")
        return UpstreamReply(response, self._translated, passed)

    def _translated(self) -> "Translated":
        return Translated(self.name)


def _payload(body: bytes) -> aiohttp.BytesPayload | AsyncIterator[bytes]:
    return aiohttp.BytesPayload(body) if len(body) <= PIECE else _in_pieces(body)


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]
