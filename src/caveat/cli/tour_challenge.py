"""The tour's last chapter: a sample that neither side could steer, opened by the operator, and read again on site."""

import secrets
import time
from collections.abc import Iterator
from io import BytesIO

from caveat.canon import digest
from caveat.cli.tour_story import Cast, Step
from caveat.evidence.bundle import open_bundle
from caveat.evidence.challenge import Challenge, write_challenge
from caveat.evidence.judge import judge
from caveat.evidence.trust import read_trust
from caveat.gateway.proof.answering import Answering
from caveat.keys import new_signing_key

DAY_S = 86_400


def challenge(cast: Cast, bundle: bytes, trust: bytes) -> Iterator[Step]:
    """The outsider asks for what the terms promise; the operator answers; both sit down over what was kept whole."""
    promised = cast.draft.challenges
    openings, days = (promised.openings, promised.days) if promised else (0, 0)
    manifest = open_bundle(BytesIO(bundle)).manifest_bytes
    asked = Challenge(
        cast.home.settings().gateway.origin,
        digest(manifest),
        secrets.token_bytes(32),
        openings,
        int(time.time()) + 30 * DAY_S,
    )
    note = write_challenge(asked, new_signing_key("auditor.example"))
    answering = Answering(cast.home, BytesIO(bundle), note)
    answer = BytesIO()
    opened = answering.answer(answer)
    verdict = judge(BytesIO(bundle), note, answer, read_trust(trust))
    yield Step(
        "The outsider challenges the bundle; the operator reveals its share, and opens what was drawn",
        ok=promised is not None and verdict.sound,
        says=verdict.sentence,
        shown=(
            f"the terms promise {openings} openings, for {days} days; the sample is fixed by a share of each side's",
            f"{opened} of them hold commitments, and were opened; one that is refused counts as a violation",
        ),
    )
    found = answering.reopen()
    yield Step(
        "On site: what the terms had kept whole is read again, request and reply",
        ok=found.sound and found.opened > 0 and found.replies_opened > 0,
        says=found.sentence(),
        shown=(
            "wire, recognizers, facts and decision were made again from the bodies; only counts leave",
            *(f"{count}: {why}" for why, count in found.left_out),
            *(f"record {index}: {why}" for index, why in found.wrong),
        ),
    )
