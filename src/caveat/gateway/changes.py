"""Changing what is in force: one control record, checked before it is written and folded after.

Rules of this file: the document is durable before the record that names it; a change that the fold would refuse is
never appended; the append is fenced, so two changes made at once cannot both stand on the same past.
"""

import time

from caveat import record
from caveat.gateway.documents import Documents
from caveat.ledger.log import Fence, Log
from caveat.register import Register, fold


async def change(
    log: Log, documents: Documents, register: Register, gateway: str, what: str, id: str, document: bytes = b""  # noqa: A002
) -> Register:
    """Append one control record and return the register after it.

    Raises NotVerified for what the fold refuses, StaleFence where something else changed first, Unavailable.
    """
    doc = documents.keep(document) if document else ""
    entry = record.control(what=what, id=id, doc=doc, gateway=gateway, at_ms=time.time_ns() // 1_000_000)
    after = fold(register, record.read_leaf(entry.leaf), log.size, document)
    (placed,) = await log.append((entry,), Fence(expects=register.fence, becomes=after.fence))
    return fold(register, record.read_leaf(entry.leaf), placed.index, document)
