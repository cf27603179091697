"""Held calls and replies: kept in the vault until persons decide or they lapse, shown to approvers, released or denied on
record.

Rules of this file: what approvers sign is made from what the vault keeps, never from what they send back; what was decided
or has lapsed leaves the vault, a released reply once it was fetched.
"""

import asyncio
from typing import Any

import msgspec

from caveat.canon import b64
from caveat.dsse import read
from caveat.errors import NotVerified, Refused
from caveat.gateway.exceptions.lifting import ID
from caveat.gateway.home.held import WHICH, Held, Kept, keep, read_held
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.house import House
from caveat.waivers.approvers import decoded
from caveat.waivers.hold import KIND, REFUSAL, Ask, body_name, is_refusal, make_ask, reply_name

HOLD_MS = 72 * 3_600_000
"""How long a held call or reply waits for an answer, and an approved one for its caller."""


async def keep_held(house: House, begun: Begun) -> None:
    """Keep a call that waits for persons.  Raises Unavailable."""
    ask = _ask(house, begun, begun.decision.clauses)
    await asyncio.to_thread(keep, house.bodies, Held(ask, begun.asked.request.body))


async def keep_reply(house: House, begun: Begun, clauses: tuple[str, ...], kept: Kept) -> None:
    """Keep a reply that waits for persons.  Raises Unavailable."""
    name = reply_name(kept.type, kept.body, house.bodies.salt(begun.asked.id))
    ask = msgspec.structs.replace(_ask(house, begun, clauses), reply=name)
    await asyncio.to_thread(keep, house.bodies, Held(ask, begun.asked.request.body, kept))


def _ask(house: House, begun: Begun, clauses: tuple[str, ...]) -> Ask:
    facts, asked, at_ms = begun.facts, begun.asked, begun.facts.epoch * 1000
    return Ask(
        v=1,
        hold=asked.id,
        body=body_name(asked.dialect.name, asked.request.body, house.bodies.salt(asked.id)),
        clauses=clauses,
        terms=begun.decision.terms,
        dialect=asked.dialect.name,
        caller=facts.caller,
        purpose=facts.purpose,
        model=facts.model,
        rank=facts.label_rank,
        from_ms=at_ms,
        until_ms=at_ms + HOLD_MS,
    )


def waiting(house: House) -> list[dict[str, Any]]:
    """What nobody has decided, oldest first; what nobody needs any more leaves the vault, and what does not open any more is
    nobody's to approve."""
    found = []
    for hold in house.bodies.kept(WHICH):
        try:
            held = read_held(house.bodies, hold)
        except NotVerified:
            continue
        if held.ask.until_ms <= house.now_ms():
            continue  # the next sweep destroys it, on record
        if _over(house, held):
            house.bodies.drop(hold, WHICH)
        elif hold not in house.view.register.decided:
            found.append(_row(house, held))
    return sorted(found, key=lambda one: (one["from_ms"], one["hold"]))


def _row(house: House, held: Held) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(held.ask),
        "of": "reply" if held.reply else "call",
        "terms_name": _named(house, held.ask.terms),
        "approvers": _wanted(house, held.ask),
    }


def shown(house: House, hold: str) -> dict[str, Any]:
    """The file that approvers get: what they sign, and beside it what it names.  Raises Refused `not_found`."""
    held = _found(house, hold)
    reply = {"reply": b64(held.reply.body), "reply_type": held.reply.type} if held.reply else {}
    return {
        "sign": make_ask(held.ask).decode(),
        "salt": house.bodies.salt(hold).hex(),
        "body": b64(held.body),
        **reply,
        "terms": _named(house, held.ask.terms),
        "approvers": _wanted(house, held.ask),
    }


async def decide_hold(house: House, envelope: bytes) -> tuple[str, bool]:
    """Put persons' approval, or a person's refusal, of what is held on record: the hold's id, and whether it is released.
    Raises NotVerified, Refused `not_found`."""
    kind = REFUSAL if is_refusal(envelope) else KIND
    ask = decoded(kind, read(kind, envelope), Ask)
    held = _found(house, ask.hold)
    if ask != held.ask:
        raise NotVerified("what was signed is not what is held here", step="hold")
    await house.amend("hold.decided", ask.hold, envelope)
    if kind is REFUSAL or held.reply is None:
        await asyncio.to_thread(house.bodies.drop, ask.hold, WHICH)
    return ask.hold, kind is KIND


async def deny(house: House, hold: str) -> None:
    """Deny what is held, on record.  Raises Refused `not_found`."""
    _found(house, hold)
    await house.amend("hold.decided", hold)
    await asyncio.to_thread(house.bodies.drop, hold, WHICH)


def _found(house: House, hold: str) -> Held:
    """What waits under that id."""
    try:
        held = read_held(house.bodies, hold) if ID.fullmatch(hold) else None
    except NotVerified:
        held = None
    if held is None or hold in house.view.register.decided or _over(house, held):
        raise Refused(
            "no call of that id waits for an approval", code="not_found", status=404, hint="`caveat hold list`"
        )
    return held


def _over(house: House, held: Held) -> bool:
    """Whether nobody can need it any more: it has lapsed, was decided, or its reply was fetched."""
    hold, register = held.ask.hold, house.view.register
    released = held.reply is not None and hold in register.approvals and hold not in house.exhausted
    return held.ask.until_ms <= house.now_ms() or (hold in register.decided and not released)


def _wanted(house: House, ask: Ask) -> int:
    """How many approvers the clauses want."""
    for terms in house.view.register.terms.values():
        if terms.digest == ask.terms:
            return max((c.approvers for c in terms.draft.clauses if c.id in ask.clauses), default=1)
    return 1


def _named(house: House, digest: str) -> str:
    names = [terms.draft.name for terms in house.view.register.terms.values() if terms.digest == digest]
    return names[0] if names else "terms that are no longer in force"
