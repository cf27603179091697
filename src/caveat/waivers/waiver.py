"""What lifts a clause: a waiver, an exception for a scope, a time and a number of uses; or an approval, which releases
one held call."""

from typing import Literal

from msgspec import Struct


class Waiver(Struct, frozen=True):
    """A waiver or an approval in force: its signatures were checked when it was put on record.

    id           `w-` and 16 hex digits; of an approval, the id of the call that was held
    clauses      ids of the clauses that it lifts, each waivable; of an approval, hold clauses
    callers, purposes, models   who and what it covers; empty means any
    from_ms, until_ms   POSIX milliseconds, from_ms <= t < until_ms
    max_uses     >= 1; the ledger counts them
    digest       of the signed document in control/
    terms        the pair's digest: under other terms it lifts nothing; "" for any
    max_rank     the highest marking rank that it covers, -1 for any
    case         the only case that it covers, "" for any or none
    kind         an approval lifts hold clauses only, waivable or not; a waiver forbids and holds, if waivable
    body         of an approval: what names the one body that it releases
    reply        of a release: what names the reply, kept in the vault, that it lets go; "" of an approval of a request.  A
                 release is spent by the call that fetches the reply, and no model is called
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
    terms: str = ""
    max_rank: int = -1
    case: str = ""
    kind: Literal["waiver", "approval"] = "waiver"
    body: str = ""
    reply: str = ""

    def covers(  # noqa: PLR0913 - each is one side of its scope
        self, clause: str, *, terms: str, caller: str, purpose: str, model: str, rank: int, at_ms: int
    ) -> bool:
        """Whether it lifts that clause for that call at that time (uses are counted by the ledger's fence, the case and
        the body are compared by whoever offers it)."""
        return (
            clause in self.clauses
            and self.terms in ("", terms)
            and self.in_time(at_ms)
            and (not self.callers or caller in self.callers)
            and (not self.purposes or purpose in self.purposes)
            and (not self.models or model in self.models)
            and (self.max_rank < 0 or rank <= self.max_rank)
        )

    def in_time(self, at_ms: int) -> bool:
        """Whether it holds at that time."""
        return self.from_ms <= at_ms < self.until_ms
