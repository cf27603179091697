"""The spine: one call's way through the house.

read, recognize, gather, decide, record (opening.py), send, guard, record (exchange.py).  Only this and its two halves
meet both the decision and the network.  An attempt after a failed one begins at the beginning.
"""

import time

from msgspec.structs import replace

from caveat.canon import b64
from caveat.errors import CaveatError, Unavailable
from caveat.gateway.call import duties
from caveat.gateway.call.delivery import deliver
from caveat.gateway.call.exchange import Exchange
from caveat.gateway.call.opening import begin, put_refusal
from caveat.gateway.call.problems import for_caller, status_of
from caveat.gateway.call.refusing import halt_of
from caveat.gateway.call.sender import Sender
from caveat.gateway.house.begun import Asked, Begun
from caveat.gateway.house.drawn import fresh
from caveat.gateway.house.house import House
from caveat.gateway.house.watch import Watch
from caveat.ledger.receipt import make_ticket
from caveat.wire.dialect import Dialect
from caveat.wire.reply import Halt


async def handle(house: House, asked: Asked, out: Sender, watch: Watch) -> None:
    """Decide an authenticated caller's call, record it, and answer it; where its upstream fails, attempt it again."""
    attempt: Asked | None = asked
    while attempt is not None:
        attempt = await _attempt(house, attempt, out, watch)


async def _attempt(house: House, asked: Asked, out: Sender, watch: Watch) -> Asked | None:
    """One attempt, decided and recorded as a call of its own; the next one, if it failed with nothing left."""
    began = time.perf_counter()
    out.begin_anew()
    out.add("x-caveat-call", asked.id)
    out.add("x-caveat-attempts", str(len(asked.tried) + 1))
    try:
        begun = await begin(house, asked)
    except CaveatError as error:
        await refuse(house, asked.dialect, asked.id, error, out)
        return None
    house.metrics.decided(begun, time.perf_counter() - began)
    _bear(house, begun, out)
    if begun.decision.verdict != "allow":
        halt = halt_of(begun)
        await _answer(asked.dialect, asked.id, status_of(halt.code), halt, out)
        return None
    if begun.kept is not None:
        await deliver(house, begun, out)
        return None
    if await Exchange(house, begun, out, watch).run():
        return None
    return replace(asked, id=new_call_id(), tried=begun.tried)


async def unread(house: House, asked: Asked, error: CaveatError, out: Sender) -> None:
    """Record and answer an authenticated call whose body never came whole."""
    out.add("x-caveat-call", asked.id)
    try:
        await put_refusal(house, asked, error)
    except Unavailable as unavailable:
        error = unavailable
    await refuse(house, asked.dialect, asked.id, error, out)


async def refuse(house: House, dialect: Dialect, call: str, error: CaveatError, out: Sender) -> None:
    """Answer a call that never came to a decision, in its dialect."""
    status, halt = for_caller(error)
    house.metrics.refused(dialect.name, halt.code)
    await _answer(dialect, call, status, halt, out)


async def _answer(dialect: Dialect, call: str, status: int, halt: Halt, out: Sender) -> None:
    refused = dialect.refuse(status, halt, call)
    await out.whole(refused.status, refused.headers, refused.body)


def new_call_id() -> str:
    """32 hex digits, drawn at random: a call's name in headers, records and receipts."""
    return fresh(16).hex()


def _bear(house: House, begun: Begun, out: Sender) -> None:
    """The headers that every decided call's answer bears."""
    ticket = make_ticket(house.ticket_key, house.log.origin, begun.placed)
    out.add("x-request-id", begun.asked.id)
    out.add("request-id", begun.asked.id)
    if begun.decision.verdict == "allow" and duties.source_type(begun):
        out.add("x-caveat-source-type", duties.source_type(begun))
    out.add("x-caveat-decision", begun.decision.verdict)
    out.add("x-caveat-terms", begun.route.policy.terms.draft.name)
    out.add("x-caveat-ticket", b64(ticket))
