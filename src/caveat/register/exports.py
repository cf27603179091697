"""What the records about exports do to the register: a receiver's bundles are numbered, and no number comes twice.

evidence.exported   id of the receiver; document Export: which bundle left, and on which checkpoint it stood
"""

import msgspec
from msgspec import Struct

from caveat.record import Leaf
from caveat.register.values import Export, Register, no, read

FORMAT = "caveat-export/v1"


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    receiver: str
    export: Export


def write_export(receiver: str, export: Export) -> bytes:
    """The control document of an export."""
    return msgspec.json.encode(_Document(FORMAT, receiver, export), order="sorted")


def read_export(document: bytes) -> tuple[str, Export]:
    """Receiver and export as a control document holds them.  Raises NotVerified."""
    written = read(document, _Document)
    if written.format != FORMAT:
        raise no(f"expected an export of format {FORMAT}, got `{written.format}`")
    return written.receiver, written.export


def _exported(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    if not document:
        return after
    receiver, export = read_export(document)
    last = after.exports.get(receiver)
    due = last.number + 1 if last else 1
    if receiver != leaf.id or export.number != due:
        raise no(f"record {index} exports bundle {export.number} to `{receiver}`: number {due} is due")
    if not 0 <= export.start <= export.to <= export.size <= index or (last and export.size < last.size):
        raise no(f"record {index} exports records that were not there yet, or a smaller log than the time before")
    return msgspec.structs.replace(after, exports={**after.exports, receiver: export})


EFFECTS = {"evidence.exported": _exported}
