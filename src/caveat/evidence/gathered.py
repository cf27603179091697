"""What a report counts over the range, beside what the steps prove: calls by day and clause, waivers, silence.

Rules of this file: a day is one of UTC by the gateway's clock, as each record bears it; clauses are counted where the
decision is disclosed, and how many were not is told.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from caveat.evidence.step import Case
from caveat.evidence.watch import Watch
from caveat.record import Leaf

REFUSED: Final = ("deny", "hold")
QUIET_MS: Final = 3_600_000


class Silence(Struct, frozen=True):
    """A time without any record: behind which record it began, and how long it was, in milliseconds."""

    index: int
    from_ms: int
    ms: int


class Gathered(Watch):
    """A watch (step.py) that counts.

    days      day -> endings of calls that began on it or were refused
    clauses   clause -> day -> calls that it denied or held
    closed    calls whose decision was not disclosed
    quiet     the longest times without a record, an hour and more, longest first
    """

    def __init__(self, case: Case) -> None:
        self.days: dict[str, Counter[str]] = {}
        self.clauses: dict[str, Counter[str]] = {}
        self.measured: dict[str, bytes] = {}
        self.closed = 0
        self._quiet: list[Silence] = []
        self._last: tuple[int, int] | None = None
        self._case = case

    @property
    def quiet(self) -> tuple[Silence, ...]:
        """Longest first, ten at most."""
        return tuple(sorted(self._quiet, key=lambda silence: -silence.ms)[:10])

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """Count one record of the range."""
        self._listen(index, leaf)
        day = day_of(leaf.t)
        if leaf.k in {"settled", "refused"}:
            ending = "unreadable" if leaf.k == "refused" else leaf.o
            self.days.setdefault(day, Counter())[ending] += 1
        if leaf.k == "opened" or leaf.o == "stopped":
            self._decision(day, values.get("decision"))

    def control(self, _index: int, leaf: Leaf, document: bytes) -> None:
        """Keep the newest measurement of each terms."""
        if leaf.what == "coverage.measured":
            self.measured[leaf.id] = document

    def _decision(self, day: str, decision: Any) -> None:
        if not isinstance(decision, dict):
            self.closed += 1
            return
        if decision.get("verdict") in REFUSED:
            named = decision.get("clauses") or [f"({decision.get('rule')})"]
            for clause in named if isinstance(named, list) else ():
                self.clauses.setdefault(str(clause), Counter())[day] += 1

    def _listen(self, index: int, leaf: Leaf) -> None:
        if self._last is not None and leaf.t - self._last[1] >= QUIET_MS:
            self._quiet.append(Silence(self._last[0], self._last[1], leaf.t - self._last[1]))
            self._quiet = sorted(self._quiet, key=lambda silence: -silence.ms)[:50]
        self._last = (index, max(leaf.t, self._last[1] if self._last else 0))


def day_of(at_ms: int) -> str:
    """The day of UTC, `2026-11-26`; a time that no calendar has is told as that."""
    return _told(at_ms, "%Y-%m-%d")


def moment_of(at_ms: int) -> str:
    """The minute of UTC, `2026-11-26 17:35`."""
    return _told(at_ms, "%Y-%m-%d %H:%M")


def _told(at_ms: int, form: str) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime(form)
    except (OverflowError, ValueError, OSError):
        return "no day"
