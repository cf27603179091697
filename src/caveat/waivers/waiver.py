"""A waiver: an exception to named clauses, for a scope, a time and a number of uses."""

from msgspec import Struct


class Waiver(Struct, frozen=True):
    """A waiver in force: its approvals were checked when it was granted.

    clauses      ids of the clauses that it lifts, each waivable
    callers, purposes, models   who and what it covers; empty means any
    from_ms, until_ms   POSIX milliseconds, from_ms <= t < until_ms
    max_uses     >= 1; the ledger counts them
    digest       of the signed document in control/
    """

    id: str
    clauses: tuple[str, ...]
    callers: tuple[str, ...]
    purposes: tuple[str, ...]
    models: tuple[str, ...]
    reason: str
    from_ms: int
    until_ms: int
    max_uses: int
    requester: str
    approvers: tuple[str, ...]
    digest: str

    def covers(self, clause: str, *, caller: str, purpose: str, model: str, at_ms: int) -> bool:
        """Whether it lifts that clause for that call at that time (uses are counted by the ledger's fence)."""
        return (
            clause in self.clauses
            and self.from_ms <= at_ms < self.until_ms
            and (not self.callers or caller in self.callers)
            and (not self.purposes or purpose in self.purposes)
            and (not self.models or model in self.models)
        )
