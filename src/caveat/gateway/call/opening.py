"""From bytes to a decision on record: read, recognize, gather, decide, append.

Rules of this file: nothing has gone upstream when it is done; whatever an authenticated caller sent has left a record;
a decision is on record only if what it stood on is still in force at its index, else it is made again.
"""

import asyncio

import msgspec

from caveat import record
from caveat.decide.decide import able, decide
from caveat.errors import CaveatError, Refused, StaleFence, Unavailable
from caveat.facts import Facts, gather
from caveat.gateway.call.duties import FULFILS
from caveat.gateway.call.problems import problem
from caveat.gateway.call.routing import find_route
from caveat.gateway.exceptions.holding import keep_held
from caveat.gateway.exceptions.lifting import fetched, learn, offered, used
from caveat.gateway.house.begun import Asked, Begun
from caveat.gateway.house.budgets import check_over, within
from caveat.gateway.house.callers import check_live, declared
from caveat.gateway.house.drawn import fresh
from caveat.gateway.house.house import House
from caveat.gateway.house.leasing import fence_of, learn_from, leased, note_clock, put_lapse
from caveat.gateway.house.view import Route
from caveat.gateway.upstream.forwarding import check_forwarding
from caveat.gateway.upstream.second import NOT_ASKED, Opinion, opinion
from caveat.ledger.log import Entry, Placed
from caveat.wire.body import check_headers
from caveat.wire.call import Call

MOST_TRIES = 8
NOWHERE = Placed(-1, b"", 0)
"""The place of what is not on record yet."""


async def begin(house: House, asked: Asked) -> Begun:
    """Put the call on record with its decision.

    Raises Unreadable or Refused for what is no call under any terms, once that is on record; Unavailable when the
    ledger cannot write: then nothing was decided and nothing may be sent.
    """
    try:
        begun = await _decide(house, asked)
    except asyncio.CancelledError:
        raise  # the server stops, and the ledger may have taken the call already
    except BaseException as error:
        await put_refusal(house, asked, error)
        raise
    if begun.decision.verdict == "hold":
        await keep_held(house, begun)
    return begun


async def _decide(house: House, asked: Asked) -> Begun:
    headers = asked.request.headers
    check_headers(headers.get("content-type"), headers.get("content-encoding"))
    check_forwarding(asked.request.query, headers)
    call = asked.dialect.read_call(asked.request.body)
    await learn(house, asked)
    await note_clock(house)
    told = NOT_ASKED
    for _ in range(MOST_TRIES):
        view = house.view
        key = check_live(asked.key, view.by_secret)
        route = find_route(view, call, asked.dialect.name, house.now_ms(), asked.tried)
        if reason := route.refuses(call):
            raise Refused(reason, code="model_cannot", status=400)
        if told is NOT_ASKED:
            told = await opinion(house.second, route.policy.reads, call.parts)
        facts = gathered(house, asked, call, route, told)
        lifts = offered(house, view, asked)
        stood = await leased(house, view, route.policy.terms)
        if await put_lapse(house, view, route.policy.terms, stood):
            continue
        decision = able(decide(route.policy, facts, lifts, stood.phase), FULFILS)
        pair = route.policy.terms.digest
        kept = await asyncio.to_thread(fetched, house, lifts, facts, pair) if asked.names_hold else None
        begun = Begun(asked, call, route, facts, decision, view, NOWHERE, lifts, kept, told)
        spends, at_ms = used(decision, lifts), house.now_ms()
        if not all(waiver.in_time(at_ms) for waiver in spends):
            continue  # it expired a moment ago
        try:
            uses = tuple((waiver.id, waiver.max_uses) for waiver in spends)
            sent = decision.verdict == "allow" and not any(w.reply for w in spends)
            fence = fence_of(view, uses, stood, sent=sent)
            if sent:
                fence = within(fence, key, at_ms)
            placed = await house.log.append(_entries(house, begun, at_ms), fence)
        except StaleFence as stale:
            check_over(stale, key)
            if learn_from(house, stale, stood):
                continue
            if stale.exhausted:
                house.exhaust(stale.exhausted)
            else:
                await house.refresh(view)
            continue
        house.clock.saw(placed[0].at_ms)
        return msgspec.structs.replace(begun, placed=placed[0])
    raise Unavailable("what is in force kept changing while this call was decided", code="overloaded", hint="try again")


def gathered(house: House, asked: Asked, call: Call, route: Route, told: Opinion = NOT_ASKED) -> Facts:
    """The call's facts, from its parts, the key, the headers, the place, and what a guard model said."""
    if call.model != route.alias:  # the alias has moved to other terms, and these call the model otherwise
        call = msgspec.structs.replace(call, model=route.alias)
    return gather(
        call,
        asked.key.caller,
        declared(asked.request.headers),
        route.panel.recognize(call.parts),
        route.policy.terms.draft,
        house.place(route, told),
    )


def _entries(house: House, begun: Begun, at_ms: int) -> tuple[Entry, ...]:
    """The call's first record, and its second where nothing will be sent."""
    decision, secret = begun.decision, fresh(32)
    head = record.Head(begun.asked.id, house.name, at_ms, secret)
    read_by = {**begun.route.panel.described, **begun.opinion.described}
    described = _described(begun.asked, begun.route.identity, secret, read_by)
    if begun.call.model != begun.route.alias:
        described["alias"] = begun.call.model
    spends = tuple(waiver.id for waiver in used(decision, begun.lifts))
    first = record.opened(head, begun.facts, decision, described, spends)
    if decision.verdict == "allow":
        return (first,)
    second = msgspec.structs.replace(head, key=fresh(32))
    ending = "held" if decision.verdict == "hold" else "denied"
    return first, record.settled(second, record.Opening(-1, decision.terms), ending, None, {})


async def put_refusal(house: House, asked: Asked, error: BaseException) -> None:
    """Put on record a call that never came to a decision, and by which code it was refused.  Raises Unavailable."""
    secret = fresh(32)
    head = record.Head(asked.id, house.name, house.now_ms(), secret)
    described = _described(asked, "", secret)
    if isinstance(error, CaveatError):
        described["refused"] = problem(error)[1].code
    entry = record.refused(head, asked.key.caller.id, described)
    await house.log.append((entry,))


def _described(
    asked: Asked, identity: str, secret: bytes, recognizers: dict[str, object] | None = None
) -> dict[str, object]:
    """The request without its content, and who read it; an attempt after the first says which it is, and after which
    call.  The case that the caller named stands with it, as a digest."""
    again = {"attempt": len(asked.tried) + 1, "after": asked.tried[-1].call} if asked.tried else {}
    case = record.case_mark(asked.request.headers.get("caveat-case", ""))
    named = {"case": case} if case else {}
    read_by = {"recognizers": recognizers} if recognizers else {}
    digest = record.body_digest(asked.request.body, secret)
    return {"dialect": asked.dialect.name, "model": identity, **named, **again, **read_by, **digest}
