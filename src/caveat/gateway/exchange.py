"""An allowed call's way to the model and back, and its outcome on record.

Rules of this file: the outcome is always recorded, whatever happened; it is durable before the last byte leaves; what
the upstream sends is read before it is passed on, and what cannot be read is not passed on.
"""

import secrets
from collections.abc import AsyncIterator
from typing import Any

from caveat import record
from caveat.decide.explain import refusal
from caveat.decide.guard import Guard
from caveat.errors import CaveatError, Unavailable, Unreadable
from caveat.gateway import duties
from caveat.gateway.begun import Begun
from caveat.gateway.foreign_errors import read_error
from caveat.gateway.house import House
from caveat.gateway.problems import NO_RECORD, for_caller, status_of
from caveat.gateway.relay import Relay
from caveat.gateway.routing import failure_of, goes_on
from caveat.gateway.sender import Sender
from caveat.gateway.upstream import UpstreamReply
from caveat.gateway.watch import ClientGone, Watch
from caveat.ledger.log import Entry
from caveat.wire.reply import Halt, Usage

EVENT_STREAM = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
JSON = (("content-type", "application/json"),)


class Exchange:
    """One allowed call.  `run` sends it and answers the client; `ending` and the rest are what is recorded of it."""

    def __init__(self, house: House, begun: Begun, out: Sender, watch: Watch) -> None:
        self._house = house
        self._begun = begun
        self._out = out
        self._watch = watch
        self._dialect = begun.asked.dialect
        self._guard = self._make_guard()
        self._settled = False
        self._goes_on = False
        self._secret = secrets.token_bytes(32)
        self._sent = record.BodyDigest(self._secret)
        self._kept: list[bytes] | None = [] if duties.owes(begun, "log.full") else None
        self._upstream: dict[str, Any] = {"name": begun.route.upstream.name, "model": begun.route.name}
        self._usage: Usage | None = None
        self._notices = 0

    def _make_guard(self) -> Guard:
        route, begun = self._begun.route, self._begun
        return Guard(
            route.policy,
            begun.facts,
            begun.decision,
            begun.lifts,
            route.panel.recognize_text,
            horizon=route.panel.horizon,
            pending=route.panel.pending,
        )

    async def run(self) -> bool:
        """Send the call, answer, record.  False where the upstream failed with nothing left for the client, that is on
        record, and the call is to be attempted again.  Never raises for what an upstream or a client does."""
        try:
            await self._run()
        finally:
            if not self._settled:
                await self._settle("unknown")
        return not self._goes_on

    async def _run(self) -> None:
        begun = self._begun
        request = begun.asked.request
        try:
            if self._kept is not None:
                await self._house.keep_body(begun, "request", begun.call.body)
            with self._watch:
                reply = await begun.route.upstream.send(
                    request.path, request.query, request.headers, self._outgoing(), dialect=self._dialect.name
                )
        except ClientGone:
            await self._settle("aborted")
            return
        except CaveatError as error:
            await self._failed(error)
            return
        self._upstream["status"] = reply.status
        try:
            await self._pass_on(reply)
        finally:
            await reply.close()

    def _outgoing(self) -> bytes:
        """The body to send, noted for the record where it is not the caller's own."""
        begun = self._begun
        body = duties.outgoing(begun)
        if body != begun.call.body:
            self._upstream["sent"] = record.body_digest(body, self._secret)
        return body

    async def _pass_on(self, reply: UpstreamReply) -> None:
        try:
            if await self._leaves_it(failure_of(reply.status)):
                return
            if self._begun.call.streams and reply.status == 200:
                await self._streamed(reply)
            else:
                await self._whole(reply)
        except ClientGone:
            await self._settle("aborted")

    async def _whole(self, reply: UpstreamReply) -> None:
        """A reply that is not streamed, or an upstream's error."""
        try:
            with self._watch:
                body = await reply.read(self._house.settings.gateway.max_reply_bytes)
            frame = self._dialect.read_reply(body, self._begun.call.body) if reply.status == 200 else read_error(body)
        except CaveatError as error:
            await self._failed(error)
            return
        for said in frame.says:
            self._guard.feed(said.channel, said.text, tool=said.tool)
        self._guard.finish()
        self._usage = frame.usage
        if self._guard.stopped is not None:
            await self._stopped_whole()
            return
        notice = duties.notice(self._begun)
        if notice and reply.status == 200:
            body, self._notices = self._dialect.with_notice(body, notice)
        ending = "completed" if reply.status == 200 else "broken"
        self._note(body)
        if await self._settle(ending, sum(len(said.text) for said in frame.says)):
            await self._out.whole(reply.status, (*JSON, *reply.headers), body)

    async def _stopped_whole(self) -> None:
        assert self._guard.stopped is not None
        halt = refusal(self._guard.stopped, self._begun.route.policy.terms, duties.language(self._begun))
        self._out.add("x-caveat-decision", self._guard.stopped.verdict)
        if await self._settle("stopped"):
            await self._refuse(status_of(halt.code), halt)

    async def _streamed(self, reply: UpstreamReply) -> None:
        relay = Relay(
            self._dialect.reader(self._begun.call.body), self._dialect.writer(), self._guard, duties.notice(self._begun)
        )
        pieces = aiter(reply.pieces())
        try:
            with self._watch:
                first = await anext(pieces, b"")
            if not first:
                raise Unavailable("the model's server ended the reply before it began", code="upstream_broke")
        except CaveatError as error:
            await self._failed(error)
            return
        await self._out.start(200, (*EVENT_STREAM, *reply.headers))
        try:
            await self._flow(first, pieces, relay)
        except CaveatError as error:
            await self._close_with("broken", relay, relay.broke(for_caller(error)[1]))
        except ClientGone:
            await self._settle_relay("aborted", relay)
        else:
            await self._close(relay)

    async def _flow(self, data: bytes, pieces: AsyncIterator[bytes], relay: Relay) -> None:
        """Let through what the guard releases, until the upstream is done or a clause stops it."""
        while True:
            out = relay.feed(data) if data else relay.finish()
            for piece in out:
                self._note(piece)
                await self._out.write(piece)
            if not data or relay.stopped:
                return
            with self._watch:
                data = await anext(pieces, b"")

    async def _close(self, relay: Relay) -> None:
        """The reply has ended: complete, stopped by a clause, or cut short by the upstream."""
        if self._guard.stopped is not None:
            halt = refusal(self._guard.stopped, self._begun.route.policy.terms, duties.language(self._begun))
            last = relay.stop(halt)
            ending = "stopped"
        elif relay.complete:
            ending, last = "completed", relay.last
        else:
            ending = "broken"
            last = relay.broke(Halt("upstream_broke", "the model's server ended the reply before it was complete"))
        await self._close_with(ending, relay, last)

    async def _close_with(self, ending: str, relay: Relay, last: bytes) -> None:
        self._note(last)
        if await self._settle_relay(ending, relay):
            await self._out.end(last)

    async def _settle_relay(self, ending: str, relay: Relay) -> bool:
        self._usage = relay.usage
        self._notices = relay.notices
        return await self._settle(ending, relay.characters_left)

    async def _failed(self, error: CaveatError) -> None:
        """The upstream did not answer, or not readably, and nothing has left yet."""
        if isinstance(error, Unreadable):
            error = Unavailable(
                f"the model's reply could not be read: {error.message}", code="upstream_unreadable", hint=error.hint
            )
        if await self._leaves_it(failure_of(error)):
            return
        status, halt = for_caller(error)
        if await self._settle("broken"):
            await self._refuse(status, halt)

    async def _leaves_it(self, failure: str) -> bool:
        """Whether another attempt answers the client: then the failure of this one is on record, and nothing has left."""
        house, begun = self._house, self._begun
        if self._out.started or self._watch.gone or not goes_on(house.view, begun, failure, house.now_ms()):
            return False
        self._goes_on = await self._settle("broken")
        if self._goes_on:
            house.metrics.went_on(begun.route.upstream.name, failure)
        return True

    def _note(self, piece: bytes) -> None:
        """Count bytes that leave for the client into the outcome's digest, and keep them where a duty says so."""
        self._sent.update(piece)
        if self._kept is not None:
            self._kept.append(piece)

    async def _settle(self, ending: str, characters_left: int = 0) -> bool:
        """Put the outcome on record.  False where the ledger cannot: then no (further) answer leaves."""
        self._settled = True
        begun = self._begun
        try:
            if self._kept:
                await self._house.keep_body(begun, "reply", b"".join(self._kept))
            await self._house.log.append((self._outcome(ending, characters_left),))
        except Unavailable:
            if not self._out.started:
                await self._refuse(503, NO_RECORD)
            return False
        self._house.count_ending(begun, ending, self._guard.decision if self._guard.judged else None)
        return True

    def _outcome(self, ending: str, characters_left: int) -> Entry:
        begun = self._begun
        hidden: dict[str, Any] = {
            "answer": {"chars_left": characters_left, **self._sent.value()},
            "duties": duties.done(begun, self._notices),
            "upstream": self._upstream,
            "reply": record.reply_facts(self._guard.facts),
            "decision": self._guard.decision,
        }
        head = record.Head(begun.asked.id, self._house.name, self._house.now_ms(), self._secret)
        opening = record.Opening(begun.placed.index, begun.decision.terms)
        return record.settled(head, opening, ending, self._usage, hidden)

    async def _refuse(self, status: int, halt: Halt) -> None:
        refused = self._dialect.refuse(status, halt, self._begun.asked.id)
        await self._out.whole(refused.status, refused.headers, refused.body)
