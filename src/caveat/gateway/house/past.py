"""What the ledger holds when a house opens: a fold over its records, begun from a snapshot where there is a good one.

Rules of this file: the ledger alone decides.  A snapshot (register.json) names the control records and the open calls below
a size, never rights; it is bound to the root of that size and sealed with a key of the home, and one that does not fit is
passed over: the fold then begins at the first record.
"""

import hmac
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from caveat import record
from caveat.canon import b64
from caveat.errors import CaveatError
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.files import write_whole
from caveat.gateway.house.budgets import Charge, Recount
from caveat.ledger.reader import LedgerReader
from caveat.register import CallerKey, Register, fold
from caveat.register.budgets import current
from caveat.terms.document import Terms
from caveat.waivers.waiver import Waiver

_LABEL = b"caveat-snapshot/v2\n"
_CONTROL = b'"k":"control"'
LEASE = "lease:"
"""With a pair's digest: under which the calls that went to the model under it are counted."""


class Past(Struct, frozen=True):
    """What the ledger holds: the register, and calls opened without an outcome.

    controls   indices of all control records, ascending
    spent      how often each waiver and approval was used; how many calls each pair's lease has let through; what each key
               with a budget has used
    charged    of the open calls those that count for a key's budget
    """

    register: Register
    open_calls: dict[str, record.Opening]
    controls: tuple[int, ...] = ()
    size: int = 0
    spent: dict[str, int] = {}
    charged: dict[str, Charge] = {}


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a fold can begin: what is below `size`, whose root is `root` (base64)."""

    origin: str
    size: int
    root: str
    controls: tuple[int, ...]
    open_calls: dict[str, record.Opening]
    spent: dict[str, int] = {}
    charged: dict[str, Charge] = {}


class _Sealed(Struct, frozen=True, forbid_unknown_fields=True):
    snapshot: msgspec.Raw
    mac: str


def read_past(reader: LedgerReader, documents: Documents, snapshot: Snapshot | None = None) -> Past:
    """Fold the ledger.  Raises NotVerified for a control record that does not hold."""
    register, start, at_ms = Register(), 0, 0
    open_calls: dict[str, record.Opening] = {}
    controls: list[int] = []
    spent: Counter[str] = Counter()
    budgets = Recount(spent, {})
    if snapshot is not None:
        start, open_calls, controls = snapshot.size, dict(snapshot.open_calls), list(snapshot.controls)
        spent.update(snapshot.spent)
        budgets.open.update(snapshot.charged)
        register = _last(_registers(reader, documents, controls))
    size = reader.size()
    for index, entry in reader.entries(start, size):
        leaf = record.read_leaf(entry.leaf)
        at_ms = max(at_ms, leaf.t)
        if leaf.k == record.CONTROL:
            controls.append(index)
            register = _folded(register, index, leaf, documents)
        elif leaf.k == "opened":
            open_calls[leaf.call] = record.Opening(index, leaf.terms)
            spent.update(leaf.w)
            spent[LEASE + leaf.terms] += not register.fetches(leaf.w)
            budgets.opened(register, leaf, entry)
        elif leaf.k == "settled":
            open_calls.pop(leaf.call, None)
            spent.update(leaf.w)
            if leaf.o in record.UNSENT:
                spent[LEASE + leaf.terms] -= 1
            budgets.settled(register, leaf, entry)
    register, kept = msgspec.structs.replace(register, size=size), current(spent, at_ms)
    return Past(
        register, open_calls, tuple(controls), size, {of: n for of, n in spent.items() if of in kept}, budgets.open
    )


def all_terms(reader: LedgerReader, documents: Documents, controls: tuple[int, ...] | None = None) -> Iterator[Terms]:
    """Every terms that were ever adopted here, oldest first.  `controls` are the indices of all control records where
    they are known; without them the whole ledger is looked through for them."""
    indices = control_indices(reader) if controls is None else controls
    for leaf, register in _registers(reader, documents, indices):
        yield from _adopted(leaf, register)


def ever_in_force(
    reader: LedgerReader, documents: Documents, controls: tuple[int, ...]
) -> tuple[dict[str, Terms], dict[str, Waiver]]:
    """Every terms that were ever adopted here, by their pair's digest; every waiver and approval ever in force, by id."""
    terms: dict[str, Terms] = {}
    lifts: dict[str, Waiver] = {}
    for leaf, register in _registers(reader, documents, controls):
        terms |= {one.digest: one for one in _adopted(leaf, register)}
        lifts |= {**register.waivers, **register.approvals}
    return terms, lifts


def all_keys(reader: LedgerReader, documents: Documents, controls: tuple[int, ...]) -> dict[str, CallerKey]:
    """Every caller's key that was ever made here, by name, revoked ones too."""
    return _last(_registers(reader, documents, controls, "key.")).keys


def _registers(
    reader: LedgerReader, documents: Documents, controls: Iterable[int], acts: str = ""
) -> Iterator[tuple[record.Leaf, Register]]:
    """What was in force after each of these control records whose act begins so, by these records alone."""
    register = Register()
    for index in controls:
        leaf = record.read_leaf(reader.entry(index).leaf)
        if leaf.what.startswith(acts):
            register = _folded(register, index, leaf, documents)
            yield leaf, register


def _last(registers: Iterable[tuple[record.Leaf, Register]]) -> Register:
    """What is in force after them all."""
    register = Register()
    for _, later in registers:
        register = later
    return register


def _adopted(leaf: record.Leaf, register: Register) -> list[Terms]:
    """The terms that a control record has put in force, if it is about that."""
    return [one for one in register.terms.values() if leaf.what == "terms.adopted" and one.draft.name == leaf.id]


def control_indices(reader: LedgerReader, start: int = 0, stop: int | None = None) -> tuple[int, ...]:
    """Indices of the control records among start <= index < stop.  A leaf is canonical JSON, so these bytes stand in no
    other."""
    return tuple(index for index, entry in reader.entries(start, stop) if _CONTROL in entry.leaf)


def _folded(register: Register, index: int, leaf: record.Leaf, documents: Documents) -> Register:
    return fold(register, leaf, index, documents.read(leaf.doc))


def write_snapshot(path: Path, reader: LedgerReader, past: Past, key: bytes) -> None:
    """Keep where the next fold can begin: the newest checkpoint, if it covers all that was folded.  Raises Unavailable."""
    head = reader.head()
    if head.size < past.size or past.size == 0:
        return
    root = b64(reader.tree().hash_of(0, past.size))
    snapshot = Snapshot(reader.origin, past.size, root, past.controls, past.open_calls, past.spent, past.charged)
    raw = msgspec.json.encode(snapshot, order="sorted")
    write_whole(path, msgspec.json.encode(_Sealed(msgspec.Raw(raw), _mac(raw, key))))


def read_snapshot(path: Path, reader: LedgerReader, key: bytes) -> Snapshot | None:
    """The snapshot, if it is this home's and this log's; None for any other."""
    try:
        sealed = msgspec.json.decode(path.read_bytes(), type=_Sealed)
        raw = bytes(sealed.snapshot)
        snapshot = msgspec.json.decode(raw, type=Snapshot)
        if not hmac.compare_digest(sealed.mac, _mac(raw, key)) or snapshot.origin != reader.origin:
            return None
        if snapshot.size > reader.head().size or b64(reader.tree().hash_of(0, snapshot.size)) != snapshot.root:
            return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, CaveatError):
        return None
    return snapshot


def _mac(raw: bytes, key: bytes) -> str:
    return hmac.digest(key, _LABEL + raw, "sha256").hex()
