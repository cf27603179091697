"""Pairing each call's first record with its outcome, in one pass over the range.

Rules of this file: an outcome names the place of the record that it settles, or stands right behind it (both written at
once); a record is settled once; what was denied or held was never sent to the model; what still lacks its outcome at the
end of the range is named, and after an hour by the gateway's own clock it fails.
"""

from typing import Final

from msgspec import Struct

from caveat.decide.decision import Decision
from caveat.errors import NotVerified
from caveat.evidence.replay import Replayed
from caveat.facts import Facts
from caveat.record import Leaf

OPEN_MS: Final = 3_600_000
"""How long a call may lack its outcome, by the gateway's clock, before that counts as a failure."""
MAX_KEPT_FACTS: Final = 1 << 16
"""How many open calls' facts are remembered for the decision over their reply."""

REVIEW: Final = "review.human"
_ENDS: Final = {"deny": ("denied", "unknown"), "hold": ("held", "unknown")}


class Pending(Struct, frozen=True, gc=False):
    """A call that has no outcome yet: its record's time, and what its disclosures said."""

    call: str
    terms: str
    at_ms: int
    decision: Decision | None
    facts: Facts | None
    spends: tuple[str, ...] = ()


class Calls:
    """Open calls of the range from `start` on.

    ended     calls whose both records stand in the range
    earlier   outcomes of calls that began before the range
    judged    outcomes compared with a disclosed decision
    """

    def __init__(self, start: int) -> None:
        self.ended = self.earlier = self.judged = 0
        self._start = start
        self._open: dict[int, Pending] = {}
        self._facts = 0
        self._newest_ms = 0

    def begin(self, index: int, leaf: Leaf, replayed: Replayed) -> None:
        """A call's first record."""
        facts = replayed.facts if self._facts < MAX_KEPT_FACTS else None
        self._facts += facts is not None
        self._open[index] = Pending(leaf.call, leaf.terms, leaf.t, replayed.decision, facts, leaf.w)
        self._newest_ms = max(self._newest_ms, leaf.t)

    def settle(self, index: int, leaf: Leaf) -> Pending | None:
        """The call that an outcome settles, None where it began before the range.  Raises NotVerified."""
        place = leaf.at if leaf.at >= 0 else index - 1
        if not 0 <= place < index:
            raise _no(f"it settles record {place}, which does not come before it")
        if place < self._start:
            self.earlier += 1
            return None
        pending = self._open.pop(place, None)
        if pending is None:
            raise _no(f"it settles record {place}, which is no open call")
        self._facts -= pending.facts is not None
        if (pending.call, pending.terms) != (leaf.call, leaf.terms):
            raise _no(f"it settles record {place}, but names another call or other terms")
        self.ended += 1
        return pending

    def judge(self, leaf: Leaf, asked: Decision | None, last: Decision | None, *, released: bool = False) -> None:
        """Return if how a call ended fits its decisions, as far as they are known; `released`: persons have released the
        reply that it got.  Raises NotVerified."""
        if leaf.o in {"denied", "held"} and leaf.tok is not None:
            raise _no(f"the call ended `{leaf.o}`, but the model counted tokens for it")
        if asked is None:
            return
        self.judged += 1
        allowed = _ENDS.get(asked.verdict)
        if allowed and leaf.o not in allowed:
            raise _no(f"the decision was {asked.verdict}, but the call ended `{leaf.o}`")
        if not allowed and leaf.o in {"denied", "held"}:
            raise _no(f"the decision was allow, but the call ended `{leaf.o}`")
        if last is not None:
            _judge_reply(leaf, last, released=released)

    def still_open(self) -> tuple[int, ...]:
        """Indices of the calls that have no outcome in the range, ascending."""
        return tuple(self._open)

    def overdue(self) -> tuple[int, ...]:
        """Those that have none an hour after they began, by the clock of the newest call."""
        return tuple(i for i, p in self._open.items() if self._newest_ms - p.at_ms > OPEN_MS)


def _judge_reply(leaf: Leaf, last: Decision, *, released: bool) -> None:
    """Return if a call that got as far as a reply ended as the last decision over it says."""
    review = any(duty.name == REVIEW for duty in last.duties)
    if leaf.o == "completed" and last.verdict != "allow":
        raise _no(f"the last decision over the reply was {last.verdict}, but the call ended `completed`")
    if leaf.o == "completed" and review and not released:
        raise _no("a person was to release the reply, but the call ended `completed` without a release")
    if leaf.o == "withheld" and last.verdict != "hold" and not (last.verdict == "allow" and review):
        raise _no(f"the last decision over the reply was {last.verdict}, but the call ended `withheld`")


def _no(why: str) -> NotVerified:
    return NotVerified(why, step="calls")
