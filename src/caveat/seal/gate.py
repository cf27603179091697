"""The gate: an ASGI application around the model's, through which every request goes or does not.

In this order: read the whole body; check the permit over exactly these bytes; number the request, durably; pass it on;
digest and measure the reply while it passes; sign the ticket, durably; hand it over with the reply.

Rules of this file: nothing goes on without a permit, whatever its path; a permit is used once; a stream is not held back
by a byte; a reply's end is not sent before its ticket is durable.  The ticket of a whole reply is the header
`caveat-seal-ticket`; that of a stream is one comment behind its last event (WHATWG HTML section 9.2.6, which every reader
of a stream passes over):

    : caveat-seal caveat-meter/v1 seal-1 3 41 ...
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple

from msgspec.json import encode

from caveat.errors import BadInput, CaveatError, NotVerified, Refused, Unavailable
from caveat.keys import VerifyKey
from caveat.meter.ticket import BytesDigest, Counted, Ending, request_digest
from caveat.seal.count import Count
from caveat.seal.figures import Figures
from caveat.seal.newest import Newest
from caveat.seal.permit import Asked, Expected, Permit, check, refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

PERMIT: Final = b"caveat-permit"
TICKET: Final = b"caveat-seal-ticket"
COMMENT: Final = b": caveat-seal "
CONTROL: Final = "control"
"""Stands for the model in a permit for what the gateway says to the seal itself."""
MOST_BODY: Final = 64 * 2**20
MOST_WHOLE: Final = 64 * 2**20
"""Bytes of a reply that is not streamed, and so waits for its ticket."""


class Claim(NamedTuple):
    """A request with the permit that it came with."""

    token: str
    asked: Asked


class Gone(Exception):
    """Whoever asked has hung up: there is nobody to answer."""


class Passage:
    """One counted request on its way: what the model's application sees, and what leaves for the gateway."""

    def __init__(self, count: Count, counted: Counted, claim: Claim, receive: Receive, send: Send) -> None:
        self._count = count
        self._counted = counted
        self._body: bytes | None = claim.asked.body
        self._receive = receive
        self._send = send
        self._digest = BytesDigest(claim.token, "reply")
        self._figures = Figures(streams=False)
        self._start: Message | None = None
        self._streams = False
        self._whole: list[bytes] = []
        self._held = 0
        self._status = 0
        self._done = self._gone = False

    async def receive(self) -> Message:
        """The request's body, once; then whatever else the gateway does."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self._receive()
        self._gone = self._gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """What the model's application says."""
        if message["type"] == "http.response.start":
            self._begin(message)
            if self._streams:
                await self._send(message)
        elif message["type"] == "http.response.body":
            await self._piece(message.get("body", b""), last=not message.get("more_body", False))

    def _begin(self, message: Message) -> None:
        self._start = message
        self._status = message["status"]
        headers = {name.lower(): value for name, value in message.get("headers", ())}
        self._streams = headers.get(b"content-type", b"").startswith(b"text/event-stream")
        self._figures = Figures(streams=self._streams)
        if self._streams:  # a comment follows, so a length would not be true
            message["headers"] = [(n, v) for n, v in message.get("headers", ()) if n.lower() != b"content-length"]

    async def _piece(self, piece: bytes, *, last: bool) -> None:
        self._digest.update(piece)
        self._figures.feed(piece)
        if self._streams:
            if piece:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        else:
            self._whole.append(piece)
            self._held += len(piece)
            if self._held > MOST_WHOLE:
                raise Unavailable("the model's reply is larger than a seal holds", code="upstream_unreadable")
        if last:
            await self._last()

    async def _last(self) -> None:
        # an engine may end a reply that nobody waits for as if it were one (vLLM answers `null` to a call that was cancelled)
        ticket = await self.end("cut" if self._gone else "done")
        if self._streams:
            await self._send({"type": "http.response.body", "body": _comment(ticket), "more_body": False})
            return
        assert self._start is not None
        whole = b"".join(self._whole)
        headers = [(n, v) for n, v in self._start.get("headers", ()) if n.lower() != b"content-length"]
        headers += [(b"content-length", str(len(whole)).encode()), (TICKET, ticket.encode("ascii"))]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": whole, "more_body": False})

    async def end(self, how: str) -> str:
        """The ticket; made once."""
        self._done = True
        self._figures.finish()
        figures = (self._figures.tokens_in, self._figures.tokens_out)
        at_ms = time.time_ns() // 1_000_000
        return await self._count.ended(self._counted, Ending(self._digest.value(), *figures, how, self._status, at_ms))

    async def finish(self, how: str) -> str:
        """The application is through with it, in whatever way: its ticket if there was none yet, else ""."""
        return "" if self._done else await self.end("cut" if self._gone else how)

    @property
    def streams(self) -> bool:
        """Whether a streamed reply has begun to leave."""
        return self._streams


