"""Step 19: what is said about the terms is on record, with its standing, and changed nothing that holds."""

from collections import Counter

from caveat.evidence.step import Case, Step
from caveat.evidence.watch import Watch
from caveat.record import Leaf
from caveat.terms.claim import STANDINGS, sources, standing_of

NUMBER = 19
ACTS = ("terms.claimed", "claim.reviewed")


class Claims(Watch):
    """Sees every control record; what a decision stands on must be the same before a claim and after it."""

    LOOKS = False

    def __init__(self, case: Case) -> None:
        self._case = case
        self._fence = ""

    def control(self, index: int, leaf: Leaf, _document: bytes) -> None:
        """A control record, once it was folded."""
        fence = self._case.walk.history.register.fence
        if leaf.what in ACTS and self._fence and fence != self._fence:
            self._case.findings.fail(NUMBER, f"record {index}: a claim changed what decisions stand on", index)
        self._fence = fence

    def record(self, index: int, leaf: Leaf, values: object) -> None:
        """Claims say nothing of calls."""


def _take(case: Case) -> None:
    claims = case.walk.history.register.claims
    if not claims:
        case.findings.proved(NUMBER, "nothing that was said about the terms is on record")
        return
    counted = Counter(standing_of(one, claims) for one in claims.values())
    told = ", ".join(f"{counted[standing]} {standing}" for standing in STANDINGS if counted[standing])
    groups = len(sources(claims.values()))
    case.findings.proved(
        NUMBER, f"{len(claims)} claims that go back to {groups} sources: {told}; none changed what holds"
    )


STEP = Step(NUMBER, "what was said about the terms changed nothing that holds", _take, watch=Claims)
