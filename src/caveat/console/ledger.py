"""The ledger: how large, who has signed, its tiles, any record by index, call, hash or digest, the state of its last check."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from caveat.console.calls import told
from caveat.console.page import PREFIX, Pages
from caveat.console.ports import Ports
from caveat.console.visit import Visit
from caveat.errors import Refused

TILE = 256
MOST_LEVEL = 5


class LedgerPages:
    """Their paths."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def ways(self) -> tuple[tuple[str, str, str, Callable[[Visit], Awaitable[Response]]], ...]:
        """Method, path, who may, what answers."""
        return (
            ("GET", "/ledger", "ledger", self._show),
            ("GET", "/ledger/record/{index}", "ledger", self._record),
            ("GET", "/ledger/receipt/{index}", "ledger", self._receipt),
            ("GET", "/ledger/tile/{level}/{n}", "ledger", self._tile),
            ("POST", "/ledger/check", "ledger.check", self._check),
        )

    async def _show(self, visit: Visit) -> Response:
        if what := visit.asked("find", 100):
            index = await asyncio.to_thread(self._ports.records.find, what)
            return RedirectResponse(f"{PREFIX}/ledger/record/{index}", 303)
        return await asyncio.to_thread(self._shown, visit)

    def _shown(self, visit: Visit) -> Response:
        head = self._ports.records.head()
        levels, width, level = [], head.published, 0
        while width and level <= MOST_LEVEL:
            levels.append((level, width, (width + TILE - 1) // TILE))
            width, level = width // TILE, level + 1
        values = {
            "head": head,
            "levels": levels,
            "checked": self._ports.records.checked(),
            "controls": self._ports.lists.controls(before=visit.asked_number("before"), most=25),
            "reach": self._ports.lists.reach(),
            "meter": self._ports.lists.gaps() if self._ports.register().seals else None,
            "metered": self._ports.lists.metered(),
            "here": "ledger",
        }
        return self._pages.answer("ledger.html", visit.viewer, values)

    async def _record(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._recorded, visit)

    def _recorded(self, visit: Visit) -> Response:
        index = _index(visit.path["index"])
        one, head = self._ports.records.record(index), self._ports.records.head()
        values = {"one": told(one), "call": one.leaf.call, "size": head.size, "here": "ledger"}
        return self._pages.answer("record.html", visit.viewer, values)

    async def _receipt(self, visit: Visit) -> Response:
        return PlainTextResponse(await self._ports.receipt(_index(visit.path["index"])))

    async def _tile(self, visit: Visit) -> Response:
        level, n = _index(visit.path["level"]), _index(visit.path["n"])
        hashes = await asyncio.to_thread(self._ports.records.tile, level, n)
        values = {"level": level, "n": n, "hashes": hashes, "here": "ledger"}
        return await asyncio.to_thread(self._pages.answer, "tile.html", visit.viewer, values)

    async def _check(self, _visit: Visit) -> Response:
        self._ports.records.check()
        return RedirectResponse(f"{PREFIX}/ledger", 303)


def _index(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Refused("there is no such record", code="not_found", status=404)
    return int(text)
