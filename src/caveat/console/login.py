"""Logging in: a link that works once, or an OpenID provider.  And out."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from caveat.console.oidc import Oidc
from caveat.console.page import PREFIX, Pages, viewer_of
from caveat.console.ports import Ports
from caveat.console.security import check_origin, form_of, local_path
from caveat.console.sessions import COOKIE, SECURE_COOKIE, Session
from caveat.errors import Refused

NOW = f"{PREFIX}/now"
Way = tuple[str, str, Callable[[Request], Awaitable[Response]]]


class Login:
    """The pages before the session."""

    def __init__(self, ports: Ports, pages: Pages) -> None:
        self._ports = ports
        self._sessions = ports.sessions
        self._pages = pages
        self._oidc = Oidc(ports.provider, ports.sessions, secure=ports.place.secure) if ports.provider else None

    def ways(self) -> tuple[Way, ...]:
        """Their paths."""
        return (
            ("GET", f"{PREFIX}/login", self._show),
            ("POST", f"{PREFIX}/login", self._enter),
            ("POST", f"{PREFIX}/logout", self._leave),
            ("POST", f"{PREFIX}/taste", self._taste),
            ("GET", f"{PREFIX}/login/provider", self._to_provider),
            ("GET", f"{PREFIX}/login/back", self._back),
        )

    async def _show(self, request: Request) -> Response:
        self._check_reachable()
        token = request.query_params.get("link", "")
        values = {
            "link": token,
            "person": self._sessions.peek(token) if token else None,
            "provider": self._ports.provider.issuer if self._ports.provider else "",
            "next": local_path(request.query_params.get("next", ""), NOW),
            "ended": request.query_params.get("ended", "") == "1",
            "here": "",
        }
        return self._pages.answer("login.html", viewer_of(request, None), values)

    async def _enter(self, request: Request) -> Response:
        self._check_reachable()
        check_origin(request)
        form = await form_of(request)
        session = self._sessions.enter(form.get("link", ""))
        return self._let_in(session, local_path(form.get("next", ""), NOW))

    async def _leave(self, request: Request) -> Response:
        check_origin(request)
        session = self._sessions.read(request.cookies.get(self._cookie, ""))
        if session is not None:
            self._sessions.check(session, (await form_of(request)).get("csrf", ""))
            self._sessions.end(session)
        answer = RedirectResponse(f"{PREFIX}/login", 303)
        answer.delete_cookie(self._cookie, path="/", secure=self._ports.place.secure, httponly=True, samesite="strict")
        return answer

    async def _taste(self, request: Request) -> Response:
        """Language and theme: no secret, so no session is needed."""
        check_origin(request)
        form = await form_of(request)
        answer = RedirectResponse(local_path(form.get("next", ""), NOW), 303)
        for name in ("language", "theme"):
            if name in form:
                answer.set_cookie(
                    f"caveat-{name}",
                    form[name][:10],
                    max_age=31_536_000,
                    path=PREFIX,
                    samesite="strict",
                    secure=self._ports.place.secure,
                    httponly=True,
                )
        return answer

    async def _to_provider(self, request: Request) -> Response:
        self._check_reachable()
        return await self._provider().begin(local_path(request.query_params.get("next", ""), NOW))

    async def _back(self, request: Request) -> Response:
        session, wanted, cookie = await self._provider().end(request)
        answer = self._let_in(session, local_path(wanted, NOW))
        answer.delete_cookie(cookie, path=PREFIX)
        return answer

    def _provider(self) -> Oidc:
        if self._oidc is None:
            raise Refused("no OpenID provider is set here", code="not_found", status=404, hint="[console.oidc]")
        return self._oidc

    @property
    def _cookie(self) -> str:
        return SECURE_COOKIE if self._ports.place.secure else COOKIE

    def _let_in(self, session: Session, wanted: str) -> Response:
        answer = RedirectResponse(wanted, 303)
        answer.set_cookie(
            self._cookie,
            self._sessions.cookie(session),
            max_age=self._sessions.seconds,
            path="/",
            httponly=True,
            samesite="lax" if session.via == "oidc" else "strict",
            secure=self._ports.place.secure,
        )
        return answer

    def _check_reachable(self) -> None:
        """Raises Refused where the way to here is open to others' ears."""
        if not self._ports.place.reachable:
            raise Refused(
                "the console is not served without encryption beyond this machine",
                code="sample_key",
                hint="put a TLS proxy before the gateway, and its https address as `url` under [console] in caveat.toml",
            )


def login_path(token: str) -> str:
    """The path of a link."""
    return f"{PREFIX}/login?{urlencode({'link': token})}"
