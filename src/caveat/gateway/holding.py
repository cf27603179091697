"""Held calls: kept in the vault until persons decide or they lapse, shown to approvers, released or denied on record.

Rules of this file: what approvers sign is made from what the vault keeps, never from what they send back; a decided or
lapsed call's body leaves the vault.
"""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct

from caveat.canon import b64
from caveat.errors import NotVerified, Refused
from caveat.gateway.begun import Begun
from caveat.gateway.house import House
from caveat.gateway.lifting import ID
from caveat.waivers.hold import Ask, body_name, make_ask, read_ask

WHICH = "held"
HOLD_MS = 72 * 3_600_000
"""How long a held call waits for an answer, and an approved one for its caller."""


class Held(Struct, frozen=True):
    """What the vault keeps of a held call."""

    ask: Ask
    body: bytes


async def keep_held(house: House, begun: Begun) -> None:
    """Keep a call that waits for persons.  Raises Unavailable."""
    facts, asked, at_ms = begun.facts, begun.asked, begun.facts.epoch * 1000
    ask = Ask(
        v=1,
        hold=asked.id,
        body=body_name(asked.dialect.name, asked.request.body, house.bodies.salt(asked.id)),
        clauses=begun.decision.clauses,
        terms=begun.decision.terms,
        dialect=asked.dialect.name,
        caller=facts.caller,
        purpose=facts.purpose,
        model=facts.model,
        rank=facts.label_rank,
        from_ms=at_ms,
        until_ms=at_ms + HOLD_MS,
    )
    await asyncio.to_thread(house.bodies.keep, asked.id, WHICH, msgspec.msgpack.encode(Held(ask, asked.request.body)))


def waiting(house: House) -> list[dict[str, Any]]:
    """Held calls that nobody has decided, oldest first; those that have lapsed leave the vault, and one that does not
    open any more is nobody's to approve."""
    found = []
    for hold in house.bodies.kept(WHICH):
        try:
            ask = _held(house, hold).ask
        except NotVerified:
            continue
        if hold in house.view.register.decided or ask.until_ms <= house.now_ms():
            house.bodies.drop(hold, WHICH)
        else:
            found.append({**msgspec.to_builtins(ask), "terms_name": _named(house, ask.terms)})
    return sorted(found, key=lambda one: (one["from_ms"], one["hold"]))


def shown(house: House, hold: str) -> dict[str, Any]:
    """The file that approvers get: what they sign, and beside it what it names.  Raises Refused `not_found`."""
    held = _found(house, hold)
    return {
        "sign": make_ask(held.ask).decode(),
        "salt": house.bodies.salt(hold).hex(),
        "body": b64(held.body),
        "terms": _named(house, held.ask.terms),
    }


async def release(house: House, envelope: bytes) -> str:
    """Put persons' approval of a held call on record; the hold's id.  Raises NotVerified, Refused `not_found`."""
    ask, _ = read_ask(envelope)
    if ask != _found(house, ask.hold).ask:
        raise NotVerified("what was signed is not what is held here", step="hold")
    await house.amend("hold.decided", ask.hold, envelope)
    await asyncio.to_thread(house.bodies.drop, ask.hold, WHICH)
    return ask.hold


async def deny(house: House, hold: str) -> None:
    """Deny a held call, on record.  Raises Refused `not_found`."""
    _found(house, hold)
    await house.amend("hold.decided", hold)
    await asyncio.to_thread(house.bodies.drop, hold, WHICH)


def _found(house: House, hold: str) -> Held:
    """A held call that waits."""
    if ID.fullmatch(hold) and hold in {one["hold"] for one in waiting(house)}:
        return _held(house, hold)
    raise Refused("no call of that id waits for an approval", code="not_found", status=404, hint="`caveat hold list`")


def _held(house: House, hold: str) -> Held:
    return msgspec.msgpack.decode(house.bodies.read(hold, WHICH), type=Held)


def _named(house: House, digest: str) -> str:
    names = [terms.draft.name for terms in house.view.register.terms.values() if terms.digest == digest]
    return names[0] if names else "terms that are no longer in force"
