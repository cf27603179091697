"""A call's outcome, put on record with the waivers that only its reply uses: spent at the record's own index, if they still
stand there."""

from caveat.errors import StaleFence, Unavailable
from caveat.gateway.house.house import House
from caveat.ledger.log import NO_FENCE, Entry, Fence
from caveat.waivers.waiver import Waiver

MOST_TRIES = 8


async def settle(
    house: House,
    entry: Entry,
    spends: tuple[Waiver, ...] = (),
    beside: tuple[Entry, ...] = (),
    adds: tuple[tuple[str, int], ...] = (),
) -> None:
    """Append the outcome, and what stands beside it; `adds` is what it counts for a budget.  Raises StaleFence, naming it,
    for a waiver that has ended or has no use left: decide again without it; Unavailable."""
    if not spends:
        await house.log.append((entry, *beside), Fence(adds=adds) if adds else NO_FENCE)
        return
    for _ in range(MOST_TRIES):
        view = house.view
        for waiver in spends:
            if waiver.id not in view.register.waivers or not waiver.in_time(house.now_ms()):
                raise StaleFence(f"`{waiver.id}` has ended", exhausted=waiver.id)
        uses = tuple((waiver.id, waiver.max_uses) for waiver in spends)
        fence = Fence(expects=view.fence, spends=uses, adds=adds)
        try:
            await house.log.append((entry, *beside), fence)
            return
        except StaleFence as stale:
            if stale.exhausted:
                house.exhaust(stale.exhausted)
                raise
            await house.refresh(view)
    raise Unavailable("what is in force kept changing while this reply was settled", code="overloaded")
