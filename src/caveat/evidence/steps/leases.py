"""Step 14: no call was let through beyond its terms' lease, by its date, its count or a party's word.

The time of a record is the latest that any record up to it bears: so a clock that was set back prolongs nothing.  The
count is of calls that went to the model under the pair, by the records: it is known where the range begins with the first.
"""

from collections import Counter
from typing import Any, Final

from caveat.evidence.step import Case, Step
from caveat.record import UNSENT, Leaf
from caveat.terms.lease import FOREVER, Lease, phase_of

NUMBER = 14
LATE_MS: Final = 5_000
"""A call's time is read before its record has a place: others may come between."""


class Leases:
    """Sees every record; keeps the time, the counts, and the calls that had no lease to stand on."""

    def __init__(self, case: Case) -> None:
        self.used: Counter[str] = Counter()
        self.bounded: set[str] = set()
        self.calls = 0
        self.back = 0
        self._case = case
        self._latest = 0
        self._beyond: dict[int, str] = {}

    def control(self, _index: int, leaf: Leaf, _document: bytes) -> None:
        """The time that a control record bears."""
        self.back += leaf.what == "clock.back"
        self._latest = max(self._latest, leaf.t)

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """A call's first record, or how it ended."""
        self._latest = max(self._latest, leaf.t)
        if leaf.k == "opened":
            self._opened(index, leaf, values)
        elif leaf.k == "settled" and leaf.o in UNSENT:
            place = leaf.at if leaf.at >= 0 else index - 1
            self._beyond.pop(place, None)
            self.used[leaf.terms] -= 1

    def finish(self) -> None:
        """Calls that went to the model though no lease let them."""
        for index, why in sorted(self._beyond.items()):
            self._case.findings.fail(NUMBER, f"record {index}: {why}", index)

    def _opened(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        history = self._case.walk.history
        lease, terms = history.register.leases.get(leaf.terms), history.terms.get(leaf.terms)
        if history.register.fetches(leaf.w):
            return
        if lease is not None and terms is not None:
            self.calls += 1
            self.bounded |= {leaf.terms} if lease.calls < FOREVER else set()
            continuity, used = terms.draft.continuity, self.used[leaf.terms]
            phase = phase_of(lease, continuity, self._latest - LATE_MS, used)
            on = continuity.purposes if continuity is not None else ()
            purpose = values.get("why", {}).get("purpose", "")
            if phase == "lapsed":
                self._beyond[index] = f"it went to the model though `{terms.draft.name}` had lapsed"
            elif phase == "continuity" and on and purpose not in ("", *on):
                self._beyond[index] = f"its purpose is none that `{terms.draft.name}` lets go on after its lease"
            self._denied(index, values, lease, used)
        self.used[leaf.terms] += 1

    def _denied(self, index: int, values: dict[str, Any], lease: Lease, used: int) -> None:
        """A denial for want of a lease must be one: nobody hides a call behind it."""
        if values.get("decision", {}).get("rule") != "lapsed" or self._case.bundle.manifest.start > 0:
            return
        if phase_of(lease, None, self._latest + LATE_MS, used) == "running":
            self._case.findings.fail(NUMBER, f"record {index}: it was denied as lapsed, and its lease ran on", index)


def _take(case: Case) -> None:
    watch = case.watches[NUMBER]
    assert isinstance(watch, Leases)
    watch.finish()
    if not watch.calls:
        case.findings.proved(NUMBER, "no call was made under terms that have a lease")
        return
    back = (
        f"; the clock was set back {watch.back} times, which is on record and prolonged nothing" if watch.back else ""
    )
    case.findings.proved(NUMBER, f"{watch.calls} calls under a lease{back}")
    if watch.bounded and case.bundle.manifest.start > 0:
        case.findings.limit(NUMBER, "how many calls were made under the lease before the range")


STEP = Step(NUMBER, "no call was let through beyond its lease", _take, watch=Leases)
