"""A recorded call as a replay needs it: what was decided, and the facts, opened from the vault.

Rules of this file: a value is used only if the leaf's commitment covers the very bytes that hold it; what was withheld or
destroyed is missing, and nobody guesses it; equal bytes are read once (PIECES remembered), for most calls are alike in
most of what they are.

What lies beside a leaf is `{"d":["<disclosure>",..],"key":".."}`, a disclosure `base64url(["salt", "name", value])`
(record.py): 22 characters of salt, so the name begins at byte 27, which is character 36 of the base64; from there on equal
values are equal text.
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
NAME_AT: Final = 36
"""Behind `["` and 22 characters of salt and `","`, as base64."""
BEGINS, ENDS = b'{"d":["', b'"],"key":"'


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


class Opener:
    """Opens records for the names of commitments that are wanted."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._names = {b2a_base64(name.encode("ascii")[:3], newline=False): name for name in wanted}
        if len(self._names) < len(wanted) or min(map(len, wanted), default=3) < 3:
            raise AssertionError(wanted)  # names are told apart by their first three letters; ours are
        self._known: dict[bytes, bytes] = {}

    def open(self, leaf: Leaf, aside: bytes) -> Opened | None:
        """What lies beside the leaf of what is wanted, None where nothing does, or where it cannot be read or does not
        fit the leaf."""
        if not aside:
            return None
        try:
            found = self._opened(leaf.c, _disclosures(aside))
            decision = _decision(found.pop("decision")) if "decision" in found else None
            request = found.pop("request", None)
            identity = _answered.decode(request).model if request is not None else None
        except (msgspec.DecodeError, ValueError):
            return None
        return Opened(found, decision, identity)

    def _opened(self, commitments: Mapping[str, str], disclosures: Iterable[bytes]) -> dict[str, bytes]:
        """Name -> value as bytes of JSON.  Raises ValueError where no commitment covers it.

        One loop, for it runs ten times a call; the bytes are those that were committed to, so nothing about how they are
        written need be checked but what they say.
        """
        found: dict[str, bytes] = {}
        names, known = self._names, self._known
        for disclosure in disclosures:
            said = disclosure[NAME_AT:]
            name = names.get(said[:4])
            if name is None:
                continue
            value = known.get(said)
            if value is None:
                value = self._read(name, said)
            digest = b2a_base64(sha256(disclosure).digest(), newline=False).translate(URL, b"=").decode()
            if commitments.get(name) == digest:
                found[name] = value
            elif value:
                raise ValueError(name)
        return found

    def _read(self, name: str, said: bytes) -> bytes:
        """The value behind the salt, b"" where it is another name's that begins alike; kept, for most calls are alike."""
        found, _, value = a2b_base64(said.translate(STANDARD) + b"==").partition(b'",')
        value = value[:-1] if found.decode("ascii") == name else b""
        if len(self._known) >= PIECES:
            self._known.clear()
        self._known[said] = value
        return value


def _disclosures(aside: bytes) -> list[bytes]:
    """The disclosures in an aside: cut out where it is written as ours are, for that is quicker than reading JSON."""
    if aside.startswith(BEGINS) and (end := aside.rfind(ENDS)) > 0:
        return aside[len(BEGINS) : end].split(b'","')
    return [disclosure.encode("ascii") for disclosure in _aside.decode(aside).d]


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
