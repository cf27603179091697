"""Now: calls as they come, the last hour and day, what needs a person, how the house is.  It keeps itself up to date."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Any

from starlette.responses import Response, StreamingResponse

from caveat.console import plots
from caveat.console.hub import Hub
from caveat.console.page import Pages, Viewer
from caveat.console.ports import Ports
from caveat.console.series import Series, series, shares
from caveat.console.values import Wanted
from caveat.console.visit import Visit
from caveat.console.zones import zone_of
from caveat.errors import Refused

HOUR_S, DAY_S = 3600, 86_400
LATEST = 12
DIMENSIONS = ("purpose", "clause", "model", "rank")
PLOTS = {"hour": (60, 60), "day": (3600, 24)}
"""Plot -> seconds of one bar, bars."""


class NowPages:
    """Its paths."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages
        self._hub = Hub(self._part)

    def ways(self) -> tuple[tuple[str, str, str, Callable[[Visit], Awaitable[Response]]], ...]:
        """Method, path, who may, what answers."""
        return (
            ("GET", "/now", "now", self._show),
            ("GET", "/now/events", "now", self._events),
            ("GET", "/now/{plot}.svg", "now", self._plot),
        )

    def leave(self) -> None:
        """End what never ends by itself."""
        self._hub.leave()

    async def _show(self, visit: Visit) -> Response:
        values = await self._values()
        return await asyncio.to_thread(self._pages.answer, "now.html", visit.viewer, {**values, "here": "now"})

    async def _events(self, visit: Visit) -> Response:
        cookies, sessions = dict(visit.request.cookies), self._ports.sessions

        def alive() -> bool:
            return any(sessions.read(value) == visit.session for value in cookies.values())

        stream = self._hub.follow(visit.viewer.language, alive)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def _part(self, language: str) -> str:
        values = await self._values()
        viewer = Viewer(None, language)
        return await asyncio.to_thread(self._pages.render, "now_part.html", viewer, values)

    async def _values(self) -> dict[str, Any]:
        health, needs = await self._ports.health(), await self._ports.needs()
        return {"health": health, "needs": needs, **await asyncio.to_thread(self._counted)}

    def _counted(self) -> dict[str, Any]:
        lists, now = self._ports.lists, int(time.time())
        since = (now - DAY_S) // HOUR_S * HOUR_S
        return {
            "hour": self._series("hour", now),
            "day": self._series("day", now),
            "by": {dim: shares(lists.counts(HOUR_S, dim, since)) for dim in DIMENSIONS},
            "latest": lists.calls(Wanted(most=LATEST)).lines,
            "reach": lists.reach(),
            "minute": now // 60,
        }

    def _series(self, plot: str, now: int) -> Series:
        unit, n = PLOTS[plot]
        return series(self._ports.lists.counts(unit, "all", now - unit * n), unit, n, now)

    async def _plot(self, visit: Visit) -> Response:
        plot, theme = visit.path["plot"], visit.asked("theme")
        if plot not in PLOTS or theme not in plots.INK:
            raise Refused("there is no such plot", code="not_found", status=404)
        drawn = await asyncio.to_thread(
            self._drawn, plot, theme, zone_of(visit.zone), visit.viewer.language, visit.asked("narrow") == "1"
        )
        return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "private, max-age=50"})

    def _drawn(self, plot: str, theme: str, zone: tzinfo, language: str, narrow: bool) -> bytes:  # noqa: FBT001
        found = self._series(plot, int(time.time()))
        return plots.bars(found.values, found.labels(zone, language), theme, zone, language, narrow=narrow)
