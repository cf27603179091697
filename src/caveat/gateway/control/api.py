"""The control API under /caveat/v1/, health, metrics and the list of models.

Rules of this file: every path but the two health words needs a role; a caller's key reads its own calls only; answers
hold records and digests; content only where the look at it is on record first (deskwork.py, exceptional.py).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from caveat import __version__, record
from caveat.console.ports import Ports
from caveat.errors import BadInput, CaveatError, NotVerified, Refused
from caveat.gateway.call.bodyin import read_body, read_headers
from caveat.gateway.call.problems import problem
from caveat.gateway.control.agreeing import Agreeing
from caveat.gateway.control.deskwork import Deskwork
from caveat.gateway.control.endpoints import ENDPOINTS, INSPECTORS, Endpoint, description
from caveat.gateway.control.evaluate import dry_run
from caveat.gateway.control.exceptional import Exceptional
from caveat.gateway.control.lasting import Lasting
from caveat.gateway.control.looking import Looking
from caveat.gateway.control.pace import Pace
from caveat.gateway.coverage.keep import keep, newest
from caveat.gateway.exceptions.approvals import Approvals
from caveat.gateway.home.documents import Documents
from caveat.gateway.house import view
from caveat.gateway.house.callers import authenticate, check_known, require
from caveat.gateway.house.house import House
from caveat.gateway.house.leasing import note_leases
from caveat.gateway.house.readiness import note_witnesses, readiness
from caveat.gateway.house.watch import ClientGone
from caveat.gateway.index.follow import Index
from caveat.gateway.proof import challenges
from caveat.gateway.proof.verdicts import put_verdict
from caveat.register import CallerKey
from caveat.register.exports import read_export

BODY_SECONDS = 30.0
LOOKS_AT_ONCE, LOOKS_A_SECOND = 60, 1.0
"""How often the terms may be asked what they would say: an oracle asked without limit finds words that just pass."""

PATHS = {
    404: ("not_found", "there is nothing at this path"),
    405: ("method_not_allowed", "this path takes another method"),
}

Handler = Callable[[Request, CallerKey], Awaitable[Response]]


class Control(Exceptional, Agreeing, Lasting, Looking, Deskwork):
    """The handlers, over one house and the ledger's reading side."""

    def __init__(
        self,
        house: House,
        index: Index,
        documents: Documents,
        desk: tuple[Ports, Approvals],
        cosigned: Callable[[int], bytes] | None = None,
    ) -> None:
        self._house = house
        self._reader = index.reader
        self._index = index
        self._documents = documents
        self._ports, self._approvals = desk
        self._sessions = self._ports.sessions
        self._cosigned = cosigned
        self._looks = Pace(LOOKS_AT_ONCE, LOOKS_A_SECOND)

    def app(self) -> Starlette:
        """The ASGI application of all control paths."""
        routes = [Route("/livez", self._livez), Route("/readyz", self._readyz)]
        for endpoint in ENDPOINTS:
            answer = self._guarded(getattr(self, endpoint.handler), endpoint)
            routes.append(Route(endpoint.path, answer, methods=[endpoint.method]))
        return Starlette(routes=routes, exception_handlers={404: _nothing, 405: _nothing})

    def _guarded(self, handler: Handler, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                headers = read_headers(request.headers.raw)
                key = authenticate(headers, self._house.view.by_secret, loopback=self._house.loopback)
                require(key, *endpoint.roles)
                check_known(headers)
                _check_query(request, endpoint)
                return await handler(request, key)
            except CaveatError as error:
                return _problem(error)
            except ClientGone:
                return Response(status_code=400)  # nobody is there to read it

        return answer

    @staticmethod
    async def _livez(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def _readyz(self, request: Request) -> Response:
        """Ready when terms are in force and a record can be written; details for those who may inspect."""
        state = await readiness(self._house)
        status = 200 if state.ready else 503
        try:
            headers = read_headers(request.headers.raw)
            key = authenticate(headers, self._house.view.by_secret, loopback=self._house.loopback)
            require(key, *INSPECTORS)
        except CaveatError:
            return PlainTextResponse("ready\n" if state.ready else "not ready\n", status)
        return JSONResponse(state.details(), status)

    async def metrics(self, _request: Request, _key: CallerKey) -> Response:
        await note_leases(self._house)
        await note_witnesses(self._house)
        return Response(await self._house.counts(), media_type="text/plain; version=0.0.4")

    async def models(self, request: Request, key: CallerKey) -> Response:
        aliases = [alias for alias, routes in sorted(self._house.view.routes.items()) if _usable(key, routes)]
        if "anthropic-version" in request.headers:
            data = [
                {"type": "model", "id": a, "display_name": a, "created_at": "1970-01-01T00:00:00Z"} for a in aliases
            ]
            first, last = (aliases[0], aliases[-1]) if aliases else (None, None)
            return JSONResponse({"data": data, "has_more": False, "first_id": first, "last_id": last})
        models = [
            {"id": a, "object": "model", "created": 0, "owned_by": self._house.view.routes[a][0].identity}
            for a in aliases
        ]
        return JSONResponse({"object": "list", "data": models})

    async def checkpoint(self, _request: Request, _key: CallerKey) -> Response:
        return PlainTextResponse(await self._house.log.checkpoint())

    async def tile(self, request: Request, _key: CallerKey) -> Response:
        data = await asyncio.to_thread(self._reader.file, "tile/" + request.path_params["path"])
        if data is None:
            raise Refused("there is no such tile", code="not_found", status=404)
        return Response(data, media_type="application/octet-stream")

    async def call(self, request: Request, key: CallerKey) -> Response:
        call = request.path_params["call"]
        found = await asyncio.to_thread(self._look_up, call, key)
        return JSONResponse({"call": call, "records": found})

    def _look_up(self, call: str, key: CallerKey) -> list[dict[str, Any]]:
        """The call's records with what opens them.  Raises Refused where there are none, or they are another's."""
        found: list[dict[str, Any]] = []
        for kind, index in sorted(self._index.find(call).at.items(), key=lambda pair: pair[1]):
            entry = self._reader.entry(index)
            leaf = record.read_leaf(entry.leaf)
            opened = record.disclosed(leaf, record.read_aside(entry.aside).d) if entry.aside else {}
            found.append({"index": index, "kind": kind, "leaf": entry.leaf.decode(), "opened": opened})
        owners = {r["opened"]["who"]["caller"] for r in found if "who" in r["opened"]}
        if not found or (key.role == "caller" and owners != {key.caller.id}):
            raise Refused("there is no such call, or it is not yours", code="not_found", status=404)
        return found

    async def receipt(self, request: Request, key: CallerKey) -> Response:
        call = request.path_params["call"]
        found = await asyncio.to_thread(self._look_up, call, key)
        return PlainTextResponse(await self._proof(found[0]["index"]))

    async def _proof(self, index: int) -> bytes:
        """A receipt, on a checkpoint that witnesses cosigned where theirs covers it."""
        if self._cosigned is None:
            return await self._house.log.proof(index)
        return await asyncio.to_thread(self._cosigned, index) or await self._house.log.proof(index)

    async def terms(self, _request: Request, _key: CallerKey) -> Response:
        register = self._house.view.register
        in_force = [
            {
                "terms": t.draft.name,
                "digest": t.digest,
                "until_ms": t.draft.valid_until_ms,
                "yaml": t.draft.yaml.decode(),
            }
            for t in register.terms.values()
        ]
        return JSONResponse({"in_force": in_force, "ended": register.ended})

    async def end_terms(self, request: Request, _key: CallerKey) -> Response:
        name = request.path_params["name"]
        await self._house.end_terms(name, await request.body())
        return JSONResponse({"ended": name})

    async def keys(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"keys": await self._house.key_list()})

    async def set_budget(self, request: Request, _key: CallerKey) -> Response:
        """The body is a Budget document; `{}` lifts all bounds."""
        name = request.path_params["name"]
        await self._house.set_budget(name, await self._body(request))
        return JSONResponse({"budgeted": name})

    async def new_key(self, request: Request, _key: CallerKey) -> Response:
        """The body is a CallerKey document: the key's text was made by whoever asks, and never comes here."""
        name = await self._house.add_key(await self._body(request))
        return JSONResponse({"key": name})

    async def revoke_key(self, request: Request, _key: CallerKey) -> Response:
        name = request.path_params["name"]
        await self._house.revoke_key(name)
        return JSONResponse({"revoked": name})

    async def evaluate(self, request: Request, key: CallerKey) -> Response:
        """A dry run, as the key that asks: the same reading, facts and decision, and a record of the look."""
        self._looks.take(time.monotonic())
        return JSONResponse(await dry_run(self._house, key, await self._body(request)))

    async def _body(self, request: Request) -> bytes:
        limit = self._house.settings.gateway.max_body_bytes
        return await read_body(request.receive, limit=limit, seconds=BODY_SECONDS)

    async def coverage(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"measured": await asyncio.to_thread(newest, self._house)})

    async def keep_coverage(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"measured": await keep(self._house, await self._body(request))})

    async def exported(self, request: Request, _key: CallerKey) -> Response:
        document = await self._body(request)
        receiver, export = read_export(document)
        await self._house.amend("evidence.exported", receiver, document)
        return JSONResponse({"exported": receiver, "number": export.number})

    async def challenged(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse(await challenges.put_challenge(self._house, await self._body(request)))

    async def judged(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse(await put_verdict(self._house, await self._body(request)))

    async def answered(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse(await challenges.put_answered(self._house, await self._body(request)))

    @staticmethod
    async def openapi(_request: Request, _key: CallerKey) -> Response:
        return JSONResponse(description(__version__))


def _check_query(request: Request, endpoint: Endpoint) -> None:
    """Raises Refused `header_invalid` for a parameter that the endpoint does not take."""
    if not set(request.query_params).issubset(endpoint.query):
        takes = ", ".join(f"`{name}`" for name in endpoint.query) or "none"
        raise Refused(
            "the address has a query parameter that is not known here",
            code="header_invalid",
            status=400,
            hint=f"it takes {takes}",
        )


def _usable(key: CallerKey, routes: Sequence[view.Route]) -> bool:
    """Whether the terms of some route of a model have a purpose that the key is for."""
    own = set(key.caller.purposes)
    return not own or any(own.intersection(route.policy.terms.draft.purposes) for route in routes)


def _problem(error: CaveatError) -> Response:
    if isinstance(error, BadInput | NotVerified):
        code = "bad_input" if isinstance(error, BadInput) else "not_verified"
        return JSONResponse({"error": {"code": code, "message": error.message, "hint": error.hint}}, 400)
    status, halt = problem(error)
    return JSONResponse({"error": {"code": halt.code, "message": halt.message}}, status)


async def _nothing(_request: Request, error: Exception) -> Response:
    """What Starlette would say in plain text: no such path, or one that takes another method."""
    status = getattr(error, "status_code", 404)
    code, message = PATHS[status]
    told = {"code": code, "message": f"{message}; GET /caveat/v1/openapi.json lists the paths"}
    return JSONResponse({"error": told}, status, headers=getattr(error, "headers", None))
