"""A verdict as a file: what `caveat verify` and `caveat evidence audit` found, signed, for the other side's record."""

import time
from pathlib import Path

from caveat.canon import digest
from caveat.cli.files import signing_key, write_new
from caveat.errors import BadInput
from caveat.evidence.bundle import open_bundle
from caveat.evidence.challenge import read_challenge
from caveat.evidence.judge import Verdict as Judged
from caveat.evidence.report import Report
from caveat.evidence.verdict import Verdict, write_verdict
from caveat.keys import SigningKey


def signer(verdict: Path | None, key: Path | None) -> SigningKey | None:
    """Who signs the verdict, None where none is wanted.  Raises BadInput where one is wanted and nobody signs."""
    if verdict is None:
        return None
    if key is None:
        raise BadInput("a verdict is somebody's signed word", hint="`--key FILE`, as `caveat party init` makes it")
    if verdict.exists():
        raise BadInput(f"`{verdict}` exists and is not written over")
    return signing_key(key)


def write_for_bundle(output: Path, bundle: Path, report: Report, key: SigningKey) -> None:
    """What a verification found.  Raises NotVerified for a file that is no bundle: about what would it be?"""
    with bundle.open("rb") as file:
        opened = open_bundle(file)
    failed = tuple(step.number for step in report.failed)
    name = digest(opened.manifest_bytes)
    found = Verdict(opened.manifest.origin, name, "bundle", report.verified, int(time.time()), failed)
    write_new(output, write_verdict(found, key))


def write_for_sample(output: Path, challenge: bytes, judged: Judged, key: SigningKey) -> None:
    """What the judging of an answer found."""
    asked = read_challenge(challenge)
    found = Verdict(
        asked.origin,
        asked.manifest,
        "sample",
        judged.sound,
        int(time.time()),
        drawn=sum(part.opened for part in judged.strata),
        bad=sum(part.bad for part in judged.strata),
        challenge=digest(challenge),
    )
    write_new(output, write_verdict(found, key))
