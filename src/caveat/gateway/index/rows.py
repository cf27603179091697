"""From a record to what the index keeps of it: pure, and quick enough for a million of them.

A disclosure is believed only if the leaf committed to it; where it is missing, destroyed or another, the call stands in the
index without what it would have said.
"""

import binascii
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from caveat.errors import CaveatError
from caveat.ledger.log import Entry
from caveat.record import Leaf, commitment, read_leaf

OUTCOMES = ("running", "completed", "denied", "held", "stopped", "broken", "aborted", "unknown", "withheld")
"""What has become of a call; the number in the index is the place here."""
OUTCOME = {word: n for n, word in enumerate(OUTCOMES)}
T = TypeVar("T", bound=Struct)


class _Who(Struct):
    caller: str


class _What(Struct):
    model: str
    streaming: bool


class _Why(Struct):
    purpose: str


class _Data(Struct):
    label_rank: int = msgspec.field(name="labelRank")


class _Said(Struct):
    verdict: str
    rule: str
    held: tuple[str, ...]
    waived: tuple[tuple[str, str], ...]


class _Request(Struct):
    dialect: str
    case: str = ""
    refused: str = ""


class First(Struct, frozen=True):
    """A call's first record; "" and -1 where the record is closed."""

    leaf: Leaf
    verdict: str = ""
    rule: str = ""
    caller: str = ""
    purpose: str = ""
    model: str = ""
    case: str = ""
    dialect: str = ""
    rank: int = -1
    streams: bool = False
    held: tuple[str, ...] = ()
    waived: int = 0


class Last(Struct, frozen=True):
    """A call's second record; `held` are clauses that the reply brought."""

    leaf: Leaf
    held: tuple[str, ...] = ()


Row = First | Last | Leaf
"""A control record is its leaf."""

_triple = msgspec.json.Decoder(tuple[str, str, msgspec.Raw])
_SHAPES: dict[str, msgspec.json.Decoder[Any]] = {
    "who": msgspec.json.Decoder(_Who),
    "what": msgspec.json.Decoder(_What),
    "why": msgspec.json.Decoder(_Why),
    "data": msgspec.json.Decoder(_Data),
    "decision": msgspec.json.Decoder(_Said),
    "request": msgspec.json.Decoder(_Request),
}


class _Aside(Struct):
    d: tuple[str, ...]


_asides = msgspec.json.Decoder(_Aside)


def row(entry: Entry) -> Row | None:
    """What the index keeps of a record; None for a foreign leaf, which is fsck's to report."""
    try:
        leaf = read_leaf(entry.leaf)
    except CaveatError:
        return None
    if leaf.k in ("opened", "refused"):
        return _first(leaf, entry.aside)
    if leaf.k == "settled":
        said = _opened(leaf, entry.aside, ("decision",)).get("decision") if "decision" in leaf.c else None
        return Last(leaf, said.held if said else ())
    return leaf


def _first(leaf: Leaf, aside: bytes) -> First:
    found = _opened(leaf, aside, tuple(_SHAPES))
    who, what, why = found.get("who"), found.get("what"), found.get("why")
    data, said, request = found.get("data"), found.get("decision"), found.get("request")
    return First(
        leaf,
        verdict=said.verdict if said else "",
        rule=said.rule if said else request.refused if request else "",
        caller=who.caller if who else "",
        purpose=why.purpose if why else "",
        model=what.model if what else "",
        case=request.case if request else "",
        dialect=request.dialect if request else "",
        rank=data.label_rank if data else -1,
        streams=bool(what and what.streaming),
        held=said.held if said else (),
        waived=len(said.waived) if said else 0,
    )


def _opened(leaf: Leaf, aside: bytes, wanted: tuple[str, ...]) -> dict[str, Any]:
    """The wanted values that the aside opens, each checked against its commitment."""
    if not aside:
        return {}
    try:
        disclosures = _asides.decode(aside).d
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    found: dict[str, Any] = {}
    for disclosure in disclosures:
        try:
            _, name, raw = _triple.decode(binascii.a2b_base64(disclosure.translate(_URLSAFE) + "=="))
            if name in wanted and leaf.c.get(name) == commitment(disclosure):
                found[name] = _SHAPES[name].decode(raw)
        except (ValueError, msgspec.DecodeError):
            continue
    return found


_URLSAFE = str.maketrans("-_", "+/")
