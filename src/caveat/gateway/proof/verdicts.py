"""Verdicts that came in: what somebody outside found in a bundle that left, or in the answer to their challenge.

evidence.judged   digest of the bundle's manifest; document: the verdict, a note signed outside (evidence/verdict.py)

Rules of this file: a verdict goes on record as it came, whether it pleases or not; whose word it is, is said to be known only
where a key on record signed it; nothing is in force because of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from caveat.canon import digest
from caveat.console.values import ControlLine
from caveat.errors import NotVerified
from caveat.evidence.verdict import open_verdict, read_verdict
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.house import House
from caveat.keys import read_verify_key
from caveat.note import parse_note
from caveat.register import Register

JUDGED: Final = "evidence.judged"


async def put_verdict(house: House, note: bytes) -> dict[str, Any]:
    """Put a verdict on record that came in.  Raises NotVerified for one about another log, or what is none."""
    said = read_verdict(note)
    if said.origin != house.settings.gateway.origin:
        raise NotVerified(
            f"the verdict is about the log `{said.origin}`, not this one",
            step="verdict",
            hint="it belongs to whoever runs that log",
        )
    await house.note(JUDGED, said.manifest, note)
    return {"verdict": digest(note), "manifest": said.manifest, "holds": said.holds}


def judged(
    lines: Sequence[ControlLine], documents: Documents, bundles: Mapping[str, str], register: Register
) -> list[dict[str, Any]]:
    """Verdicts on record, newest first, each once.  `lines` are their records, newest first; `bundles` names bundles by the
    digest of their manifest; `known` is the role and name of the party whose key signed it, "" for nobody on record."""
    found: dict[str, dict[str, Any]] = {}
    for line in reversed(lines):
        if line.what == JUDGED and line.doc not in found:
            note = documents.read(line.doc)
            said = read_verdict(note)
            found[line.doc] = {
                **msgspec.to_builtins(said),
                "by": [signature.name for signature in parse_note(note).signatures],
                "known": _known(note, register),
                "bundle": bundles.get(said.manifest, ""),
                "judged_ms": said.at_s * 1000,
                "at": line.at,
                "at_ms": line.at_ms,
            }
    return list(reversed(found.values()))


def _known(note: bytes, register: Register) -> str:
    for party in register.parties:
        try:
            key = open_verdict(note, [read_verify_key(party.vkey)])[1]
        except NotVerified:
            continue
        return f"{party.role}: {key.name}"
    return ""
