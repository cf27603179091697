"""Step 20: no record bears a time long before that of one that stands before it: nothing was put into the log backdated.

The gateway's clock never goes back (ledger/clock.py), and records stand in the order in which they were written; so their times
ascend, but for the moments between reading a clock and getting a place.
"""

from typing import Any, Final

from caveat.evidence.step import Case, Step
from caveat.evidence.watch import Watch
from caveat.record import Leaf

NUMBER = 20
LAG_MS: Final = 300_000
"""So far a record's time may lie behind: a busy gateway reads its clock, then waits for its place."""


class Times(Watch):
    """Sees every record; keeps the newest time."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._newest = 0

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:  # noqa: ARG002
        """A control record, in the range or before it."""
        self._see(index, leaf)

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:  # noqa: ARG002
        """A record of the range."""
        self._see(index, leaf)

    def _see(self, index: int, leaf: Leaf) -> None:
        back = self._newest - leaf.t
        if back > LAG_MS:
            minutes = back // 60_000
            self._case.findings.fail(
                NUMBER,
                f"record {index} bears a time {minutes} minutes before that of a record that stands before it",
                index,
            )
        self._newest = max(self._newest, leaf.t)


def _take(case: Case) -> None:
    case.findings.proved(
        NUMBER, "times ascend with the records; how they lie to the true time, the log alone cannot show"
    )


STEP = Step(NUMBER, "no record is backdated", _take, watch=Times)
