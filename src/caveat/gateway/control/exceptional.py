"""The control API's paths for exceptions: approvers, waivers, held calls.

Rule of this file: a signature puts something in force, never a role; a role only says who may bring it here.
"""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caveat.gateway.call.bodyin import read_body
from caveat.gateway.exceptions import acts as exceptions
from caveat.gateway.exceptions import holding
from caveat.gateway.exceptions.approvals import Approvals, Pending
from caveat.gateway.house.house import House
from caveat.gateway.proof.content import HELD, note_look
from caveat.register import CallerKey

MOST_BYTES = 1 << 18
BODY_SECONDS = 30.0


class Exceptional:
    """The handlers, over one house."""

    _house: House
    _approvals: Approvals

    async def approvers(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"approvers": exceptions.approvers(self._house)})

    async def trust_approver(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"approver": await exceptions.trust_approver(self._house, await _document(request))})

    async def remove_approver(self, request: Request, _key: CallerKey) -> Response:
        person = request.path_params["name"]
        await exceptions.remove_approver(self._house, person)
        return JSONResponse({"removed": person})

    async def waivers(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"waivers": exceptions.waivers(self._house)})

    async def grant_waiver(self, request: Request, _key: CallerKey) -> Response:
        waiver = await exceptions.grant(self._house, await _document(request))
        return JSONResponse({"waiver": waiver.id, "approvers": waiver.approvers, "max_uses": waiver.max_uses})

    async def end_waiver(self, request: Request, _key: CallerKey) -> Response:
        id_ = request.path_params["name"]
        await exceptions.end_waiver(self._house, id_)
        return JSONResponse({"ended": id_})

    async def approvals(self, _request: Request, _key: CallerKey) -> Response:
        found = await asyncio.to_thread(self._approvals.listed)
        return JSONResponse({"approvals": [_row(one) for one in found]})

    async def add_approval(self, request: Request, _key: CallerKey) -> Response:
        """A waiver's file or a held call's, with the signatures that it has: they are added to those that are here.  Or a
        person's refusal, which ends it."""
        document = await _document(request)
        id_, in_force = await self._approvals.add(document)
        refused = id_ in self._house.view.register.decided and not in_force
        return JSONResponse({"id": id_, "in_force": in_force, "refused": refused})

    async def approval(self, request: Request, _key: CallerKey) -> Response:
        one = await asyncio.to_thread(self._approvals.one, request.path_params["name"])
        return JSONResponse({**_row(one), "document": one.envelope.decode()})

    async def drop_approval(self, request: Request, _key: CallerKey) -> Response:
        id_ = request.path_params["name"]
        await self._approvals.deny(id_)
        return JSONResponse({"refused": id_})

    async def holds(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"holds": await asyncio.to_thread(holding.waiting, self._house)})

    async def hold(self, request: Request, key: CallerKey) -> Response:
        """Its words too, so the look is on record first."""
        name = request.path_params["name"]
        shown = await asyncio.to_thread(holding.shown, self._house, name)
        await note_look(self._house, name, HELD, key.caller.id, key.role)
        return JSONResponse(shown)

    async def release_hold(self, request: Request, _key: CallerKey) -> Response:
        hold, released = await holding.decide_hold(self._house, await _document(request))
        return JSONResponse({"released" if released else "denied": hold})

    async def deny_hold(self, request: Request, _key: CallerKey) -> Response:
        hold = request.path_params["name"]
        await holding.deny(self._house, hold)
        return JSONResponse({"denied": hold})


def _row(one: Pending) -> dict[str, Any]:
    who = [{"person": row.person, "side": row.side, "why_not": row.why_not} for row in one.who]
    about = {"id": one.id, "of": one.of, "asked": one.asked, "terms": one.terms}
    return {**about, "signed": one.signed, "lacking": one.lacking, "approvers": who}


async def _document(request: Request) -> bytes:
    return await read_body(request.receive, limit=MOST_BYTES, seconds=BODY_SECONDS)
