"""Step 17: the vendor was told of every call that wants it (duty `notify.vendor`): a note signed by the log stands behind the
call's outcome."""

from typing import Any, Final

from caveat.errors import NotVerified
from caveat.evidence.step import Case, Step
from caveat.evidence.watch import Watch
from caveat.record import Leaf
from caveat.register.notices import check_notice, read_notice

NUMBER: Final = 17
NOTIFY: Final = "notify.vendor"


class Notices(Watch):
    """Sees every record: which calls owed a note by the last decision that is disclosed, and which have one."""

    def __init__(self, case: Case) -> None:
        self.told = 0
        self.withheld = 0
        self._case = case
        self._owed: dict[str, int] = {}

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """How a call ended."""
        if leaf.k != "settled" or "decision" not in leaf.c:
            return
        decision = values.get("decision")
        if decision is None:
            self.withheld += 1
        elif decision["verdict"] != "deny" and any(duty["name"] == NOTIFY for duty in decision["duties"]):
            self._owed[leaf.call] = index

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:
        """A note."""
        if leaf.what != "vendor.notified":
            return
        try:
            notice, sealed = read_notice(document)
            check_notice(sealed, self._case.keys)
        except NotVerified as error:
            self._case.findings.fail(NUMBER, f"record {index}: {error.message}", index)
            return
        self._owed.pop(notice.call, None)
        self.told += 1

    def finish(self) -> None:
        """Calls of which nobody was told."""
        for call, index in sorted(self._owed.items(), key=lambda pair: pair[1]):
            self._case.findings.fail(NUMBER, f"record {index}: no note tells the vendor of the call `{call}`", index)


def _take(case: Case) -> None:
    seen = case.watches[NUMBER]
    assert isinstance(seen, Notices)
    seen.finish()
    case.findings.proved(NUMBER, f"{seen.told} notes for the vendor, each signed by the log")
    if seen.withheld:
        case.findings.limit(NUMBER, f"{seen.withheld} calls whose duties are not disclosed")


STEP = Step(NUMBER, "the vendor was told of every call that wants it", _take, watch=Notices)
