"""Whether a gateway is ready, tried on the write path itself, and what will soon keep it from being so."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from caveat.errors import StaleFence, Unavailable
from caveat.gateway.house.house import House
from caveat.gateway.house.leasing import lapsed_problems, note_clock, note_leases
from caveat.gateway.house.witnessed import witness_warnings
from caveat.ledger.clock import BACK_MS
from caveat.ledger.log import Entry, Fence
from caveat.terms.moment import moment_text


class Readiness(Struct, frozen=True):
    """What /readyz says.

    leases    each lease in force: its bounds, what is used, its phase
    witnesses what each witness has cosigned last, and how far it lies behind
    warnings  what will end, or is wrong without keeping calls from being answered
    """

    ready: bool
    problems: tuple[str, ...]
    terms: dict[str, str]
    fence: str
    size: int
    worker: int
    leases: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    witnesses: tuple[dict[str, Any], ...] = ()

    def details(self) -> dict[str, object]:
        """For those who may inspect."""
        return msgspec.structs.asdict(self)


async def readiness(house: House) -> Readiness:
    """Whether calls can be decided and recorded now."""
    register, now = house.view.register, house.now_ms()
    problems = [] if house.view.agreed else ["no terms signed by both parties are in force"]
    in_force = register.terms.values()
    problems += [f"the terms `{t.draft.name}` are not valid now" for t in in_force if not t.draft.valid_at(now)]
    problems += [f"no upstream serves the model `{alias}` as agreed" for alias in house.view.unserved]
    problems += sorted(set(house.view.unread.values()))
    rows: list[dict[str, Any]] = []
    try:
        await _try_writing(house)
        await note_clock(house)
        rows = await note_leases(house)
    except Unavailable as error:
        problems.append(f"records cannot be written: {error.message}")
    problems += lapsed_problems(register, rows)
    witnesses = await note_witnesses(house)
    return Readiness(
        not problems,
        tuple(problems),
        {t.draft.name: t.digest for t in in_force},
        house.view.fence,
        house.log.size,
        house.worker,
        tuple(rows),
        (*_warnings(house, rows), *witness_warnings(witnesses, now)),
        tuple(witnesses),
    )


async def note_witnesses(house: House) -> list[dict[str, Any]]:
    """How far each witness has cosigned; the metrics show it too."""
    rows = await asyncio.to_thread(house.witnesses, house.log.size)
    house.metrics.witnessed(rows)
    return rows


def _warnings(house: House, rows: list[dict[str, Any]]) -> list[str]:
    found = [f"`{row['terms']}`: {row['warning']}" for row in rows if row["warning"]]
    behind = house.clock.behind_ms()
    if behind > BACK_MS:
        found.append(f"this machine's clock is {behind // 1000} seconds behind the time on record: set it right")
    if house.ahead:
        found.append(
            f"this machine's clock was set ahead to {moment_text(int(house.ahead['clock_ms']))}: where that is wrong, leases "
            "end too early, and the vendor's next renewal is the way out"
        )
    return found


async def _try_writing(house: House) -> None:
    """The write path, tried: an append that its fence turns away, and a file made durable.  Raises Unavailable."""
    with suppress(StaleFence):
        await house.log.append((Entry(b"probe"),), Fence(expects="probe"))
    await asyncio.to_thread(house.probe)
