"""The console as an ASGI application: who comes in, where each path leads, what ends where.

Rules of this file: every path but the log-in and the assets wants a session whose role may; every post wants the session's
token; what is refused is a page that says why and what to do; no answer leaves without the headers of security.py.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from caveat.console import assets, roles
from caveat.console.callers import CallerPages
from caveat.console.calls import CallPages
from caveat.console.evidence import EvidencePages
from caveat.console.hub import OVER
from caveat.console.ledger import LedgerPages
from caveat.console.lifts import LiftPages
from caveat.console.login import Login
from caveat.console.now import NowPages
from caveat.console.page import PREFIX, Pages, Viewer, viewer_of
from caveat.console.ports import Ports
from caveat.console.security import check_origin, form_of, with_headers
from caveat.console.sessions import COOKIE, SECURE_COOKIE, Session
from caveat.console.terms import TermsPages
from caveat.console.visit import Visit
from caveat.errors import BadInput, CaveatError, NotVerified, Refused, Unavailable

__all__ = ["PREFIX", "Console"]

Answer = Callable[[Visit], Awaitable[Response]]
PARTS = (CallPages, TermsPages, LiftPages, LedgerPages, EvidencePages, CallerPages)
STATUS = {BadInput: 400, NotVerified: 409, Unavailable: 503}


class Way(Struct, frozen=True):
    """A path: who may (a page or an action of roles.py) and what answers."""

    method: str
    path: str
    act: str
    answer: Answer


class Console:
    """All pages, over the gateway's ports."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._pages = Pages(ports.place, ports.sessions)
        self._login = Login(ports, self._pages)
        self.now = NowPages(ports, self._pages)
        parts = (self.now, *(kind(ports, self._pages) for kind in PARTS))
        self.ways = tuple(Way(*way) for part in parts for way in part.ways())
        self._app = self._routed()

    def leave(self) -> None:
        """The server ends: streams of events do too."""
        self.now.leave()
        self._ports.leave()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3."""
        await self._app(scope, receive, with_headers(send))

    def _routed(self) -> Starlette:
        routes = [
            Route(PREFIX, self._home),
            Route(f"{PREFIX}/", self._home),
            Route(f"{PREFIX}/static/{{version}}/{{name}}", self._open(assets.asset)),
        ]
        routes += [Route(path, self._open(answer), methods=[m]) for m, path, answer in self._login.ways()]
        routes += [Route(PREFIX + way.path, self._guarded(way), methods=[way.method]) for way in self.ways]
        return Starlette(routes=routes, exception_handlers={404: self._nothing, 405: self._nothing})

    @staticmethod
    async def _home(_request: Request) -> Response:
        return RedirectResponse(f"{PREFIX}/now", 303)

    async def _nothing(self, request: Request, _error: Exception) -> Response:
        return self._refused(
            request, self._session(request), Refused("there is no such page", code="not_found", status=404)
        )

    def _session(self, request: Request) -> Session | None:
        name = SECURE_COOKIE if self._ports.place.secure else COOKIE
        return self._ports.sessions.read(request.cookies.get(name, ""))

    def _open(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """What needs no session."""

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except CaveatError as error:
                return self._refused(request, None, error)

        return answered

    def _guarded(self, way: Way) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            session = self._session(request)
            if session is None:
                return self._to_login(request)
            try:
                roles.require(session.role, way.act)
                form = await self._form(request, session) if way.method == "POST" else {}
                return await way.answer(Visit(request, viewer_of(request, session), session, form))
            except CaveatError as error:
                return self._refused(request, session, error)

        return answered

    async def _form(self, request: Request, session: Session) -> dict[str, str]:
        check_origin(request)
        form = await form_of(request)
        self._ports.sessions.check(session, form.pop("csrf", ""))
        return form

    def _to_login(self, request: Request) -> Response:
        """Browsers that show a page go to the log-in and come back; scripts are told, and streams by the event that they
        wait for: a browser opens a stream that was refused with a status never again, and tells its page nothing."""
        if "text/event-stream" in request.headers.get("accept", ""):
            return Response(OVER, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        if request.headers.get("sec-fetch-dest", "document") not in ("document", ""):
            return Response("the session has ended\n", 401, media_type="text/plain")
        wanted = request.url.path if request.method == "GET" else f"{PREFIX}/now"
        query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
        url = request.url.replace(path=f"{PREFIX}/login", query="").include_query_params(next=wanted + query, ended="1")
        return RedirectResponse(f"{url.path}?{url.query}", 303)

    def _refused(self, request: Request, session: Session | None, error: CaveatError) -> Response:
        status = error.status if isinstance(error, Refused) else STATUS.get(type(error), 500)
        viewer: Viewer = viewer_of(request, session)
        return self._pages.answer("refused.html", viewer, {"error": error, "status": status, "here": ""}, status)
