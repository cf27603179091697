"""Callers and models: keys, made once and shown once; what each has used; which model answers to which name, under which
terms."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import RedirectResponse, Response

from caveat.console.page import PREFIX, Pages
from caveat.console.ports import Ports
from caveat.console.security import text_of
from caveat.console.visit import Visit

HOUR_S = 3600


class CallerPages:
    """Their paths."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def ways(self) -> tuple[tuple[str, str, str, Callable[[Visit], Awaitable[Response]]], ...]:
        """Method, path, who may, what answers."""
        return (
            ("GET", "/callers", "callers", self._show),
            ("POST", "/callers", "key.new", self._new),
            ("POST", "/callers/{name}/revoke", "key.revoke", self._revoke),
        )

    async def _show(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._shown, visit, "", "")

    def _shown(self, visit: Visit, name: str, text: str) -> Response:
        purposes = sorted({word for terms in self._ports.register().terms.values() for word in terms.draft.purposes})
        values = {
            "keys": self._ports.keys.keys(),
            "models": self._ports.keys.models(),
            "used": self._used(),
            "purposes": purposes,
            "made": {"name": name, "text": text} if text else None,
            "here": "callers",
        }
        return self._pages.answer("callers.html", visit.viewer, values)

    def _used(self) -> dict[str, dict[str, int]]:
        """Caller -> calls that have ended, and tokens in and out."""
        used: dict[str, dict[str, int]] = {}
        for dim in ("caller", "tokens_in", "tokens_out"):
            for count in self._ports.lists.counts(HOUR_S, dim, 0):
                row = used.setdefault(count.word, {"caller": 0, "tokens_in": 0, "tokens_out": 0})
                row[dim] += count.n
        return used

    async def _new(self, visit: Visit) -> Response:
        """A key: its text is on this page and nowhere else, ever."""
        form = visit.form
        name = text_of(form, "name", 100)
        purposes = [key.removeprefix("purpose:") for key in form if key.startswith("purpose:")]
        fields = {
            "id": name,
            "kind": form.get("kind", "human"),
            "purposes": purposes,
            "purpose": purposes[0] if purposes else "",
            "marking": text_of(form, "marking", 100),
            "clearance_rank": int(form["clearance"]) if form.get("clearance", "").isdecimal() else 0,
            "language": text_of(form, "language", 20),
        }
        text = await self._ports.keys.new(form.get("role", "caller"), fields)
        return await asyncio.to_thread(self._shown, visit, name, text)

    async def _revoke(self, visit: Visit) -> Response:
        await self._ports.keys.revoke(visit.path["name"])
        return RedirectResponse(f"{PREFIX}/callers", 303)
