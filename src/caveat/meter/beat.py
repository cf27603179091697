"""A seal's beat: how far it has counted, signed at every opening and closing, at least every minute, every thousand calls.

A signed note (c2sp.org/signed-note) by the seal's key; the text has these lines, in this order:

    caveat-beat/v1
    seal seal-1
    boot 3                    goes up by one at each start of the seal
    beat 7                    goes up by one within the boot, from 1
    kind tick                 open, tick, close, or lost: a boot that nobody closed, told by the next start
    at 1795351642000          POSIX milliseconds, by the seal's clock
    last 41                   the last number given in this boot, 0 for none
    open 40 41                numbers given whose calls still run, `-` for none
    head <base64url>          head of the last ticket
    tokens 1200 340           the engine's figures over this boot's tickets
    unmeasured 1              tickets of this boot without figures
    refused 2                 requests of this boot that were turned away, and so not counted
    engine 1200 340           the engine's own counters, `-` where it has none that can be read
    total 1040                numbers given over all boots: what a lease counts
    previous 41 <base64url>   last number and head of the boot before (`0` and the first head for boot 1)
    model weights:sha256:...  which model the seal stands before
    records 70000             size of the gateway's log, the largest that the seal has seen

Rules: as for every note, bytes are verified and then parsed; whatever we would not have written is refused.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.meter.ticket import START
from caveat.note import open_note, parse_note, sign_note

LABEL: Final = "caveat-beat/v1"
KINDS: Final = ("open", "tick", "close", "lost")
LAST_KINDS: Final = ("close", "lost")
"""The kinds that end a boot: no number of it is given afterwards."""
MOST_OPEN: Final = 4096
"""A seal takes no more calls at once."""


class Beat(Struct, frozen=True):
    """One beat; fields as in the text above.  `engine` is None where no counters can be read."""

    seal: str
    boot: int
    beat: int
    kind: str
    at_ms: int
    last: int
    open: tuple[int, ...]
    head: str
    tokens: tuple[int, int]
    unmeasured: int
    refused: int
    engine: tuple[int, int] | None
    total: int
    previous: tuple[int, str]
    model: str
    records: int

    @property
    def ended(self) -> int:
        """How many of the boot's numbers have their ticket."""
        return self.last - len(self.open)

    @property
    def text(self) -> bytes:
        """What is signed."""
        pairs = (
            ("seal", self.seal),
            ("boot", self.boot),
            ("beat", self.beat),
            ("kind", self.kind),
            ("at", self.at_ms),
            ("last", self.last),
            ("open", _several(self.open)),
            ("head", self.head),
            ("tokens", _several(self.tokens)),
            ("unmeasured", self.unmeasured),
            ("refused", self.refused),
            ("engine", _several(self.engine or ())),
            ("total", self.total),
            ("previous", f"{self.previous[0]} {self.previous[1]}"),
            ("model", self.model),
            ("records", self.records),
        )
        return "\n".join([LABEL, *(f"{name} {value}" for name, value in pairs), ""]).encode()


def _several(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers)) or "-"


_N = r"(?:0|[1-9][0-9]{0,14})"
_H = r"[A-Za-z0-9_-]{43}"
_TEXT: Final = re.compile(
    rf"{LABEL}\nseal (?P<seal>[!-~]{{1,120}})\nboot (?P<boot>{_N})\nbeat (?P<beat>{_N})\nkind (?P<kind>{'|'.join(KINDS)})\n"
    rf"at (?P<at_ms>{_N})\nlast (?P<last>{_N})\nopen (?P<open>-|{_N}(?: {_N})*)\nhead (?P<head>{_H})\n"
    rf"tokens (?P<tokens>{_N} {_N})\nunmeasured (?P<unmeasured>{_N})\nrefused (?P<refused>{_N})\n"
    rf"engine (?P<engine>-|{_N} {_N})\ntotal (?P<total>{_N})\nprevious (?P<before>{_N}) (?P<before_head>{_H})\n"
    rf"model (?P<model>[!-~]{{1,300}})\nrecords (?P<records>{_N})\n"
)
_COUNTS: Final = ("boot", "beat", "at_ms", "last", "unmeasured", "refused", "total", "records")


def sign_beat(beat: Beat, key: SigningKey) -> bytes:
    """The signed note."""
    return sign_note(beat.text, [key])


def open_beat(raw: bytes, keys: Iterable[VerifyKey]) -> Beat:
    """What the seal says, once its signature by one of these keys holds.  Raises NotVerified."""
    note = open_note(raw, keys)
    beat = _read(note.text)
    if beat.seal not in {key.name for key, _ in note.by}:
        raise NotVerified(f"a beat of `{beat.seal}` is signed by another's key", step="seal")
    return beat


def claimed_beat(raw: bytes) -> Beat:
    """What a note claims to be a beat; its signature is not looked at.  Raises NotVerified."""
    return _read(parse_note(raw).text)


def _read(text: bytes) -> Beat:
    found = _TEXT.fullmatch(text.decode(errors="replace"))
    if found is None:
        raise NotVerified("a seal's beat cannot be read", step="seal")
    beat = Beat(
        seal=found["seal"],
        kind=found["kind"],
        open=_numbers(found["open"]),
        head=found["head"],
        tokens=_pair(found["tokens"]),
        engine=None if found["engine"] == "-" else _pair(found["engine"]),
        previous=(int(found["before"]), found["before_head"]),
        model=found["model"],
        **{name: int(found[name]) for name in _COUNTS},
    )
    if beat.boot < 1 or beat.beat < 1 or not _fits(beat):
        raise NotVerified("a seal's beat says what cannot be", step="seal")
    return beat


def _fits(beat: Beat) -> bool:
    ascending = all(a < b for a, b in zip(beat.open, beat.open[1:], strict=False))
    inside = not beat.open or (beat.open[0] >= 1 and beat.open[-1] <= beat.last)
    first = beat.boot > 1 or beat.previous == (0, START)
    return ascending and inside and first and beat.total >= beat.last and (beat.kind == "open") == (beat.beat == 1)


def _numbers(text: str) -> tuple[int, ...]:
    return () if text == "-" else tuple(int(part) for part in text.split(" "))


def _pair(text: str) -> tuple[int, int]:
    first, _, second = text.partition(" ")
    return int(first), int(second)


class Tickets(Struct, frozen=True, forbid_unknown_fields=True):
    """A control document: tickets that came by no call's reply (`meter.tickets`), as the seal signed them."""

    tickets: tuple[str, ...]


def read_tickets(document: bytes) -> tuple[str, ...]:
    """The lines of such a document.  Raises NotVerified."""
    try:
        return msgspec.json.decode(document, type=Tickets).tickets
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotVerified("a document of tickets cannot be read", step="seal") from None
