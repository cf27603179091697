"""An allowed call's way to the model and back, and its outcome on record.

Rules of this file: the outcome is always recorded, whatever happened; it is durable before the last byte leaves; what
the upstream sends is read before it is passed on, and what cannot be read is not passed on; of a reply that persons are to
release nothing leaves from there on.
"""

from collections.abc import AsyncIterator

from caveat.decide.explain import refusal
from caveat.errors import CaveatError, StaleFence, Unavailable
from caveat.gateway.call import duties
from caveat.gateway.call.ending import Ending
from caveat.gateway.call.foreign_errors import read_error
from caveat.gateway.call.granting import granted
from caveat.gateway.call.judging import guard_of, masked_body, relay_of
from caveat.gateway.call.problems import for_caller, status_of
from caveat.gateway.call.relay import NOTHING, Relay
from caveat.gateway.call.routing import failure_of
from caveat.gateway.call.sender import Sender
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.house import House
from caveat.gateway.house.watch import ClientGone, TermsEnded, Watch
from caveat.gateway.house.winding import HALT
from caveat.gateway.upstream.client import Outgoing
from caveat.gateway.upstream.reply import UpstreamReply
from caveat.wire.masked import Unmaskable

EVENTS = "text/event-stream; charset=utf-8"
EVENT_STREAM = (("content-type", EVENTS), ("cache-control", "no-cache"))
JSON = (("content-type", "application/json"),)
CUT_SHORT = "the model's server ended the reply before it was complete"
UNRELEASED = "the model's server refused the call, and what it says of that would have to be released by a person first"


class Exchange:
    """One allowed call: `run` sends it and answers the client."""

    def __init__(self, house: House, begun: Begun, out: Sender, watch: Watch) -> None:
        self._house = house
        self._begun = begun
        self._out = out
        self._watch = watch
        self._dialect = begun.asked.dialect
        self._guard = guard_of(begun)
        self._relay: Relay | None = None
        self._end = Ending(house, begun, out, watch, self._guard)
        self._outcome = self._end.outcome

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
                await self._end.settle("unknown")
        return not self._end.goes_on

    async def _run(self) -> None:
        begun = self._begun
        try:
            if self._outcome.logs:
                await self._house.keep_body(begun, "request", begun.call.body)
            with self._watch:
                reply = await begun.route.upstream.send(self._outgoing())
        except ClientGone:
            await self._end.settle("aborted")
            return
        except CaveatError as error:
            await self._end.failed(error)
            return
        self._outcome.upstream["status"] = reply.status
        self._outcome.reply = reply
        try:
            await self._pass_on(reply)
        finally:
            await reply.close()

    def _outgoing(self) -> Outgoing:
        """What is sent; its body is noted for the record where it is not the caller's own."""
        request, body = self._begun.asked.request, duties.outgoing(self._begun)
        self._outcome.sends(body)
        permit = granted(self._begun)
        return Outgoing(request.path, request.query, request.headers, body, self._dialect.name, permit)

    async def _pass_on(self, reply: UpstreamReply) -> None:
        try:
            if await self._end.leaves_it(failure_of(reply.status)):
                return
            if self._begun.call.streams and reply.status == 200:
                await self._streamed(reply)
            else:
                await self._whole(reply)
        except ClientGone:
            await self._end.settle("aborted")

    async def _whole(self, reply: UpstreamReply) -> None:
        """A reply that is not streamed, or an upstream's error."""
        try:
            with self._watch:
                body = await reply.read(self._house.settings.gateway.max_reply_bytes)
            frame = self._dialect.read_reply(body, self._begun.call.body) if reply.status == 200 else read_error(body)
        except CaveatError as error:
            await self._end.failed(error)
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
            await self._end.stopped()
        elif self._guard.keeps and reply.status == 200:
            return await self._end.withheld("application/json", body, characters)
        elif self._guard.keeps:
            await self._end.failed(Unavailable(UNRELEASED, code="upstream_broke"))
        else:
            try:
                settled = await self._end.settle(
                    "completed" if reply.status == 200 else "broken", characters, leaves=body
                )
            except StaleFence as stale:
                self._guard.without(stale.exhausted)
                return False
            if settled:
                await self._out.whole(reply.status, (*JSON, *reply.headers), body)
        return True

    async def _streamed(self, reply: UpstreamReply) -> None:
        relay = self._relay = relay_of(self._begun, self._guard)
        pieces = aiter(reply.pieces())
        try:
            with self._watch:
                first = await anext(pieces, b"")
            if not first:
                raise Unavailable("the model's server ended the reply before it began", code="upstream_broke")
        except CaveatError as error:
            await self._end.failed(error)
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
        """Let through what the guard releases, until the upstream is done or a clause stops it.  What is released at once
        leaves at once."""
        while True:
            if out := b"".join(relay.feed(data) if data else relay.finish()):
                self._outcome.note(out)
                await self._out.write(out)
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
                await self._end.stopped()
                return True
            halt = refusal(self._guard.stopped, self._begun.route.policy.terms, duties.language(self._begun))
            return await self._close_with("stopped", relay, relay.stop(halt))
        if not rest.complete:
            await self._cut(relay, Unavailable(CUT_SHORT, code="upstream_broke"))
            return True
        self._outcome.notices = rest.notices
        if self._guard.keeps:
            body = self._outcome.left + rest.data
            return await self._end.withheld(EVENTS, body, rest.characters, relay)
        try:
            settled = await self._end.settle("completed", rest.characters, leaves=rest.data)
        except StaleFence as stale:
            self._guard.without(stale.exhausted)
            return False
        if settled:
            await self._out.end(rest.data)
        return True

    async def _cut(self, relay: Relay, error: CaveatError) -> None:
        """The upstream broke off in the middle of a stream."""
        if not self._out.started:
            await self._end.failed(error)
        else:
            await self._close_with("broken", relay, relay.broke(for_caller(error)[1]))

    async def _wound_down(self) -> None:
        """The terms have ended, and say that what runs is cut."""
        if self._relay is not None and self._out.started:
            await self._close_with("stopped", self._relay, self._relay.stop(HALT))
        elif await self._end.settle("stopped"):
            self._out.add("x-caveat-decision", "deny")
            await self._end.refuse(status_of(HALT.code), HALT)

    async def _close_with(self, ending: str, relay: Relay, last: bytes) -> bool:
        self._outcome.note(last)
        if await self._settle_relay(ending, relay):
            await self._out.end(last)
        return True

    async def _settle_relay(self, ending: str, relay: Relay) -> bool:
        self._outcome.usage, self._outcome.notices = relay.usage, relay.notices
        return await self._end.settle(ending, relay.characters_left)
