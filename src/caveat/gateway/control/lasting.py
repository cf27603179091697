"""The control API's paths for how long terms last: leases, renewals, statements of their end, where an alias goes, what is said.

Rule of this file: a signature puts something in force, never a role; a role only says who may bring it here.
"""

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caveat.errors import BadInput
from caveat.gateway.call.bodyin import read_body
from caveat.gateway.house import aliases, leasing
from caveat.gateway.house.house import House
from caveat.gateway.proof import claiming, stating
from caveat.ledger.reader import LedgerReader
from caveat.register import CallerKey

MOST_BYTES = 1 << 16
BODY_SECONDS = 30.0


class _Target(Struct, frozen=True, forbid_unknown_fields=True):
    """Terms by id, and the model's alias in them; "" for what is left open.  `on_lapse`: what stands by takes over at a
    lapse, too."""

    terms: str = ""
    model: str = ""
    on_lapse: bool = False


class Lasting:
    """The handlers, over one house."""

    _house: House
    _reader: LedgerReader

    async def leases(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"leases": await leasing.leases(self._house)})

    async def renew(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse(await leasing.renew(self._house, request.path_params["name"], await _note(request)))

    async def aliases(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"aliases": aliases.aliases(self._house)})

    async def stand_by(self, request: Request, _key: CallerKey) -> Response:
        alias, target = request.path_params["alias"], await _target(request)
        await aliases.stand_by(self._house, alias, target.terms, target.model, on_lapse=target.on_lapse)
        return JSONResponse({"alias": alias, "standby": target.terms})

    async def switch(self, request: Request, _key: CallerKey) -> Response:
        target = await _target(request)
        return JSONResponse(await aliases.switch(self._house, request.path_params["alias"], target.terms, target.model))

    async def claims(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse(claiming.listed(self._house.view.register))

    async def claim(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse(await claiming.claim(self._house, await _note(request)))

    async def review_claim(self, request: Request, key: CallerKey) -> Response:
        body = await _note(request)
        found = body.decode("utf-8", "replace")
        return JSONResponse(await claiming.reviewed(self._house, request.path_params["name"], key.caller.id, found))

    async def state_end(self, request: Request, _key: CallerKey) -> Response:
        note = await stating.state_end(self._house, self._reader, request.path_params["name"])
        return JSONResponse({"statement": note.decode()})


async def _target(request: Request) -> _Target:
    body = await _note(request)
    try:
        return msgspec.json.decode(body, type=_Target) if body else _Target()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f'expected {{"terms": ..., "model": ...}}: {error}') from None


async def _note(request: Request) -> bytes:
    return await read_body(request.receive, limit=MOST_BYTES, seconds=BODY_SECONDS)
