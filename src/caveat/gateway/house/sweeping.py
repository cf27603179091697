"""Destroys what the vault has kept as long as it may: bodies whose `retain.days` are over, and what waited for persons until
it lapsed.

Rules of this file: what is destroyed is put on record first, so that nothing is gone without a word (a crash in between: the
next sweep destroys it); only one process of a home sweeps.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from caveat.errors import CaveatError
from caveat.gateway.house.house import House
from caveat.register.notices import write_destroyed

EVERY_S = 20.0
MOST_AT_ONCE = 1000


async def sweep(house: House, at_ms: int | None = None) -> int:
    """Destroy what is due at that time (now if left out); how many bodies.  Raises Unavailable."""
    count = 0
    moment = house.now_ms() if at_ms is None else at_ms
    while due := (await asyncio.to_thread(house.bodies.due, moment))[:MOST_AT_ONCE]:
        await house.note("bodies.destroyed", str(len(due)), write_destroyed(due))
        for call, which in due:
            await asyncio.to_thread(house.bodies.drop, call, which)
        count += len(due)
    return count


@asynccontextmanager
async def sweeping(house: House, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Sweep now and again and again until the end of the block."""
    task = asyncio.get_running_loop().create_task(_again(house, every_s))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _again(house: House, every_s: float) -> None:
    while True:
        with contextlib.suppress(
            CaveatError
        ):  # a ledger or disk that cannot write now can later; calls say so meanwhile
            await sweep(house)
        await asyncio.sleep(every_s)
