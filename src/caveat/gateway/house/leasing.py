"""What the lease of some terms lets through now, and how near its end is.

Rules of this file: the ledger alone counts and keeps the time, at the index of each call; what a process believes before
that only saves it the asking.  Counted are calls that went to the model: those that were allowed, by the ledger, and
what the terms' seals have counted beyond them: whoever went round the gateway has used the lease all the same.
"""

from contextlib import suppress
from typing import Any

from msgspec import Struct

from caveat.canon import canonical
from caveat.errors import NotVerified, StaleFence
from caveat.gateway.house.house import House
from caveat.gateway.house.past import LEASE as PREFIX
from caveat.gateway.house.view import View
from caveat.ledger.clock import AHEAD_MS, BACK_MS
from caveat.ledger.fence import TIME
from caveat.ledger.log import Fence
from caveat.register import Register
from caveat.terms.document import Terms
from caveat.terms.lease import FOREVER, Phase, bound_of, phase_of, warning
from caveat.terms.moment import moment_text

LONG_MS = 86_400_000
"""So long after the newest record, a start says so."""


class Leased(Struct, frozen=True):
    """What one call stands on: the phase, and up to when and how many calls it lasts; `of` is "" without a lease.

    calls   as the lease has it        left   as the ledger may count, where seals have counted more than it
    """

    phase: Phase = "running"
    of: str = ""
    calls: int = FOREVER
    left: int = FOREVER
    before_ms: int = 0

    @property
    def spends(self) -> tuple[tuple[str, int], ...]:
        """What an allowed call spends of it."""
        return ((self.of, self.left),) if self.of else ()


async def leased(house: House, view: View, terms: Terms) -> Leased:
    """The phase in which a call under these terms is decided now."""
    lease, continuity = view.register.leases.get(terms.digest), terms.draft.continuity
    if lease is None:
        return Leased()
    of, unseen = PREFIX + terms.digest, await beyond(house, view.register, terms)
    used = max((count for name, count in house.exhausted_leases if name == of), default=0)
    phase = phase_of(lease, continuity, house.now_ms(), max(used, unseen))
    if phase == "lapsed":
        return Leased("lapsed", of)
    bound = bound_of(phase, lease, continuity)
    before_ms = 0 if bound.before_ms >= FOREVER else bound.before_ms
    return Leased(phase, of, bound.calls, max(0, bound.calls - unseen), before_ms)


async def put_lapse(house: House, view: View, terms: Terms, stood: Leased) -> bool:
    """Put on record, once, that a lease is over; whether it was, so that the call is decided again under what is then in
    force.  Raises Unavailable."""
    lease = view.register.leases.get(terms.digest)
    if lease is None or lease.lapsed_ms or stood.phase == "running":
        return False
    with suppress(NotVerified):  # another process was faster, or the terms have ended: what is in force was taken up
        await house.amend("lease.lapsed", terms.draft.id)
    return True


async def beyond(house: House, register: Register, terms: Terms) -> int:
    """Calls that the seals of these terms have counted, and the ledger has not."""
    if not terms.draft.seals:
        return 0
    return max(0, register.sealed_since(terms) - await house.log.spent(PREFIX + terms.digest))


def learn_from(house: House, stale: StaleFence, stood: Leased) -> bool:
    """Take up why the ledger refused an append; whether it was for the lease."""
    if stale.exhausted == TIME:
        house.clock.saw(stood.before_ms)
    elif stood.of and stale.exhausted == stood.of:
        house.exhausted_leases.add((stood.of, stood.calls))
    else:
        return False
    return True


def fence_of(view: View, spends: tuple[tuple[str, int], ...], stood: Leased, *, sent: bool) -> Fence:
    """What a call's first append stands on: what is in force, the exceptions that it uses, and the lease if it is going to
    be sent to the model: a reply that was kept and released is not asked for again."""
    if not sent:
        return Fence(expects=view.fence, spends=spends)
    return Fence(expects=view.fence, spends=(*spends, *stood.spends), before_ms=stood.before_ms)


