"""How an allowed call ends: its outcome on record, then what the client is told.

Rules of this file: an outcome is durable before the last byte leaves; where the ledger cannot write, no (further) answer
leaves; a failure is left to another attempt only once it is on record and nothing has left.
"""

from caveat import record
from caveat.decide.explain import refusal
from caveat.decide.guard import Guard
from caveat.errors import CaveatError, StaleFence, Unavailable, Unreadable
from caveat.gateway.call import duties, withholding
from caveat.gateway.call.outcome import Outcome
from caveat.gateway.call.problems import NO_RECORD, for_caller, status_of
from caveat.gateway.call.relay import Relay
from caveat.gateway.call.routing import failure_of, goes_on
from caveat.gateway.call.sender import Sender
from caveat.gateway.exceptions.holding import keep_reply
from caveat.gateway.home.held import Kept
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.house import House
from caveat.gateway.house.watch import Watch
from caveat.wire.reply import Halt


class Ending:
    """One call's.  `outcome` is what is gathered for the record, `goes_on` whether another attempt answers the client."""

    def __init__(self, house: House, begun: Begun, out: Sender, watch: Watch, guard: Guard) -> None:
        self.outcome = Outcome(house, begun, guard)
        self.goes_on = False
        self._house = house
        self._begun = begun
        self._out = out
        self._watch = watch
        self._guard = guard

    async def settle(self, ending: str, characters_left: int = 0, *, leaves: bytes = b"") -> bool:
        """Put the outcome on record; `leaves` is what follows it to the client.  False where the ledger cannot: then no
        (further) answer leaves.  Raises StaleFence for a reply that would pass by a waiver which is gone."""
        begun = self._begun
        try:
            await self.outcome.settle(ending, characters_left, leaves)
        except Unavailable:
            if not self._out.started:
                await self.refuse(503, NO_RECORD)
            return False
        self._house.count_ending(begun, ending, self._guard.decision if self._guard.judged else None)
        return True

    async def refuse(self, status: int, halt: Halt) -> None:
        """Answer with an error, in the caller's dialect."""
        refused = self._begun.asked.dialect.refuse(status, halt, self._begun.asked.id)
        await self._out.whole(refused.status, refused.headers, refused.body)

    async def stopped(self) -> None:
        """Settle and answer a reply that a clause stopped before any of it left."""
        assert self._guard.stopped is not None
        halt = refusal(self._guard.stopped, self._begun.route.policy.terms, duties.language(self._begun))
        self._out.add("x-caveat-decision", self._guard.stopped.verdict)
        if await self.settle("stopped"):
            await self.refuse(status_of(halt.code), halt)

    async def withheld(self, type_: str, body: bytes, characters: int, relay: Relay | None = None) -> bool:
        """Settle a reply that waits for persons, keep it, and tell the caller.  False where a waiver that it needs is
        gone: it is then judged anew."""
        begun, decision = self._begun, self._guard.decision
        halt = withholding.halt_of(begun, decision)
        last = relay.stop(halt) if relay is not None and self._out.started else b""
        left = relay.characters_left if relay is not None else 0
        self.outcome.keeps(body)
        try:
            if not await self.settle("withheld", left, leaves=last):
                return True
        except StaleFence as stale:
            self._guard.without(stale.exhausted)
            return False
        done = duties.done(begun, decision, notices=self.outcome.notices, masked=self._guard.masked())
        kept = Kept(type_, body, record.reply_facts(self._guard.facts), characters, done)
        try:
            await keep_reply(self._house, begun, withholding.clauses_of(begun, decision), kept)
        except Unavailable:
            halt = NO_RECORD
        if self._out.started:
            await self._out.end(last)
        else:
            self._out.add("x-caveat-decision", "hold")
            await self.refuse(status_of(halt.code), halt)
        return True

    async def failed(self, error: CaveatError) -> None:
        """The upstream did not answer, or not readably, and nothing has left yet."""
        if isinstance(error, Unreadable):
            error = Unavailable(
                f"the model's reply could not be read: {error.message}", code="upstream_unreadable", hint=error.hint
            )
        if await self.leaves_it(failure_of(error)):
            return
        status, halt = for_caller(error)
        if await self.settle("broken"):
            await self.refuse(status, halt)

    async def leaves_it(self, failure: str) -> bool:
        """Whether another attempt answers the client: then the failure of this one is on record, and nothing has left."""
        house, begun = self._house, self._begun
        if self._out.started or self._watch.gone or not goes_on(house.view, begun, failure, house.now_ms()):
            return False
        self.goes_on = await self.settle("broken")
        if self.goes_on:
            house.metrics.went_on(begun.route.upstream.name, failure)
        return True
