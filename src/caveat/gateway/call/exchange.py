"""An allowed call's way to the model and back, and its outcome on record.

Rules of this file: the outcome is always recorded, whatever happened; it is durable before the last byte leaves; what
the upstream sends is read before it is passed on, and what cannot be read is not passed on; of a reply that persons are to
release nothing leaves from there on.
"""

from collections.abc import AsyncIterator

from caveat import record
from caveat.decide.explain import refusal
from caveat.errors import CaveatError, StaleFence, Unavailable, Unreadable
from caveat.gateway.call import duties, withholding
from caveat.gateway.call.foreign_errors import read_error
from caveat.gateway.call.granting import granted
from caveat.gateway.call.judging import guard_of, masked_body, relay_of
from caveat.gateway.call.outcome import Outcome
from caveat.gateway.call.problems import NO_RECORD, for_caller, status_of
from caveat.gateway.call.relay import NOTHING, Relay
from caveat.gateway.call.routing import failure_of, goes_on
from caveat.gateway.call.sender import Sender
from caveat.gateway.exceptions.holding import keep_reply
from caveat.gateway.home.held import Kept
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.house import House
from caveat.gateway.house.watch import ClientGone, TermsEnded, Watch
from caveat.gateway.house.winding import HALT
from caveat.gateway.upstream.reply import UpstreamReply
from caveat.wire.masked import Unmaskable
from caveat.wire.reply import Halt

EVENTS = "text/event-stream; charset=utf-8"
EVENT_STREAM = (("content-type", EVENTS), ("cache-control", "no-cache"))
JSON = (("content-type", "application/json"),)
CUT_SHORT = "the model's server ended the reply before it was complete"
UNRELEASED = "the model's server refused the call, and what it says of that would have to be released by a person first"