async def leases(house: House) -> list[dict[str, Any]]:
    """Every lease in force: its bounds, what is used of it, its phase, and how urgent its end is (0 to 4)."""
    register, rows = house.view.register, []
    for terms in register.terms.values():
        lease = register.leases.get(terms.digest)
        if lease is None:
            continue
        used = await house.log.spent(PREFIX + terms.digest) + await beyond(house, register, terms)
        now = house.now_ms()
        urgency, says = warning(lease, now, used)
        rows.append(
            {
                "terms": terms.draft.name,
                "digest": terms.digest,
                "lapsed_at": moment_text(lease.lapsed_ms) if lease.lapsed_ms else "",
                "phase": phase_of(lease, terms.draft.continuity, now, used),
                "until": "" if lease.until_ms >= FOREVER else moment_text(lease.until_ms),
                "calls": 0 if lease.calls >= FOREVER else lease.calls,
                "used": used,
                "revoked_by": lease.revoked_by,
                "urgency": urgency,
                "warning": says,
            }
        )
    return rows


async def note_leases(house: House) -> list[dict[str, Any]]:
    """The same, put into the metrics."""
    rows = await leases(house)
    house.metrics.lease.show(rows)
    house.metrics.lease.behind(house.clock.behind_ms())
    return rows


async def note_clock(house: House) -> None:
    """Put on record, once each time, that the machine's clock is behind the time on record, or was set ahead.  Raises
    Unavailable."""
    behind = house.clock.behind_ms()
    if behind <= BACK_MS:
        house.clock_noted = False
    elif not house.clock_noted:
        house.clock_noted = True
        times = {"clock_ms": house.clock.wall_ms, "record_ms": house.now_ms()}
        await house.note("clock.back", house.name, canonical(times))
    if leap := house.clock.leap():
        await note_ahead(house, {"clock_ms": leap.clock_ms, "expected_ms": leap.expected_ms, "seen": "running"})


async def note_witnessed(house: House, seen_ms: int) -> None:
    """Compare the time with that which more than half of the witnesses have just signed: it is never behind theirs, and where
    it is ahead of theirs, that goes on record, once each time.  Raises Unavailable."""
    house.clock.saw(seen_ms)
    ahead = house.now_ms() - seen_ms > AHEAD_MS
    if ahead and not house.ahead_of_witnesses:
        await note_ahead(house, {"clock_ms": house.now_ms(), "expected_ms": seen_ms, "seen": "witnesses"})
    house.ahead_of_witnesses = ahead


async def note_start(house: House, newest_ms: int) -> None:
    """Put on record that the machine's clock is long after the newest time on record or with the witnesses: it was switched
    off so long, or its clock was set ahead; nobody can tell from here.  Raises Unavailable."""
    if newest_ms and house.clock.wall_ms - newest_ms > LONG_MS:
        times = {"clock_ms": house.clock.wall_ms, "expected_ms": newest_ms, "seen": "start"}
        await house.note("clock.ahead", house.name, canonical(times))


async def note_ahead(house: House, times: dict[str, int | str]) -> None:
    """Put on record that the machine's clock was set ahead, and of what.  Raises Unavailable."""
    house.ahead = times
    await house.note("clock.ahead", house.name, canonical(times))


def lapsed_problems(register: Register, rows: list[dict[str, Any]]) -> list[str]:
    """Sentences about terms that allow nothing more, where no others are in force that do."""
    over = [row["terms"] for row in rows if row["phase"] == "lapsed"]
    if len(over) < len(register.terms):
        return []
    return [f"the terms `{name}` have lapsed: the vendor renews them with `caveat terms renew`" for name in over]


async def renew(house: House, name: str, document: bytes) -> dict[str, Any]:
    """Put the vendor's renewal of a lease in force.  Raises NotVerified: a sentence that says who must do what."""
    register = await house.amend("terms.renewed", name, document)
    terms = register.terms[name]
    row = next(row for row in await leases(house) if row["digest"] == terms.digest)
    return {"renewed": terms.draft.name, **{key: row[key] for key in ("until", "calls", "used", "phase", "warning")}}