class Gate:
    """The gate of one seal."""

    def __init__(self, app: App, count: Count, newest: Newest, name: str, model: str) -> None:
        self._app = app
        self._count = count
        self._newest = newest
        self._name = name
        self._model = model
        self._keys: dict[str, VerifyKey] = {}
        self._used: set[str] = set()
        self._lapse: deque[tuple[int, str]] = deque()
        self._clock_s = 0
        self._since_s = 0

    def open(self, keys: dict[str, VerifyKey], since_s: int) -> None:
        """Take permits by these keys, issued at `since_s` (POSIX seconds) or later."""
        self._keys, self._since_s = keys, since_s

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        try:
            claim = Claim(_token(scope), await _asked(scope, receive))
            permit = self._admit(claim)
            counted = self._count.take(permit.jti, request_digest(claim.token, claim.asked.body))
        except (Refused, NotVerified, BadInput) as error:
            self._count.turned_away()
            await answer(send, error)
            return
        passage = Passage(self._count, counted, claim, receive, send)
        try:
            await self._count.passed(counted)
        except Unavailable as error:  # it has a number and did not pass; nothing more is counted by this process
            await answer(send, error)
            return
        await self._pass(scope, passage, send)

    async def _pass(self, scope: MutableMapping[str, Any], passage: Passage, send: Send) -> None:
        """Let the model's application answer; whatever happens, the request has its ticket afterwards."""
        try:
            await self._app(scope, passage.receive, passage.send)
        except Gone:
            await passage.finish("cut")
        except CaveatError as error:
            ticket = await passage.finish("failed")
            if passage.streams:
                await send({"type": "http.response.body", "body": _comment(ticket), "more_body": True})
                raise  # the stream is not complete, and its connection is cut
            await answer(send, error, ticket)
        except BaseException as error:  # the engine's own, or the end of this process: its ticket first
            await asyncio.shield(passage.finish("cut" if isinstance(error, asyncio.CancelledError) else "failed"))
            raise
        else:
            await passage.finish("failed")

    def check_word(self, scope: MutableMapping[str, Any], body: bytes) -> None:
        """Return if the gateway itself says this to the seal: its word bears a permit for the model `control`.  Raises
        Refused."""
        self._once(Claim(_token(scope), Asked(scope["method"], scope["path"], body)), CONTROL)

    def _admit(self, claim: Claim) -> Permit:
        """The request's permit, used up from here on.  Raises Refused."""
        return self._once(claim, self._model)

    def _once(self, claim: Claim, model: str) -> Permit:
        self._clock_s = max(self._clock_s, int(time.time()))
        expected = Expected(self._name, model, self._keys, self._clock_s, self._since_s)
        permit = check(claim.token, claim.asked, expected)
        if permit.jti in self._used:
            raise refused("permit_used", "the permit was used before")
        if model != CONTROL:
            self._newest.check_named(permit.chk, self._clock_s)
        self._used.add(permit.jti)
        self._lapse.append((permit.exp, permit.jti))
        while self._lapse[0][0] <= self._clock_s:
            self._used.discard(self._lapse.popleft()[1])
        return permit


def _comment(ticket: str) -> bytes:
    """The end of a stream.  The line feed before it ends whatever line the stream broke off in."""
    return b"\n" + COMMENT + ticket.encode("ascii") + b"\n\n"


def _token(scope: MutableMapping[str, Any]) -> str:
    found = [value for name, value in scope["headers"] if name.lower() == PERMIT]
    if len(found) != 1:
        raise refused("permit_missing", "a request here needs one permit", hint="only the gateway issues permits")
    token: str = found[0].decode("latin-1")
    return token


async def _asked(scope: MutableMapping[str, Any], receive: Receive) -> Asked:
    """The request as a permit binds it, its body whole."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("the request broke off")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MOST_BODY:
            raise Refused(f"a request of more than {MOST_BODY} bytes", code="too_large", status=413)
        if not message.get("more_body", False):
            break
    query = scope.get("query_string", b"").decode("latin-1")
    target = scope["path"] + (f"?{query}" if query else "")
    return Asked(scope["method"], target, b"".join(pieces))


async def answer(send: Send, error: CaveatError, ticket: str = "") -> None:
    """Say why there is no reply of the model: a JSON error, with the ticket where the request was counted."""
    code = getattr(error, "code", "") or "bad_input"
    status = getattr(error, "status", 0) or (503 if isinstance(error, Unavailable) else 400)
    body = encode({"error": {"type": "seal", "code": code, "message": error.message}})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers.append((b"caveat-seal-refused", code.encode()) if not ticket else (TICKET, ticket.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
