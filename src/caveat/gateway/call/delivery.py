"""A reply that persons have released, fetched by the caller who sends the same bytes again: no model is called.

Rules of this file: the call is decided and on record like any other, and has spent the release; the reply's decision is made
again over the facts that were found in it; the outcome is durable before a byte leaves; what leaves is exactly what was kept.
"""

import asyncio
import secrets
from typing import Any

from caveat import record
from caveat.decide.decide import able, decide
from caveat.decide.decision import Decision
from caveat.decide.explain import refusal
from caveat.errors import StaleFence, Unavailable
from caveat.facts import Facts, grouped, ungrouped
from caveat.gateway.call import duties
from caveat.gateway.call.notifying import told
from caveat.gateway.call.problems import NO_RECORD, status_of
from caveat.gateway.call.sender import Sender
from caveat.gateway.call.settling import settle
from caveat.gateway.home.held import WHICH, Kept
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.house import House
from caveat.gateway.house.watch import ClientGone
from caveat.waivers.waiver import Waiver
from caveat.wire.reply import Halt


async def deliver(house: House, begun: Begun, out: Sender) -> None:
    """Answer with the released reply; `begun.kept` is it.  Never raises for what a client does."""
    assert begun.kept is not None
    facts = _facts(begun, begun.kept)
    lifts = begun.lifts
    while True:
        decision = able(decide(begun.route.policy, facts, lifts), duties.FULFILS)
        try:
            await _settled(house, begun, facts, decision)
            break
        except StaleFence as stale:
            lifts = tuple(one for one in lifts if one.id != stale.exhausted)
        except Unavailable:
            await _refuse(begun, out, status_of(NO_RECORD.code), NO_RECORD)
            return
    house.count_ending(begun, "completed" if decision.verdict == "allow" else "stopped", decision)
    if decision.verdict != "allow":
        out.add("x-caveat-decision", decision.verdict)
        halt = refusal(decision, begun.route.policy.terms, duties.language(begun))
        await _refuse(begun, out, status_of(halt.code), halt)
        return
    await _send(house, begun, begun.kept, out)


async def _send(house: House, begun: Begun, kept: Kept, out: Sender) -> None:
    try:
        await out.whole(200, (("content-type", kept.type),), kept.body)
    except ClientGone:
        return
    await asyncio.to_thread(house.bodies.drop, begun.released, WHICH)


def _facts(begun: Begun, kept: Kept) -> Facts:
    """This call's facts, with those of the reply that was kept."""
    groups: dict[str, dict[str, Any]] = {str(name): values for name, values in grouped(begun.facts).items()}
    return ungrouped({**groups, "reply": kept.facts})


async def _settled(house: House, begun: Begun, facts: Facts, decision: Decision) -> None:
    """The outcome on record, and the bodies kept where a duty says so.  Raises StaleFence for a waiver that only the reply
    uses and that has no use left, Unavailable."""
    kept = begun.kept
    assert kept is not None
    secret = secrets.token_bytes(32)
    leaves = decision.verdict == "allow"
    if leaves and duties.owes(begun, "log.full"):
        await house.keep_body(begun, "request", begun.call.body)
        await house.keep_body(begun, "reply", kept.body)
    hidden: dict[str, Any] = {
        "answer": {
            "chars_left": kept.characters if leaves else 0,
            **record.body_digest(kept.body if leaves else b"", secret),
        },
        "duties": kept.done,
        "upstream": {"name": "", "kept": begun.released},
        "reply": record.reply_facts(facts),
        "decision": decision,
    }
    head = record.Head(begun.asked.id, house.name, house.now_ms(), secret)
    opening = record.Opening(begun.placed.index, begun.decision.terms)
    spends = _late(begun, decision)
    ids = tuple(waiver.id for waiver in spends)
    entry = record.settled(head, opening, "completed" if leaves else "stopped", None, hidden, ids)
    beside = await told(house, begun, decision, "completed" if leaves else "stopped")
    await settle(house, entry, spends, beside)


def _late(begun: Begun, decision: Decision) -> tuple[Waiver, ...]:
    """The waivers that only the reply uses."""
    spent = {*record.spent(begun.decision), begun.released}
    used = set(record.spent(decision)) - spent
    return tuple(waiver for waiver in begun.lifts if waiver.id in used)


async def _refuse(begun: Begun, out: Sender, status: int, halt: Halt) -> None:
    refused = begun.asked.dialect.refuse(status, halt, begun.asked.id)
    await out.whole(refused.status, refused.headers, refused.body)
