"""Callers and models: keys, made once and shown once; what each has used; which model answers to which name, under which
terms."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.responses import RedirectResponse, Response

from caveat.console.page import PREFIX, Pages
from caveat.console.ports import Ports
from caveat.console.security import text_of
from caveat.console.visit import Visit
from caveat.errors import BadInput

HOUR_S = 3600
BOUNDS = ("calls_day", "calls_month", "tokens_day", "tokens_month")


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
            ("POST", "/callers/budget", "key.budget", self._budget),
            ("POST", "/callers/{name}/revoke", "key.revoke", self._revoke),
        )

    async def _show(self, visit: Visit) -> Response:
        return await self._page(visit)

    async def _page(self, visit: Visit, name: str = "", text: str = "") -> Response:
        keys = await self._ports.keys.keys()
        return await asyncio.to_thread(self._shown, visit, keys, name, text)

    def _shown(self, visit: Visit, keys: Sequence[dict[str, Any]], name: str, text: str) -> Response:
        purposes = sorted({word for terms in self._ports.register().terms.values() for word in terms.draft.purposes})
        values = {
            "keys": keys,
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
        text = await self._ports.keys.new(form.get("role", "caller"), fields, _budget_of(form))
        return await self._page(visit, name, text)

    async def _budget(self, visit: Visit) -> Response:
        """A key's budget from its next call on; empty fields are no bound."""
        await self._ports.keys.budget(text_of(visit.form, "name", 100), _budget_of(visit.form))
        return RedirectResponse(f"{PREFIX}/callers", 303)

    async def _revoke(self, visit: Visit) -> Response:
        await self._ports.keys.revoke(visit.path["name"])
        return RedirectResponse(f"{PREFIX}/callers", 303)


def _budget_of(form: dict[str, str]) -> dict[str, int]:
    """The bounds that were filled in.  Raises BadInput."""
    given = {name: text for name in BOUNDS if (text := text_of(form, name, 20))}
    if not all(text.isascii() and text.isdecimal() and len(text) < 16 for text in given.values()):
        raise BadInput("a budget is a whole number, or empty for no bound")
    return {name: int(text) for name, text in given.items() if int(text)}
