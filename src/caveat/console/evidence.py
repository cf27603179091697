"""Evidence: bundles are made, looked at line by line, and only then let go, with a number on record."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from caveat.console.page import PREFIX, Pages
from caveat.console.ports import Ports
from caveat.console.security import text_of
from caveat.console.visit import Visit

MOST_LINES = 2000
"""Of the release view on the page; the whole of it is a file beside."""


class EvidencePages:
    """Their paths."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def ways(self) -> tuple[tuple[str, str, str, Callable[[Visit], Awaitable[Response]]], ...]:
        """Method, path, who may, what answers."""
        return (
            ("GET", "/evidence", "evidence", self._show),
            ("GET", "/evidence/trust", "evidence", self._trust),
            ("POST", "/evidence", "evidence.export", self._prepare),
            ("POST", "/evidence/challenges", "evidence.export", self._challenged),
            ("POST", "/evidence/verdicts", "evidence.export", self._judged),
            ("POST", "/evidence/{id}/verify", "evidence.export", self._verify),
            ("GET", "/evidence/{id}/report", "evidence", self._report),
            ("GET", "/evidence/{id}", "evidence.export", self._view),
            ("GET", "/evidence/{id}/bundle", "evidence.export", self._bundle),
            ("POST", "/evidence/{id}/release", "evidence.export", self._release),
            ("POST", "/evidence/{id}/drop", "evidence.export", self._drop),
        )

    async def _show(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._shown, visit)

    def _shown(self, visit: Visit) -> Response:
        evidence = self._ports.evidence
        values = {
            "past": evidence.past(),
            "challenges": evidence.challenges(),
            "verdicts": evidence.verdicts(),
            "prepared": evidence.prepared(),
            "profiles": evidence.profiles(),
            "here": "evidence",
        }
        return self._pages.answer("evidence.html", visit.viewer, values)

    async def _trust(self, _visit: Visit) -> Response:
        text = await asyncio.to_thread(self._ports.evidence.trust)
        return PlainTextResponse(text, headers={"content-disposition": 'attachment; filename="trust.txt"'})

    async def _prepare(self, visit: Visit) -> Response:
        form = visit.form
        id_ = await self._ports.evidence.prepare(text_of(form, "receiver", 200), text_of(form, "profile", 40))
        return RedirectResponse(f"{PREFIX}/evidence/{id_}", 303)

    async def _challenged(self, visit: Visit) -> Response:
        """A challenge that came in goes on record."""
        await self._ports.evidence.challenged(_note(visit))
        return RedirectResponse(f"{PREFIX}/evidence#asked-h", 303)

    async def _judged(self, visit: Visit) -> Response:
        """A verdict that came in goes on record."""
        await self._ports.evidence.judged(_note(visit))
        return RedirectResponse(f"{PREFIX}/evidence#judged-h", 303)

    async def _verify(self, visit: Visit) -> Response:
        self._ports.evidence.verify(visit.path["id"], visit.viewer.language)
        return RedirectResponse(f"{PREFIX}/evidence", 303)

    async def _report(self, visit: Visit) -> Response:
        """A file to keep: it brings scripts and a policy of its own, so no page of ours shows it."""
        path = await asyncio.to_thread(self._ports.evidence.report, visit.path["id"])
        return FileResponse(path, media_type="text/html", filename=f"report-{visit.path['id']}.html")

    async def _view(self, visit: Visit) -> Response:
        return await asyncio.to_thread(self._viewed, visit)

    def _viewed(self, visit: Visit) -> Response:
        id_ = visit.path["id"]
        lines, n = self._ports.evidence.view(id_, MOST_LINES)
        one = next((one for one in self._ports.evidence.prepared() if one["id"] == id_), None)
        values = {"id": id_, "lines": lines, "n": n, "one": one, "here": "evidence"}
        return self._pages.answer("release.html", visit.viewer, values)

    async def _bundle(self, visit: Visit) -> Response:
        path = await asyncio.to_thread(self._ports.evidence.bundle, visit.path["id"])
        return FileResponse(path, media_type="application/zip", filename=path.name)

    async def _release(self, visit: Visit) -> Response:
        await self._ports.evidence.release(visit.path["id"])
        return RedirectResponse(f"{PREFIX}/evidence/{visit.path['id']}", 303)

    async def _drop(self, visit: Visit) -> Response:
        await asyncio.to_thread(self._ports.evidence.drop, visit.path["id"])
        return RedirectResponse(f"{PREFIX}/evidence", 303)


def _note(visit: Visit) -> bytes:
    """A signed note that was put into a field, its lines ended as they were signed."""
    text = text_of(visit.form, "note", 1 << 16).replace("\r\n", "\n").strip()
    return f"{text}\n".encode()
