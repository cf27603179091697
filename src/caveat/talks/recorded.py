"""A recorded call as a replay needs it: what was decided, and the facts, opened from the vault.

Rules of this file: a value is used only if the leaf's commitment covers the very bytes that hold it; what was withheld or
destroyed is missing, and nobody guesses it; equal bytes are read once (PIECES remembered), for most calls are alike in
most of what they are.

A disclosure is `base64url(["salt", "name", value])` (record.py): 22 characters of salt, so the name begins at byte 27.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.canon import unb64url
from caveat.decide.decision import Rule, Verdict
from caveat.errors import CaveatError
from caveat.record import Leaf, commitment
from caveat.terms.document import Duty

PIECES: Final = 65_536
NAME_AT: Final = 27
"""Behind `["` and 22 characters of salt and `","`."""


class Decided(Struct, frozen=True):
    """What a record says of a decision, as far as a comparison needs it."""

    verdict: Verdict
    rule: Rule
    clauses: tuple[str, ...]
    held: tuple[str, ...]
    waived: tuple[tuple[str, str], ...]
    duties: tuple[Duty, ...]


class Answered(Struct, frozen=True):
    """What a record says of the request without its content; `model` is the identity of the model that would answer."""

    model: str = ""


class _Aside(Struct):
    d: tuple[str, ...]


_aside = msgspec.json.Decoder(_Aside)
_decided = msgspec.json.Decoder(Decided)
_answered = msgspec.json.Decoder(Answered)
_plain = msgspec.json.Decoder(dict[str, Any])

Values = Mapping[str, Any]
"""Fact -> value, of one group."""


class Opened(Struct, frozen=True):
    """What a record opens: group -> the JSON of its facts, for those that were asked for and not withheld."""

    groups: dict[str, bytes]
    decision: Decided | None
    identity: str | None


def open_record(leaf: Leaf, aside: bytes, wanted: Collection[str]) -> Opened | None:
    """What lies beside the leaf of what is wanted (names of commitments), None where nothing does, or where it cannot be
    read or does not fit the leaf."""
    try:
        disclosures = _aside.decode(aside).d if aside else ()
        found = dict(filter(None, [_piece(leaf, disclosure, wanted) for disclosure in disclosures]))
        decision = _decision(found.pop("decision")) if "decision" in found else None
        request = found.pop("request", None)
        identity = _answered.decode(request).model if request is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, CaveatError, RecursionError):
        return None
    return Opened(found, decision, identity) if disclosures else None


def values(group: bytes) -> Values:
    """One group's facts, sets as tuples.  Raises msgspec.DecodeError."""
    return {name: tuple(word) if isinstance(word, list) else word for name, word in _plain.decode(group).items()}


class _Unfit(CaveatError):
    """A disclosure that is not what its leaf committed to."""


def _piece(leaf: Leaf, disclosure: str, wanted: Collection[str]) -> tuple[str, bytes] | None:
    """Name and value, as bytes of JSON, None if not wanted.  Raises CaveatError where no commitment covers it."""
    raw = unb64url(disclosure)
    end = raw.find(b'",', NAME_AT)
    name = raw[NAME_AT:end].decode("ascii", "replace")
    if name not in wanted:
        return None
    if leaf.c.get(name) != commitment(disclosure):
        raise _Unfit("a disclosure is not what the record committed to")
    return name, raw[end + 2 : -1]


@lru_cache(maxsize=PIECES)
def _decision(value: bytes) -> Decided:
    return _decided.decode(value)
