"""What the records about callers' keys do to the register."""

import msgspec

from caveat.record import Leaf
from caveat.register.budgets import Budget
from caveat.register.values import Register, no, read, read_caller_key


def _new_key(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    if leaf.id in after.keys:
        raise no(f"record {index} makes a key `{leaf.id}`, which was made before")
    return msgspec.structs.replace(after, keys={**after.keys, leaf.id: read_caller_key(document)})


def _revoke(after: Register, leaf: Leaf, index: int, _document: bytes) -> Register:
    if leaf.id not in after.keys:
        raise no(f"record {index} revokes a key `{leaf.id}`, which was never made")
    return msgspec.structs.replace(after, revoked=after.revoked | {leaf.id})


def _budget(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    if leaf.id not in after.keys:
        raise no(f"record {index} sets the budget of a key `{leaf.id}`, which was never made")
    key = msgspec.structs.replace(after.keys[leaf.id], budget=read(document, Budget))
    return msgspec.structs.replace(after, keys={**after.keys, leaf.id: key})


EFFECTS = {"key.new": _new_key, "key.revoked": _revoke, "key.budgeted": _budget}
