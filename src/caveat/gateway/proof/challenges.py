"""Challenges that came in, and what was answered: both on record, so that no page or file of ours can tell another story.

evidence.challenged   digest of the challenged bundle's manifest; document: the challenge, a note signed outside
evidence.answered     digest of the challenge; document Answered: how many records were drawn and opened, which file left

Rules of this file: a challenge goes on record as it came, whoever signed it; an answer is on record before its file has a
name; neither record changes anything that is in force.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical, digest
from caveat.console.values import ControlLine
from caveat.errors import NotVerified
from caveat.evidence.challenge import LAST_S, Challenge, read_challenge
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.house import House
from caveat.note import parse_note

CHALLENGED: Final = "evidence.challenged"
ANSWERED: Final = "evidence.answered"
FORMAT: Final = "caveat-answered/v1"
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
Count = Annotated[int, Meta(ge=0, le=2**40)]


class Answered(Struct, frozen=True, forbid_unknown_fields=True):
    """An answer that leaves: to which challenge, the digest of its file, the profile, records drawn and opened."""

    format: str
    challenge: Digest
    answer: Digest
    profile: str
    drawn: Count
    opened: Count


def write_answered(challenge: bytes, answer: bytes, profile: str, drawn: int, opened: int) -> bytes:
    """The control document of an answer."""
    said = Answered(FORMAT, digest(challenge), digest(answer), profile, drawn, opened)
    return canonical(msgspec.to_builtins(said))


def read_answered(document: bytes) -> Answered:
    """The same, read.  Raises NotVerified."""
    try:
        said = msgspec.json.decode(document, type=Answered)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    if said is None or said.format != FORMAT or said.opened > said.drawn:
        raise NotVerified("this is no word about an answer to a challenge", step="challenge")
    return said


async def put_challenge(house: House, note: bytes) -> dict[str, Any]:
    """Put a challenge on record that came in.  Raises NotVerified for one of another log, or what is none."""
    asked = read_challenge(note)
    if asked.origin != house.settings.gateway.origin:
        raise NotVerified(
            f"the challenge is about the log `{asked.origin}`, not this one",
            step="challenge",
            hint="it belongs to whoever runs that log",
        )
    if not 0 < asked.due_s < LAST_S:
        raise NotVerified("the challenge names no day by which it is due", step="challenge")
    await house.note(CHALLENGED, asked.manifest, note)
    return {"challenge": digest(note), "openings": asked.openings, "due_s": asked.due_s}


async def put_answered(house: House, document: bytes) -> dict[str, Any]:
    """Put on record that an answer is leaving.  Raises NotVerified."""
    said = read_answered(document)
    await house.note(ANSWERED, said.challenge, canonical(msgspec.to_builtins(said)))
    return {"answered": said.challenge}


def listed(
    lines: Sequence[ControlLine], documents: Documents, bundles: Mapping[str, str], now_ms: int
) -> list[dict[str, Any]]:
    """Challenges on record, newest first, each once with its answers.

    `lines` are their records, newest first; `bundles` names bundles by the digest of their manifest.  `state` is open,
    overdue, answered or late (answered only after the day that the challenge set).
    """
    found: dict[str, dict[str, Any]] = {}
    answers: dict[str, list[dict[str, Any]]] = {}
    for line in reversed(lines):
        if line.what == CHALLENGED and line.doc not in found:
            found[line.doc] = {**_told(documents.read(line.doc), bundles), "at": line.at, "at_ms": line.at_ms}
        elif line.what == ANSWERED:
            said = {**msgspec.to_builtins(read_answered(documents.read(line.doc))), "at": line.at, "at_ms": line.at_ms}
            answers.setdefault(line.of, []).append(said)
    rows = [{**row, "answers": answers.get(name, []), "id": name} for name, row in found.items()]
    return [{**row, "state": _state(row, now_ms)} for row in reversed(rows)]


def _told(note: bytes, bundles: Mapping[str, str]) -> dict[str, Any]:
    asked: Challenge = read_challenge(note)
    return {
        "by": tuple(signature.name for signature in parse_note(note).signatures),
        "bundle": bundles.get(asked.manifest, ""),
        "manifest": asked.manifest,
        "openings": asked.openings,
        "strata": asked.strata,
        "due_ms": asked.due_s * 1000,
    }


def _state(row: dict[str, Any], now_ms: int) -> str:
    if not row["answers"]:
        return "open" if now_ms <= row["due_ms"] else "overdue"
    return "answered" if min(one["at_ms"] for one in row["answers"]) <= row["due_ms"] else "late"
