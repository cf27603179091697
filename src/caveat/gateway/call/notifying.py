"""The note for the vendor that a call's outcome bears, where the duty `notify.vendor` is owed: a control record beside it.

Rule of this file: the note is durable before the record that names it, and that record is appended with the outcome.
"""

import asyncio

from caveat import record
from caveat.decide.decision import Decision
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.house import House
from caveat.ledger.log import Entry
from caveat.register.notices import Notice, write_notice

NOTIFY = "notify.vendor"


async def told(house: House, begun: Begun, decision: Decision, ending: str) -> tuple[Entry, ...]:
    """What is appended with the outcome; nothing where nobody is to be told.  Raises Unavailable."""
    clauses = begun.route.policy.clauses
    wanted = tuple(id_ for id_ in decision.held if any(duty.name == NOTIFY for duty in clauses[id_].duties))
    if not wanted:
        return ()
    notice = Notice(
        v=1,
        call=begun.asked.id,
        clauses=wanted,
        terms=begun.decision.terms,
        ending=ending,
        log=house.log.origin,
        index=begun.placed.index,
        at_ms=house.now_ms(),
    )
    doc = await asyncio.to_thread(house.keep_document, write_notice(notice, house.ticket_key))
    return (record.control(what="vendor.notified", of=begun.asked.id, doc=doc, gateway=house.name, at_ms=notice.at_ms),)
