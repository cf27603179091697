"""Terms: the document as people agreed to it, how each clause fared, versions beside each other, what a change would do."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Any

from starlette.responses import Response

from caveat.console import plots
from caveat.console.page import Pages
from caveat.console.ports import Ports
from caveat.console.security import text_of
from caveat.console.series import Series, daily, within
from caveat.console.values import Count, Version
from caveat.console.visit import Visit
from caveat.console.zones import days, end_ms, moment_ms, stamp, zone_of
from caveat.errors import Refused
from caveat.talks.diff import diff

DAYS = 30
HOUR_S = 3600


class TermsPages:
    """Their paths."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def ways(self) -> tuple[tuple[str, str, str, Callable[[Visit], Awaitable[Response]]], ...]:
        """Method, path, who may, what answers."""
        return (
            ("GET", "/terms", "terms", self._show),
            ("GET", "/terms/clause.svg", "terms", self._plot),
            ("GET", "/terms/compare", "terms", self._compare),
            ("POST", "/terms/compare", "terms.replay", self._meaning),
            ("GET", "/terms/replay", "terms.replay", self._proposal),
            ("POST", "/terms/replay", "terms.replay", self._replay),
        )

    async def _show(self, visit: Visit) -> Response:
        leases = await self._ports.agreements.leases()
        return await asyncio.to_thread(self._shown, visit, leases)

    def _shown(self, visit: Visit, leases: Any) -> Response:
        versions = self._ports.agreements.versions()
        wanted = visit.asked("terms", 80)
        found = next((v for v in versions if v.terms.digest == wanted), None) or next(
            (v for v in versions if v.state == "in force"), versions[0] if versions else None
        )
        now, zone = int(time.time()), zone_of(visit.zone)
        held = self._held(now, zone)
        waivers: dict[str, list[dict[str, Any]]] = {}
        for one in self._ports.lifts.waivers():
            for clause in one["clauses"]:
                waivers.setdefault(clause, []).append(one)
        values = {
            "versions": versions,
            "found": found,
            "held": held,
            "most": max((sum(map(sum, one.values.values())) for one in held.values()), default=0),
            "zone": str(zone),
            "waivers": waivers,
            "matrix": self._ports.agreements.matrices().get(found.terms.digest) if found else None,
            "talks": self._ports.agreements.talks(),
            "leases": {row["digest"]: row for row in leases},
            "days": DAYS,
            "now_ms": int(time.time() * 1000),
            "here": "terms",
        }
        return self._pages.answer("terms.html", visit.viewer, values)

    def _held(self, now: int, zone: tzinfo, word: str = "") -> dict[str, Series]:
        """How often each clause held (or that one), by day of the zone."""
        lists, quarters = self._ports.lists, within(DAYS, now, zone)
        counted: dict[str, tuple[list[Count], list[Count]]] = {}
        for count in lists.counts(HOUR_S, "clause", days(DAYS, now, zone)[0], word):
            counted.setdefault(count.word, ([], []))[0].append(count)
        for count in lists.quarters(quarters, word) if quarters else ():
            counted.setdefault(count.word, ([], []))[1].append(count)
        return {word: daily(hours, DAYS, now, zone, late) for word, (hours, late) in counted.items()}

    async def _plot(self, visit: Visit) -> Response:
        clause, theme = visit.asked("clause"), visit.asked("theme")
        if theme not in plots.INK:
            raise Refused("there is no such plot", code="not_found", status=404)
        how = theme, zone_of(visit.zone), visit.viewer.language
        drawn = await asyncio.to_thread(self._drawn, clause, how, visit.asked("narrow") == "1")
        return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "private, max-age=50"})

    def _drawn(self, clause: str, how: tuple[str, tzinfo, str], narrow: bool) -> bytes:  # noqa: FBT001
        (theme, zone, language), now = how, int(time.time())
        found = self._held(now, zone, clause).get(clause) or daily((), DAYS, now, zone)
        return plots.bars(found.values, found.labels(zone, language), theme, zone, language, narrow=narrow)

    def _two(self, visit: Visit) -> tuple[Version, Version]:
        versions = {version.terms.digest: version for version in self._ports.agreements.versions()}
        asked = {**dict(visit.request.query_params), **visit.form}
        try:
            return versions[asked.get("before", "")], versions[asked.get("after", "")]
        except KeyError:
            raise Refused("there are no such terms here", code="not_found", status=404) from None

    async def _compare(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._compared, visit, None)

    async def _meaning(self, visit: Visit) -> Response:
        """The semantic diff: what changes for every request there could be."""
        before, after = await asyncio.to_thread(self._two, visit)
        meaning = await self._ports.agreements.semantic(before.terms.draft.yaml, after.terms.draft.yaml)
        return await asyncio.to_thread(self._compared, visit, meaning)

    def _compared(self, visit: Visit, meaning: dict[str, Any] | None) -> Response:
        before, after = self._two(visit)
        changes = diff(before.terms.draft, after.terms.draft)
        values = {"before": before, "after": after, "changes": changes, "meaning": meaning, "here": "terms"}
        return self._pages.answer("compare.html", visit.viewer, values)

    async def _proposal(self, visit: Visit) -> Response:
        in_force = list(self._ports.register().terms.values())
        text = in_force[0].draft.yaml.decode() if in_force else ""
        return self._pages.answer(
            "replay.html",
            visit.viewer,
            {"text": text, "impact": None, "zone": str(zone_of(visit.zone)), "here": "terms"},
        )

    async def _replay(self, visit: Visit) -> Response:
        """The recorded calls of a period, decided again under a proposal."""
        text = text_of(visit.form, "terms", 1 << 20)
        zone = zone_of(visit.zone)
        since = moment_ms(text_of(visit.form, "since", 40), zone)
        until = end_ms(text_of(visit.form, "until", 40), zone)
        impact = await self._ports.agreements.replay(text.encode(), stamp(since), stamp(until))
        values = {"text": text, "impact": impact, "zone": str(zone), "here": "terms"}
        return await asyncio.to_thread(self._pages.answer, "replay.html", visit.viewer, values)
