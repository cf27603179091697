"""How the house is, and what in it needs a person: lights and needs for the console's first page.

Rules of this file: what was not looked at is not called good; a look is kept for some seconds, so that many open pages cost
what one does.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from caveat.console.ports import Light, Need
from caveat.errors import CaveatError
from caveat.evidence.meter import SILENT_MS
from caveat.gateway.checkup.witness import LAG
from caveat.gateway.exceptions.approvals import Approvals
from caveat.gateway.exceptions.holding import waiting
from caveat.gateway.home.directory import Home
from caveat.gateway.house.house import House
from caveat.gateway.house.readiness import readiness
from caveat.gateway.index.ask import Lists
from caveat.ledger.clock import BACK_MS
from caveat.ledger.cosigned import newest_of, size_of
from caveat.ledger.reader import LedgerReader
from caveat.meter.beat import LAST_KINDS

KEPT_S = 5.0
SOON_MS = 14 * 86_400_000
LATE = 50_000
"""So many records may wait for the index before a page says so."""
FAILED = ("broken", "unknown")
HOUR_S, DAY_S = 3600, 86_400
GRAVE = {"gap": "bad", "silent": "waits"}
HREFS = {
    "ledger.stuck": "/ledger",
    "ledger.broken": "/ledger#check-h",
    "terms.none": "/terms#versions-h",
    "terms.out": "/terms#versions-h",
    "model.failed": "/calls?outcome=broken",
    "index.behind": "/ledger",
    "witnesses.reached": "/ledger#head-h",
}
"""Lights that a person must see to, and the page that shows more."""


class Health:
    """Looks at one house."""

    def __init__(self, home: Home, house: House, reader: LedgerReader, lists: Lists, approvals: Approvals) -> None:
        self._home = home
        self._house = house
        self._reader = reader
        self._lists = lists
        self._approvals = approvals
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._leases: tuple[dict[str, Any], ...] = ()
        self._lights: tuple[Light, ...] = ()
        self._needs: tuple[Need, ...] = ()

    async def lights(self) -> tuple[Light, ...]:
        """A row for each part of the house."""
        await self._look()
        return self._lights

    async def needs(self) -> tuple[Need, ...]:
        """What waits for a person, the most urgent first; empty where nothing does."""
        await self._look()
        return self._needs

    async def _look(self) -> None:
        async with self._lock:
            if time.monotonic() < self._until:
                return
            state = await readiness(self._house)
            broken = [problem for problem in state.problems if problem.startswith("records cannot be written")]
            self._leases = state.leases
            self._lights, self._needs = await asyncio.to_thread(self._found, bool(broken))
            self._until = time.monotonic() + KEPT_S

    def _found(self, stuck: bool) -> tuple[tuple[Light, ...], tuple[Need, ...]]:  # noqa: FBT001
        lights = (
            *self._terms(),
            *self._models(),
            self._ledger(stuck),
            self._index(),
            *self._seals(),
            *self._witnesses(),
        )
        needs = (
            *wrong(lights),
            *self._unserved(),
            *self._lapsed(),
            *self._metered(),
            *self._erred(),
            *self._clock(),
            *self._held(),
            *self._gathering(),
            *self._leased(),
            *self._ending(),
            *self._claimed(),
        )
        return lights, tuple(sorted(needs, key=lambda need: need.state != "bad"))

    def _terms(self) -> list[Light]:
        now, register = self._house.now_ms(), self._house.view.register
        if not register.terms:
            return [Light("terms", "bad", "terms.none")]
        return [
            Light("terms", "good" if terms.draft.valid_at(now) else "bad", "terms.valid", {"name": terms.draft.name})
            if terms.draft.valid_at(now)
            else Light("terms", "bad", "terms.out", {"name": terms.draft.name})
            for terms in register.terms.values()
        ]

    def _models(self) -> list[Light]:
        """By what became of the last hour's calls: no call is made to find out."""
        view, since = self._house.view, int(time.time()) - HOUR_S
        failed: dict[str, int] = {}
        for count in self._lists.counts(HOUR_S, "model", since // HOUR_S * HOUR_S):
            if count.outcome in FAILED:
                failed[count.word] = failed.get(count.word, 0) + count.n
        rows = [Light("model", "bad", "model.unserved", {"name": alias}) for alias in view.unserved]
        for alias, routes in sorted(view.routes.items()):
            about: dict[str, str | int] = {
                "name": alias,
                "upstream": routes[0].upstream.name,
                "n": failed.get(alias, 0),
            }
            rows.append(
                Light(
                    "model", "waits" if about["n"] else "good", "model.failed" if about["n"] else "model.served", about
                )
            )
        return rows

    def _ledger(self, stuck: bool) -> Light:  # noqa: FBT001
        try:
            size, published = self._reader.size(), self._reader.head().size
        except CaveatError as error:
            return Light("ledger", "bad", "ledger.broken", {"why": error.message})
        about: dict[str, str | int] = {"size": size, "published": published}
        return (
            Light("ledger", "bad", "ledger.stuck", about) if stuck else Light("ledger", "good", "ledger.writes", about)
        )

    def _index(self) -> Light:
        reach = self._lists.reach()
        about: dict[str, str | int] = {"seen": reach.seen, "size": reach.size}
        return Light(
            "index",
            "waits" if reach.behind > LATE else "good",
            "index.behind" if reach.behind > LATE else "index.there",
            about,
        )

    def _seals(self) -> list[Light]:
        """By the seals' own signed words on record: what they have counted."""
        register = self._house.view.register
        if not register.meters:
            return [Light("seal", "absent", "seal.none")]
        silent = self._silent()
        return [
            Light(
                "seal",
                "waits" if name in silent else "good",
                "seal.silent" if name in silent else "seal.counts",
                {"name": name, "n": register.sealed.get(name, 0), "at_ms": beat.at_ms},
            )
            for name, beat in sorted(register.meters.items())
        ]

    def _silent(self) -> set[str]:
        """Seals of the terms in force that have not said that they end, and were silent for longer than verifiers let pass."""
        register, now = self._house.view.register, self._house.now_ms()
        asked = {seal.name for terms in register.terms.values() for seal in terms.draft.seals}
        return {
            name
            for name, beat in register.meters.items()
            if name in asked and beat.kind not in LAST_KINDS and now - beat.at_ms > SILENT_MS
        }

    def _metered(self) -> list[Need]:
        """Where the seals' counts and the ledger differ (metering.py), and seals that say nothing now."""
        found = self._lists.gaps(self._house.now_ms() - SOON_MS) if self._lists.reach().seen else ()
        kinds = [(kind, sum(one.kind == kind for one in found)) for kind in ("gap", "silent")]
        place = "/ledger#meter-h"
        quiet = [Need("meter.quiet", 1, place, {"name": name}, state="bad") for name in sorted(self._silent())]
        return [*quiet, *(Need(f"meter.{kind}", n, place, state=GRAVE[kind]) for kind, n in kinds if n)]

    def _witnesses(self) -> list[Light]:
        """How far each witness of the settings has cosigned."""
        witnesses = self._house.settings.witness
        if not witnesses:
            return [Light("witnesses", "absent", "witnesses.none")]
        size, rows = self._reader.head().size, []
        for name, witness in sorted(witnesses.items()):
            note = newest_of(self._home.ledger, witness.verify_key)
            reached = size_of(note) if note else 0
            behind = reached == 0 or size - reached > LAG
            about: dict[str, str | int] = {"name": name, "reached": reached, "size": size}
            rows.append(Light("witnesses", "waits" if behind else "good", "witnesses.reached", about))
        return rows

    def _claimed(self) -> list[Need]:
        """Words about terms that nobody here has looked at."""
        register = self._house.view.register
        open_ = set(register.claims) - set(register.reviewed)
        return [Need("claims", len(open_), "/ledger")] if open_ else []

    def _held(self) -> list[Need]:
        held = waiting(self._house)
        return [Need("holds", len(held), "/lifts", until_ms=min(one["until_ms"] for one in held))] if held else []

    def _gathering(self) -> list[Need]:
        waivers = self._approvals.listed()
        return [Need("waivers", len(waivers), "/lifts")] if waivers else []

    def _leased(self) -> list[Need]:
        """Leases that the vendor should renew."""
        soon = [row for row in self._leases if row.get("warning") and row.get("phase") != "lapsed"]
        return [Need("lease.lapse", 1, _terms_page(row), {"name": row["terms"]}) for row in soon]

    def _lapsed(self) -> list[Need]:
        """Leases that are over: calls under them are refused until the vendor renews."""
        over = [row for row in self._leases if row.get("phase") == "lapsed"]
        return [Need("lease.over", 1, _terms_page(row), {"name": row["terms"]}, state="bad") for row in over]

    def _clock(self) -> list[Need]:
        """A clock that does not fit the time on record: leases are measured by it."""
        behind = self._house.clock.behind_ms()
        found = [Need("clock.behind", 1, "/ledger", {"n": behind // 1000})] if behind > BACK_MS else []
        return [*found, Need("clock.ahead", 1, "/ledger")] if self._house.ahead else found

    def _ending(self) -> list[Need]:
        now, found = self._house.now_ms(), []
        for terms in self._house.view.register.terms.values():
            if now < terms.draft.valid_until_ms <= now + SOON_MS:
                about: dict[str, str | int] = {"name": terms.draft.name}
                page = f"/terms?terms={quote(terms.digest)}"
                found.append(Need("terms.lapse", 1, page, about, terms.draft.valid_until_ms))
        return found

    def _unserved(self) -> list[Need]:
        view = self._house.view
        kinds = {"models.unserved": view.unserved, "models.unread": tuple(sorted(view.unread))}
        return [
            Need(code, len(names), "/callers#models-h", {"names": ", ".join(names)}, state="bad")
            for code, names in kinds.items()
            if names
        ]

    def _erred(self) -> list[Need]:
        """Calls denied because a clause could not be evaluated."""
        n = self._lists.erred(self._house.now_ms() - DAY_S * 1000)
        return [Need("clauses.erred", n, "/calls?why=error", state="bad")] if n else []


def wrong(lights: Sequence[Light]) -> list[Need]:
    """What the lights themselves ask of a person."""
    return [
        Need(light.code, 1, HREFS[light.code], light.about, state="bad" if light.state == "bad" else "waits")
        for light in lights
        if light.code in HREFS and light.state in ("bad", "waits")
    ]


def _terms_page(row: dict[str, Any]) -> str:
    return f"/terms?terms={quote(row['digest'])}"
