"""A verdict: what somebody outside found when they verified a bundle, or judged the answer to a challenge, as a signed note
that the operator can put on record beside the bundle.

    caveat-verdict/v1                   format
    example.org/caveat                  the log's origin
    sha256:5a1c...                      digest of the bundle's manifest
    bundle                              what was judged: bundle, or sample (the answer to a challenge)
    holds                               holds or fails
    none                                bundle: the steps that failed, by number; sample: `300 drawn, 0 bad`, over all its strata
    none                                digest of the challenge, for a sample
    1795736013                          when, POSIX seconds by the judge's own clock

    — auditor.example AbCd...

Rules of this file: a verdict is one person's word, and whoever reads it verifies the bundle themselves or not at all; who signed
it is known only to who holds their key; nothing is in force because of it.
"""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from caveat.errors import NotVerified
from caveat.evidence.challenge import LAST_S
from caveat.keys import SigningKey, VerifyKey
from caveat.note import open_note, parse_note, sign_note

FORMAT: Final = "caveat-verdict/v1"
KINDS: Final = ("bundle", "sample")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_STEPS: Final = re.compile(r"[0-9]{1,3}( [0-9]{1,3}){0,99}")
_SAMPLE: Final = re.compile(r"([0-9]{1,12}) drawn, ([0-9]{1,12}) bad")


class Verdict(Struct, frozen=True):
    """What was found.  `failed` are numbers of steps (a bundle's), `drawn` and `bad` counts of records (a sample's),
    `challenge` the digest of its challenge, "" for a bundle; 0 < at_s < LAST_S."""

    origin: str
    manifest: str
    kind: str
    holds: bool
    at_s: int
    failed: tuple[int, ...] = ()
    drawn: int = 0
    bad: int = 0
    challenge: str = ""


def write_verdict(verdict: Verdict, key: SigningKey) -> bytes:
    """The signed note."""
    steps = " ".join(str(number) for number in verdict.failed) or "none"
    lines = (
        FORMAT,
        verdict.origin,
        verdict.manifest,
        verdict.kind,
        "holds" if verdict.holds else "fails",
        f"{verdict.drawn} drawn, {verdict.bad} bad" if verdict.kind == "sample" else steps,
        verdict.challenge or "none",
        str(verdict.at_s),
    )
    return sign_note(("\n".join(lines) + "\n").encode(), [key])


def is_verdict(raw: bytes) -> bool:
    """Whether a note begins as a verdict does."""
    return raw.startswith(f"{FORMAT}\n".encode())


def read_verdict(raw: bytes) -> Verdict:
    """What a note says, whoever signed it.  Raises NotVerified for what is no verdict."""
    return _parse(parse_note(raw).text)


def open_verdict(raw: bytes, keys: Iterable[VerifyKey]) -> tuple[Verdict, VerifyKey]:
    """The same, once one of these keys signed it, and which.  Raises NotVerified."""
    note = open_note(raw, keys)
    return _parse(note.text), note.by[0][0]


def _parse(text: bytes) -> Verdict:
    lines = text.decode().split("\n")
    if len(lines) != 9 or lines[0] != FORMAT or lines[8]:
        raise NotVerified(f"expected a verdict that begins with `{FORMAT}`", step="verdict")
    _, origin, manifest, kind, outcome, found, challenge, at = lines[:8]
    if not _DIGEST.fullmatch(manifest) or not re.fullmatch(r"[0-9]{1,12}", at) or not 0 < int(at) < LAST_S:
        raise NotVerified("the verdict names no bundle, or no time", step="verdict")
    if kind not in KINDS or outcome not in {"holds", "fails"}:
        raise NotVerified("the verdict says neither `holds` nor `fails` of a bundle or a sample", step="verdict")
    verdict = Verdict(origin, manifest, kind, outcome == "holds", int(at))
    return _sample(verdict, found, challenge) if kind == "sample" else _bundle(verdict, found, challenge)


def _bundle(verdict: Verdict, found: str, challenge: str) -> Verdict:
    if challenge != "none" or (found != "none" and (verdict.holds or not _STEPS.fullmatch(found))):
        raise NotVerified("the verdict on a bundle contradicts itself", step="verdict")
    return replace(verdict, failed=() if found == "none" else tuple(map(int, found.split(" "))))


def _sample(verdict: Verdict, found: str, challenge: str) -> Verdict:
    counts = _SAMPLE.fullmatch(found)
    if counts is None or not _DIGEST.fullmatch(challenge):
        raise NotVerified("the verdict on a sample names no challenge, or no counts", step="verdict")
    drawn, bad = int(counts[1]), int(counts[2])
    if bad > drawn or verdict.holds == (bad > 0):
        raise NotVerified("the verdict on a sample contradicts itself", step="verdict")
    return replace(verdict, drawn=drawn, bad=bad, challenge=challenge)
