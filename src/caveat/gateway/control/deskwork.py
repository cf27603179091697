"""The control API's paths for what the console's pages do: over the very ports that the pages have (console/ports.py).

Rule of this file: whoever looks at what was said in a call leaves a record of it, under the name and role of their key.
"""

import asyncio
from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from caveat.canon import b64
from caveat.console.ports import Ports
from caveat.errors import BadInput, Refused
from caveat.gateway.call.bodyin import read_body
from caveat.gateway.house.house import House
from caveat.gateway.proof.content import look
from caveat.register import CallerKey

T = TypeVar("T", bound=Struct)
MOST_BYTES = 1 << 22
MOST_LINES = 100_000
BODY_SECONDS = 30.0


class _Change(Struct, frozen=True, forbid_unknown_fields=True):
    """Two versions of terms, as YAML."""

    before: str
    after: str


class _Proposal(Struct, frozen=True, forbid_unknown_fields=True):
    """Terms as YAML, and the period of calls on which they are tried (days, "" for open)."""

    terms: str
    since: str = ""
    until: str = ""


class _Bundle(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose next bundle, under which profile."""

    receiver: str
    profile: str = "audit"


class Deskwork:
    """The handlers, over one house and the console's ports."""

    _house: House
    _ports: Ports

    async def content(self, request: Request, key: CallerKey) -> Response:
        """What was said in a call, base64; the look is on record first."""
        call, which = request.path_params["call"], request.path_params["which"]
        body = await look(self._house, call, which, key.caller.id, key.role)
        return JSONResponse({"call": call, "which": which, "body": b64(body)})

    async def find(self, request: Request, _key: CallerKey) -> Response:
        """The index of the record that an index, a call, a hash or a digest names."""
        what = request.query_params.get("what", "")[:100]
        return JSONResponse({"index": await asyncio.to_thread(self._ports.records.find, what)})

    async def checked(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse(msgspec.to_builtins(await asyncio.to_thread(self._ports.records.checked)))

    async def check(self, _request: Request, _key: CallerKey) -> Response:
        self._ports.records.check()
        return JSONResponse({"state": "runs"})

    async def semantic(self, request: Request, _key: CallerKey) -> Response:
        change = await _read(request, _Change)
        return JSONResponse(await self._ports.agreements.semantic(change.before.encode(), change.after.encode()))

    async def replay(self, request: Request, _key: CallerKey) -> Response:
        one = await _read(request, _Proposal)
        impact = await self._ports.agreements.replay(one.terms.encode(), one.since, one.until)
        return JSONResponse(msgspec.to_builtins(impact))

    async def bundles(self, _request: Request, _key: CallerKey) -> Response:
        """Bundles that lie here; challenges that came in, and verdicts made elsewhere, by the ledger's word."""
        evidence = self._ports.evidence
        asked = {"bundles": evidence.prepared, "challenges": evidence.challenges, "verdicts": evidence.verdicts}
        found = {name: await asyncio.to_thread(ask) for name, ask in asked.items()}
        return JSONResponse(msgspec.to_builtins(found))

    async def prepare_bundle(self, request: Request, _key: CallerKey) -> Response:
        wanted = await _read(request, _Bundle)
        return JSONResponse({"id": await self._ports.evidence.prepare(wanted.receiver, wanted.profile)})

    async def view_bundle(self, request: Request, _key: CallerKey) -> Response:
        lines, n = await asyncio.to_thread(self._ports.evidence.view, request.path_params["id"], MOST_LINES)
        return JSONResponse({"lines": list(lines), "all": n})

    async def release_bundle(self, request: Request, _key: CallerKey) -> Response:
        await self._ports.evidence.release(request.path_params["id"])
        return JSONResponse({"released": request.path_params["id"]})

    async def fetch_bundle(self, request: Request, _key: CallerKey) -> Response:
        path = await asyncio.to_thread(self._ports.evidence.bundle, request.path_params["id"])
        return FileResponse(path, media_type="application/zip")

    async def drop_bundle(self, request: Request, _key: CallerKey) -> Response:
        await asyncio.to_thread(self._ports.evidence.drop, request.path_params["id"])
        return JSONResponse({"dropped": request.path_params["id"]})

    async def verify_bundle(self, request: Request, _key: CallerKey) -> Response:
        self._ports.evidence.verify(request.path_params["id"])
        return JSONResponse({"state": "runs"})

    async def bundle_report(self, request: Request, _key: CallerKey) -> Response:
        path = await asyncio.to_thread(self._ports.evidence.report, request.path_params["id"])
        return FileResponse(path, media_type="text/html", headers={"content-disposition": "attachment"})

    async def trust(self, _request: Request, _key: CallerKey) -> Response:
        return PlainTextResponse(await asyncio.to_thread(self._ports.evidence.trust))

    async def health(self, _request: Request, _key: CallerKey) -> Response:
        """How the house is, and what needs a person."""
        lights, needs = await self._ports.health(), await self._ports.needs()
        return JSONResponse({"health": msgspec.to_builtins(lights), "needs": msgspec.to_builtins(needs)})

    async def counts(self, request: Request, _key: CallerKey) -> Response:
        """Calls by minute or hour, outcome and word, since a time."""
        asked = request.query_params
        unit, since = asked.get("unit", "3600"), asked.get("since_s", "0")
        if unit not in ("60", "3600") or not since.isdecimal() or len(since) > 12:
            raise Refused("`unit` is 60 or 3600 seconds, `since_s` POSIX seconds", code="header_invalid", status=400)
        found = await asyncio.to_thread(self._ports.lists.counts, int(unit), asked.get("by", "all"), int(since))
        return JSONResponse({"counts": msgspec.to_builtins(found)})


async def _read(request: Request, kind: type[T]) -> T:
    body = await read_body(request.receive, limit=MOST_BYTES, seconds=BODY_SECONDS)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the body cannot be read: {error}") from None
