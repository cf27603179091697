"""How long terms hold: the lease that the vendor renews, the continuity after it, and what a revocation leaves of both.

    lease: {until: 2027-06-30, calls: 1000000}        the first of both that comes ends it
    continuity: {days: 14, calls: 1000, purposes: [translation], after: [lapse, revocation]}

Rules of this file: pure; a state follows from the terms, what was imported since, a time and a count, and from nothing
else; FOREVER stands for a bound that is not set, so that bounds compare as numbers.
"""

from typing import Final, Literal

from msgspec import Struct

FOREVER: Final = 2**53 - 1
"""A time (POSIX ms) or a count that is never reached."""

Phase = Literal["running", "continuity", "lapsed"]
"""running: the terms hold.  continuity: only what they grant beyond their lease.  lapsed: they allow nothing."""

After = Literal["lapse", "revocation"]


class LeaseRule(Struct, frozen=True):
    """What both parties signed: until when, for how many sealed calls; FOREVER where one is not set."""

    until_ms: int = FOREVER
    calls: int = FOREVER


class Continuity(Struct, frozen=True):
    """What goes on after the lease: so many days after its date, so many calls beyond its count.

    purposes   for these alone; all where it is empty
    after      what it follows: the lapse of the lease, a revocation by the vendor
    """

    days: int = 0
    calls: int = 0
    purposes: tuple[str, ...] = ()
    after: tuple[After, ...] = ("lapse",)


class Lease(Struct, frozen=True):
    """What is left of a pair's time: its own lease, or the newest renewal; shortened where a party revoked it.

    issued_ms    when the newest renewal was signed, 0 where there was none
    revoked_by   the party that revoked the terms ("vendor", "operator"), "" where none has
    lapsed_ms    when it was put on record that the lease is over, 0 where it is not
    """

    until_ms: int = FOREVER
    calls: int = FOREVER
    issued_ms: int = 0
    revoked_by: str = ""
    lapsed_ms: int = 0


class Bound(Struct, frozen=True):
    """A phase lasts while the time is before `before_ms` and fewer than `calls` calls were made."""

    before_ms: int
    calls: int

    def holds(self, at_ms: int, used: int) -> bool:
        """Whether another call fits."""
        return at_ms < self.before_ms and used < self.calls


NO_BOUND: Final = Bound(FOREVER, FOREVER)
DAY_MS: Final = 86_400_000


def running(lease: Lease) -> Bound:
    """How long the terms hold in full."""
    return Bound(lease.until_ms, lease.calls)


def continuing(lease: Lease, continuity: Continuity | None) -> Bound | None:
    """How long their continuity lasts; None where they grant none for how this lease ends.

    A party that stops by its own word keeps nothing: continuity after a revocation is the operator's, and only where the
    vendor revoked.
    """
    end: After = "revocation" if lease.revoked_by else "lapse"
    if continuity is None or end not in continuity.after or lease.revoked_by == "operator":
        return None
    days = continuity.days * DAY_MS
    before = _more(lease.until_ms, days)
    if days and lease.lapsed_ms:  # its count was used up before its day: the days run from there
        before = min(before, _more(lease.lapsed_ms, days))
    return Bound(before, _more(lease.calls, continuity.calls))


def phase_of(lease: Lease | None, continuity: Continuity | None, at_ms: int, used: int) -> Phase:
    """What the terms allow at that time, once so many calls were made under them.  `lease` is None where they have none."""
    if lease is None or running(lease).holds(at_ms, used):
        return "running"
    beyond = continuing(lease, continuity)
    return "continuity" if beyond is not None and beyond.holds(at_ms, used) else "lapsed"


def bound_of(phase: Phase, lease: Lease | None, continuity: Continuity | None) -> Bound:
    """How long a phase that is not `lapsed` lasts."""
    if lease is None:
        return NO_BOUND
    beyond = continuing(lease, continuity)
    return beyond if phase == "continuity" and beyond is not None else running(lease)


def _more(of: int, more: int) -> int:
    return min(FOREVER, of + more)


DAYS: Final = (30, 7, 1)
PER_CENT: Final = (20, 5, 1)
Nearness = tuple[int, str]
"""How urgent (0: not; 1, 2, 3; 4: lapsed), and the sentence."""


def warning(lease: Lease, at_ms: int, used: int) -> Nearness:
    """How near the lease is to its end: at 30, 7 and 1 day, at 20, 5 and 1 per cent of its count."""
    left_ms, left = lease.until_ms - at_ms, lease.calls - used
    if lease.revoked_by and left_ms <= 0:
        return 4, f"revoked by the {lease.revoked_by}"
    if left_ms <= 0 or left <= 0:
        return 4, "the lease has lapsed" + (" by its count" if left_ms > 0 else "")
    by_date = sum(left_ms <= days * DAY_MS for days in DAYS)
    by_count = sum(left * 100 <= part * lease.calls for part in PER_CENT) if lease.calls < FOREVER else 0
    if not by_date and not by_count:
        return 0, ""
    days = left_ms // DAY_MS
    when = f"{days} days" if days > 1 else "1 day" if days == 1 else f"{max(2, -(-left_ms // 3_600_000))} hours"
    parts = [f"in {when}"] * bool(by_date) + [f"after {left} more calls"] * bool(by_count)
    return max(by_date, by_count), f"the lease lapses {' or '.join(parts)}"
