"""The statement of end: made from the ledger's records, signed by the log's key, and itself on record.

Rules of this file: every number is counted from the records that a published checkpoint covers, the ending's own among
them, so whoever holds these records finds the same; a statement may be asked for again, when the last calls have ended.
"""

import asyncio

from msgspec import Struct

from caveat import record
from caveat.errors import BadInput, Unavailable
from caveat.evidence.statement import STOPPED, Counted, Statement, sign_statement
from caveat.gateway.house.house import House
from caveat.ledger.reader import LedgerReader
from caveat.note import TreeHead
from caveat.register import Register, fold
from caveat.terms.ending import open_ending
from caveat.terms.lease import phase_of

WAIT_S, WAITS = 0.1, 100


class _Ended(Struct, frozen=True):
    """Where terms ended: the record, the pair's name and digest, who ended it and why."""

    index: int
    name: str
    pair: str
    by: str
    reason: str


async def state_end(house: House, reader: LedgerReader, name: str) -> bytes:
    """A statement about terms, by id, that have ended or are revoked.  Raises BadInput for others, Unavailable."""
    terms = house.view.register.terms.get(name)
    if terms is not None:
        lease = house.view.register.leases.get(terms.digest)
        if lease is None or not lease.revoked_by or phase_of(lease, None, house.now_ms(), 0) == "running":
            raise BadInput(f"the terms `{terms.draft.name}` have not ended", hint="`caveat terms end` ends them")
    size, waits = house.log.size, WAITS
    while (head := reader.head()).size < size:
        if waits == 0:
            raise Unavailable("the end of these terms is not under a checkpoint yet", hint="try again in a second")
        waits -= 1
        await asyncio.sleep(WAIT_S)
    statement = await asyncio.to_thread(_stated, house, reader, name, head)
    note = sign_statement(statement, house.ticket_key)
    await house.note("end.stated", statement.name, note)
    return note


def _stated(house: House, reader: LedgerReader, name: str, head: TreeHead) -> Statement:
    """The statement, counted from all that the head covers."""
    register = Register()
    counts: dict[str, Counted] = {}
    ended: _Ended | None = None
    for index, entry in reader.entries(0, head.size):
        leaf = record.read_leaf(entry.leaf)
        if leaf.k == record.CONTROL:
            document = house.document(leaf.doc)
            if leaf.what == "terms.ended" and leaf.id == name:
                ended = _ended(register, leaf, index, document, ended)
            register = fold(register, leaf, index, document)
        elif leaf.terms:
            counted = counts.setdefault(leaf.terms, Counted())
            counted.add(index, leaf, fetched=register.fetches(leaf.w))
    if ended is None:
        raise BadInput(f"no terms called `{name}` have ended here")
    return Statement(
        ended.name, ended.pair, ended.by, ended.index, ended.reason, counts.get(ended.pair, Counted()), head
    )


def _ended(register: Register, leaf: record.Leaf, index: int, document: bytes, before: _Ended | None) -> _Ended:
    """The ending that counts: a party's word, or the operator's stop where none came before it."""
    terms = register.terms[leaf.id]
    if document:
        ending = open_ending(document, register.trust())
        return _Ended(index, terms.draft.name, terms.digest, ending.role, ending.reason)
    if before is not None and before.pair == terms.digest:
        return before
    return _Ended(index, terms.draft.name, terms.digest, "operator", STOPPED)
