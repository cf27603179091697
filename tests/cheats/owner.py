"""A stage for cheats on the record: an operator who owns the ledger, its key and the gateway's code, and an outsider.

The operator changes what they like, and makes tiles, checkpoint, manifest and bundle anew, each signed with the log's real key.
What they do not have is what the outsider holds: a trust file, the checkpoint or the bundle that they were given before,
the parties' keys, a witness's key.  `check` asks both verifiers, and wants them to agree.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec
from tests.evidence.conftest import ORIGIN, Book, check, failures, log_keys, members, repacked

from caveat import record
from caveat.canon import digest
from caveat.evidence.manifest import read_manifest
from caveat.ledger.log import Entry, Placed
from caveat.ledger.receipt import make_ticket
from caveat.ledger.tree import leaf_hash
from caveat.record import Leaf

__all__ = [
    "admits",
    "check",
    "edited",
    "failures",
    "first_of",
    "history",
    "leaf_of",
    "others",
    "put_in",
    "remade",
    "ticket_for",
]

TRUST_PAGE = Path(__file__).parents[2] / "docs" / "trust.md"


def history(calls: int = 12) -> Book:
    """An honest log: parties, a caller, terms, and calls of every kind."""
    return Book().found().day(calls)


def leaf_of(book: Book, index: int) -> Leaf:
    return record.read_leaf(book.entries[index].leaf)


def first_of(book: Book, ending: str) -> tuple[int, int]:
    """Where the first call that ended so has its two records."""
    second = next(i for i in range(len(book.entries)) if (leaf := leaf_of(book, i)).k == "settled" and leaf.o == ending)
    at = leaf_of(book, second).at
    return (at if at >= 0 else second - 1), second


def edited(entry: Entry, **changes: object) -> Entry:
    """The record with other clear fields, in its one form; None takes a field away."""
    value = {**json.loads(entry.leaf), **changes}
    kept = {name: field for name, field in value.items() if field is not None}
    return Entry(msgspec.json.encode(kept, order="sorted"), entry.aside)


def remade(book: Book, order: Iterable[int | Entry]) -> Book:
    """The ledger of these of its records and of new ones, in this order, whole: outcomes name the new places of what they
    settle (a new outcome the record before it), and every hash and signature is made again."""
    other = Book(book.keys)
    other.documents = {**book.documents}
    other.exports = {**book.exports}
    other.now_ms = book.now_ms
    other._calls = book._calls
    other.policy = book.policy
    moved: dict[int, int] = {}
    for item in order:
        place = len(other.entries)
        entry = item if isinstance(item, Entry) else book.entries[item]
        at = record.read_leaf(entry.leaf).at
        if isinstance(item, int):
            moved[item] = place
        if at >= 0:
            entry = edited(entry, at=moved.get(at, at) if isinstance(item, int) else place - 1)
        other.append(entry)
    return other


def others(book: Book, *gone: int) -> list[int]:
    """Every index but these."""
    return [index for index in range(len(book.entries)) if index not in gone]


def admits(*words: str) -> None:
    """Fail unless docs/trust.md says so: what nothing here detects must stand there, and only while it is so."""
    text = " ".join(TRUST_PAGE.read_text("utf-8").split())
    for said in words:
        assert said in text, f"docs/trust.md does not say: {said}"


def ticket_for(book: Book, index: int) -> bytes:
    """What the log gave the caller at once for the record that stands there."""
    placed = Placed(index, leaf_hash(book.entries[index].leaf), leaf_of(book, index).t)
    return make_ticket(log_keys().plain, ORIGIN, placed)


def put_in(book: Book, what: str, of: str, document: bytes) -> bytes:
    """A bundle that ends with a control record which no export would fold: the manifest is made to fit."""
    controls = tuple(i for i in range(len(book.entries)) if leaf_of(book, i).k == record.CONTROL)
    place = book.control(what, of, document)
    bundle = book.exported(book.source(controls), 0, place)
    counts = read_manifest(members(bundle)["manifest.json"]).counts
    counts.control += 1
    named: dict[str, bytes | None] = {f"control/{digest(document)[7:]}": document} if document else {}
    return repacked(
        bundle, book.keys, named, to=place + 1, controls=(*controls, place),
        counts=counts,
    )  # fmt: skip
