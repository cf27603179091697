"""Changing what is in force: one control record, checked before it is written and folded after.

Rules of this file: the document is durable before the record that names it; a change that the fold would refuse is
never appended; the append is fenced, so two changes made at once cannot both stand on the same past.
"""

from msgspec import Struct

from caveat import record
from caveat.gateway.home.documents import Documents
from caveat.ledger.log import Fence, Log
from caveat.register import Register, fold


class Act(Struct, frozen=True):
    """What a control record is to do (register.ACTS), to whom or what, with which document."""

    what: str
    of: str
    document: bytes = b""


class Writer(Struct, frozen=True):
    """Where a change is written, by which gateway, when (POSIX ms)."""

    log: Log
    documents: Documents
    gateway: str
    at_ms: int


async def change(writer: Writer, register: Register, act: Act) -> Register:
    """Append one control record and return the register after it.

    Raises NotVerified for what the fold refuses, StaleFence where something else changed first, Unavailable.
    """
    log = writer.log
    doc = writer.documents.keep(act.document) if act.document else ""
    entry = record.control(what=act.what, of=act.of, doc=doc, gateway=writer.gateway, at_ms=writer.at_ms)
    leaf = record.read_leaf(entry.leaf)
    after = fold(register, leaf, log.size, act.document)
    (placed,) = await log.append((entry,), Fence(expects=register.fence, becomes=after.fence))
    return fold(register, leaf, placed.index, act.document)