class Exchange:
    """One allowed call.  `run` sends it and answers the client; `ending` and the rest are what is recorded of it."""

    def __init__(self, house: House, begun: Begun, out: Sender, watch: Watch) -> None:
        self._house = house
        self._begun = begun
        self._out = out
        self._watch = watch
        self._dialect = begun.asked.dialect
        self._guard = guard_of(begun)
        self._relay: Relay | None = None
        self._outcome = Outcome(house, begun, self._guard)
        self._goes_on = False

    async def run(self) -> bool:
        """Send the call, answer, record.  False where the upstream failed with nothing left for the client, that is on
        record, and the call is to be attempted again.  Never raises for what an upstream or a client does."""
        try:
            with self._house.running.entered(self._begun.route.policy.terms, self._watch, self._house.now_ms()):
                await self._run()
        except TermsEnded:
            await self._wound_down()
        finally:
            if not self._outcome.settled:
                await self._settle("unknown")
        return not self._goes_on

    async def _run(self) -> None:
        begun = self._begun
        request = begun.asked.request
        try:
            if self._outcome.logs:
                await self._house.keep_body(begun, "request", begun.call.body)
            with self._watch:
                reply = await begun.route.upstream.send(
                    request.path,
                    request.query,
                    request.headers,
                    self._outgoing(),
                    dialect=self._dialect.name,
                    granted=granted(begun),
                )
        except ClientGone:
            await self._settle("aborted")
            return
        except CaveatError as error:
            await self._failed(error)
            return
        self._outcome.upstream["status"] = reply.status
        self._outcome.reply = reply
        try:
            await self._pass_on(reply)
        finally:
            await reply.close()

    def _outgoing(self) -> bytes:
        """The body to send, noted for the record where it is not the caller's own."""
        body = duties.outgoing(self._begun)
        self._outcome.sends(body)
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
        self._outcome.usage = frame.usage
        body = masked_body(self._begun, self._guard, frame, reply.status)
        notice = duties.notice(self._begun)
        if notice and reply.status == 200:
            body, self._outcome.notices = self._dialect.with_notice(body, notice)
        characters = sum(len(said.text) for said in frame.says)
        while not await self._ended_whole(reply, body, characters):
            pass

    async def _ended_whole(self, reply: UpstreamReply, body: bytes, characters: int) -> bool:
        """Settle and answer a reply that came whole.  False where a waiver that it needs is gone: it is then judged anew."""
        if self._guard.stopped is not None:
            await self._stopped_whole()
        elif self._guard.keeps and reply.status == 200:
            return await self._withheld("application/json", body, characters)
        elif self._guard.keeps:
            await self._failed(Unavailable(UNRELEASED, code="upstream_broke"))
        else:
            try:
                settled = await self._settle("completed" if reply.status == 200 else "broken", characters, leaves=body)
            except StaleFence as stale:
                self._guard.without(stale.exhausted)
                return False
            if settled:
                await self._out.whole(reply.status, (*JSON, *reply.headers), body)
        return True

    async def _withheld(self, type_: str, body: bytes, characters: int, relay: Relay | None = None) -> bool:
        """Settle a reply that waits for persons, keep it, and tell the caller.  False as above."""
        begun, decision = self._begun, self._guard.decision
        halt = withholding.halt_of(begun, decision)
        last = relay.stop(halt) if relay is not None and self._out.started else b""
        left = relay.characters_left if relay is not None else 0
        self._outcome.keeps(body)
        try:
            if not await self._settle("withheld", left, leaves=last):
                return True
        except StaleFence as stale:
            self._guard.without(stale.exhausted)
            return False
        done = duties.done(begun, decision, notices=self._outcome.notices, masked=self._guard.masked())
        kept = Kept(type_, body, record.reply_facts(self._guard.facts), characters, done)
        try:
            await keep_reply(self._house, begun, withholding.clauses_of(begun, decision), kept)
        except Unavailable:
            halt = NO_RECORD
        if self._out.started:
            await self._out.end(last)
        else:
            self._out.add("x-caveat-decision", "hold")
            await self._refuse(status_of(halt.code), halt)
        return True

    async def _stopped_whole(self) -> None:
        assert self._guard.stopped is not None
        halt = refusal(self._guard.stopped, self._begun.route.policy.terms, duties.language(self._begun))
        self._out.add("x-caveat-decision", self._guard.stopped.verdict)
        if await self._settle("stopped"):
            await self._refuse(status_of(halt.code), halt)

    async def _streamed(self, reply: UpstreamReply) -> None:
        relay = self._relay = relay_of(self._begun, self._guard)
        pieces = aiter(reply.pieces())
        try:
            with self._watch:
                first = await anext(pieces, b"")
            if not first:
                raise Unavailable("the model's server ended the reply before it began", code="upstream_broke")
        except CaveatError as error:
            await self._failed(error)
            return
        if not self._guard.keeps:
            await self._out.start(200, (*EVENT_STREAM, *reply.headers))
        try:
            await self._flow(first, pieces, relay)
        except CaveatError as error:
            await self._cut(relay, error)
        except ClientGone:
            await self._settle_relay("aborted", relay)
        else:
            while not await self._close(relay):
                pass

    async def _flow(self, data: bytes, pieces: AsyncIterator[bytes], relay: Relay) -> None:
        """Let through what the guard releases, until the upstream is done or a clause stops it."""
        while True:
            out = relay.feed(data) if data else relay.finish()
            for piece in out:
                self._outcome.note(piece)
                await self._out.write(piece)
            if not data or relay.stopped:
                return
            with self._watch:
                data = await anext(pieces, b"")

    async def _close(self, relay: Relay) -> bool:
        """The reply has ended: complete, stopped by a clause, kept for persons, or cut short by the upstream.  False where a
        waiver that it needs is gone: it is then judged anew."""
        try:
            rest = relay.rest()
        except Unmaskable:
            rest = NOTHING
        self._outcome.usage, self._outcome.notices = relay.usage, relay.notices
        if self._guard.stopped is not None:
            if not self._out.started:
                await self._stopped_whole()
                return True
            halt = refusal(self._guard.stopped, self._begun.route.policy.terms, duties.language(self._begun))
            return await self._close_with("stopped", relay, relay.stop(halt))
        if not rest.complete:
            await self._cut(relay, Unavailable(CUT_SHORT, code="upstream_broke"))
            return True
        self._outcome.notices = rest.notices
        if self._guard.keeps:
            body = self._outcome.left + rest.data
            return await self._withheld(EVENTS, body, rest.characters, relay)
        try:
            settled = await self._settle("completed", rest.characters, leaves=rest.data)
        except StaleFence as stale:
            self._guard.without(stale.exhausted)
            return False
        if settled:
            await self._out.end(rest.data)
        return True

    async def _cut(self, relay: Relay, error: CaveatError) -> None:
        """The upstream broke off in the middle of a stream."""
        if not self._out.started:
            await self._failed(error)
        else:
            await self._close_with("broken", relay, relay.broke(for_caller(error)[1]))

    async def _wound_down(self) -> None:
        """The terms have ended, and say that what runs is cut."""
        if self._relay is not None and self._out.started:
            await self._close_with("stopped", self._relay, self._relay.stop(HALT))
        elif await self._settle("stopped"):
            self._out.add("x-caveat-decision", "deny")
            await self._refuse(status_of(HALT.code), HALT)

    async def _close_with(self, ending: str, relay: Relay, last: bytes) -> bool:
        self._outcome.note(last)
        if await self._settle_relay(ending, relay):
            await self._out.end(last)
        return True

    async def _settle_relay(self, ending: str, relay: Relay) -> bool:
        self._outcome.usage, self._outcome.notices = relay.usage, relay.notices
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

    async def _settle(self, ending: str, characters_left: int = 0, *, leaves: bytes = b"") -> bool:
        """Put the outcome on record; `leaves` is what follows it to the client.  False where the ledger cannot: then no
        (further) answer leaves.  Raises StaleFence for a reply that would pass by a waiver which is gone."""
        begun = self._begun
        try:
            await self._outcome.settle(ending, characters_left, leaves)
        except Unavailable:
            if not self._out.started:
                await self._refuse(503, NO_RECORD)
            return False
        self._house.count_ending(begun, ending, self._guard.decision if self._guard.judged else None)
        return True

    async def _refuse(self, status: int, halt: Halt) -> None:
        refused = self._dialect.refuse(status, halt, self._begun.asked.id)
        await self._out.whole(refused.status, refused.headers, refused.body)
