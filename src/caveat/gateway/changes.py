"""Changing what is in force: one control record, checked before it is written and folded after.

Rules of this file: the document is durable before the record that names it; a change that the fold would refuse is
never appended; the append is fenced, so two changes made at once cannot both stand on the same past.
"""

import time

from msgspec import Struct

from caveat import record
from caveat.gateway.documents import Documents
from caveat.ledger.log import Fence, Log
from caveat.register import Register, fold


class Act(Struct, frozen=True):
    """What a control record is to do (register.ACTS), to whom or what, with which document."""

    what: str
    of: str
    document: bytes = b""


async def change(log: Log, documents: Documents, register: Register, gateway: str, act: Act) -> Register:
    """Append one control record and return the register after it.

    Raises NotVerified for what the fold refuses, StaleFence where something else changed first, Unavailable.
    """
    doc = documents.keep(act.document) if act.document else ""
    at_ms = time.time_ns() // 1_000_000
    entry = record.control(what=act.what, of=act.of, doc=doc, gateway=gateway, at_ms=at_ms)
    leaf = record.read_leaf(entry.leaf)
    after = fold(register, leaf, log.size, act.document)
    (placed,) = await log.append((entry,), Fence(expects=register.fence, becomes=after.fence))
    return fold(register, leaf, placed.index, act.document)
