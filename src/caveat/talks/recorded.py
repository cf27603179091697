"""A recorded call as a replay needs it: what was decided, and the facts, opened from the vault.

Rules of this file: a value is used only if the leaf's commitment covers the very bytes that hold it; what was withheld or
destroyed is missing, and nobody guesses it; equal bytes are read once (PIECES remembered), for most calls are alike in
most of what they are.

A disclosure is `base64url(["salt", "name", value])` (record.py): 22 characters of salt, so the name begins at byte 27.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.decide.decision import Rule, Verdict
from caveat.record import Leaf
from caveat.terms.document import Duty

PIECES: Final = 65_536
URL: Final = bytes.maketrans(b"+/", b"-_")
STANDARD: Final = bytes.maketrans(b"-_", b"+/")
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


class Opened(Struct, frozen=True):
    """What a record opens: group -> the JSON of its facts, for those that were asked for and not withheld."""

    groups: dict[str, bytes]
    decision: Decided | None
    identity: str | None


def open_record(leaf: Leaf, aside: bytes, wanted: Collection[str]) -> Opened | None:
    """What lies beside the leaf of what is wanted (names of commitments), None where nothing does, or where it cannot be
    read or does not fit the leaf."""
    try:
        found = _opened(leaf.c, _aside.decode(aside).d if aside else (), wanted)
        decision = _decision(found.pop("decision")) if "decision" in found else None
        request = found.pop("request", None)
        identity = _answered.decode(request).model if request is not None else None
    except (msgspec.DecodeError, ValueError):
        return None
    return Opened(found, decision, identity) if aside else None


def _opened(commitments: Mapping[str, str], disclosures: Iterable[str], wanted: Collection[str]) -> dict[str, bytes]:
    """Name -> value as bytes of JSON.  Raises ValueError where no commitment covers it.

    One loop, for it runs ten times a call; the bytes are those that were committed to, so nothing about how they are
    written need be checked but what they say.
    """
    found = {}
    for disclosure in disclosures:
        text = disclosure.encode("ascii")
        raw = a2b_base64(text.translate(STANDARD) + b"==")
        end = raw.find(b'",', NAME_AT)
        name = raw[NAME_AT:end].decode("ascii")
        if name in wanted:
            digest = b2a_base64(sha256(text).digest(), newline=False).translate(URL, b"=\n").decode()
            if commitments.get(name) != digest:
                raise ValueError(name)
            found[name] = raw[end + 2 : -1]
    return found


def picker(kinds: Mapping[str, Any]) -> Callable[[bytes], tuple[Any, ...]]:
    """Reads the named facts off a group's JSON, in that order, as something that can be compared: scores as pairs.  It
    raises msgspec.DecodeError where one is missing or mistyped."""
    wanted = msgspec.defstruct("Wanted", [(f"f{place}", kind) for place, kind in enumerate(kinds.values())],
        rename={f"f{place}": name for place, name in enumerate(kinds)})  # fmt: skip
    decode = msgspec.json.Decoder(wanted).decode
    scores = [place for place, kind in enumerate(kinds.values()) if kind == dict[str, int]]

    def pick(group: bytes) -> tuple[Any, ...]:
        found = msgspec.structs.astuple(decode(group))
        return tuple(tuple(v.items()) if i in scores else v for i, v in enumerate(found)) if scores else found

    return pick


@lru_cache(maxsize=PIECES)
def _decision(value: bytes) -> Decided:
    return _decided.decode(value)
