"""Step 14: no call was let through beyond its terms' lease, by its date, its count or a party's word; and what statements
of end say is so.

The time of a record is the latest that any record up to it bears: so a clock that was set back prolongs nothing.  The
count is of calls that went to the model under the pair, by the records: it is known where the range begins with the first.
"""

from collections import Counter, deque
from typing import Any, Final

import msgspec

from caveat.errors import NotVerified
from caveat.evidence.statement import Counted, open_statement, same_counts
from caveat.evidence.step import Case, Step
from caveat.evidence.watch import Watch
from caveat.record import UNSENT, Leaf
from caveat.terms.lease import FOREVER, Lease, phase_of

NUMBER = 14
RECENT: Final = 64
"""A statement counts from a checkpoint a little before it: so many of a pair's records back its counts are still known."""
LATE_MS: Final = 5_000
"""A call's time is read before its record has a place: others may come between."""


class Leases(Watch):
    """Sees every record; keeps the time, the counts, and the calls that had no lease to stand on."""

    def __init__(self, case: Case) -> None:
        self.used: Counter[str] = Counter()
        self.bounded: set[str] = set()
        self.calls = 0
        self.back = self.ahead = 0
        self.uncounted: set[str] = set()
        self._case = case
        self.statements = 0
        self.unchecked = 0
        self._counted: dict[str, Counted] = {}
        self._recent: dict[str, deque[tuple[int, tuple[Any, ...]]]] = {}
        self._latest = 0
        self._beyond: dict[int, str] = {}

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:
        """The time that a control record bears."""
        self.back += leaf.what == "clock.back"
        self.ahead += leaf.what == "clock.ahead"
        self._latest = max(self._latest, leaf.t)
        if leaf.what == "end.stated":
            self._stated(index, document)

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """A call's first record, or how it ended."""
        self._latest = max(self._latest, leaf.t)
        self._count(index, leaf)
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

    def _count(self, index: int, leaf: Leaf) -> None:
        if leaf.terms:
            counted = self._counted.get(leaf.terms)
            if counted is None:
                counted = self._counted[leaf.terms] = Counted()
                self._recent[leaf.terms] = deque(maxlen=RECENT)
            self._recent[leaf.terms].append((index, msgspec.structs.astuple(counted)))  # its endings are never changed
            counted.add(index, leaf, fetched=self._fetches(leaf))

    def _fetches(self, leaf: Leaf) -> bool:
        """Whether the call fetches a reply that was kept."""
        return bool(leaf.w) and self._case.walk.history.register.fetches(leaf.w)

    def _stated(self, index: int, document: bytes) -> None:
        """A statement of end on record: signed by the log, and counted again."""
        findings = self._case.findings
        try:
            said = open_statement(document, self._case.keys)
        except NotVerified as error:
            findings.fail(NUMBER, f"record {index}: {error.message}", index)
            return
        self.statements += 1
        recent = self._recent.get(said.pair, deque())
        late = [Counted(*before) for at, before in recent if at >= said.head.size]
        known = len(recent) < RECENT or recent[0][0] <= said.head.size
        if self._case.bundle.manifest.start > 0 or not known:
            self.unchecked += 1
        elif not same_counts(said.counted, late[0] if late else self._counted.get(said.pair, Counted())):
            findings.fail(NUMBER, f"record {index}: a statement of end counts otherwise than the records", index)

    def _opened(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        history = self._case.walk.history
        lease, terms = history.register.leases.get(leaf.terms), history.terms.get(leaf.terms)
        if self._fetches(leaf):
            return
        if lease is not None and terms is not None:
            self.calls += 1
            self.bounded |= {leaf.terms} if lease.calls < FOREVER else set()
            continuity, used = terms.draft.continuity, self.used[leaf.terms]
            phase = phase_of(lease, continuity, self._latest - LATE_MS, used)
            if phase == "continuity" and not lease.lapsed_ms and continuity is not None and continuity.days:
                self.uncounted.add(terms.draft.name)
            on = continuity.purposes if continuity is not None else ()
            purpose = values.get("why", {}).get("purpose", "")
            if phase == "lapsed":
                self._beyond[index] = f"it went to the model though `{terms.draft.name}` had lapsed"
            elif phase == "continuity" and on and purpose not in ("", *on):
                self._beyond[index] = f"its purpose is none that `{terms.draft.name}` lets go on after its lease"
            self._denied(index, values, lease, max(used, history.register.sealed_since(terms)))
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
    if watch.unchecked:
        case.findings.limit(NUMBER, f"what {watch.unchecked} statements of end count: not all of it is in the range")
    stated = f"; {watch.statements} statements of end were counted again" if watch.statements > watch.unchecked else ""
    if not watch.calls:
        case.findings.proved(NUMBER, f"no call was made under terms that have a lease{stated}")
        return
    back = (
        f"; the clock was set back {watch.back} times, which is on record and prolonged nothing" if watch.back else ""
    )
    if watch.ahead:
        back += f"; {watch.ahead} times the clock went ahead of the time on record or of the witnesses, which is on record too"
    for name in sorted(watch.uncounted):
        case.findings.limit(NUMBER, f"since when the continuity of `{name}` runs: no record says when its lease lapsed")
    case.findings.proved(NUMBER, f"{watch.calls} calls under a lease{back}{stated}")
    if watch.bounded and case.bundle.manifest.start > 0:
        case.findings.limit(NUMBER, "how many calls were made under the lease before the range")


STEP = Step(NUMBER, "no call was let through beyond its lease", _take, watch=Leases)
