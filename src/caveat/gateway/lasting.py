"""The control API's paths for how long terms last: leases, renewals, statements of their end.

Rule of this file: a signature puts something in force, never a role; a role only says who may bring it here.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caveat.gateway import leasing, stating
from caveat.gateway.bodyin import read_body
from caveat.gateway.house import House
from caveat.ledger.reader import LedgerReader
from caveat.register import CallerKey

MOST_BYTES = 1 << 16
BODY_SECONDS = 30.0


class Lasting:
    """The handlers, over one house."""

    _house: House
    _reader: LedgerReader

    async def leases(self, _request: Request, _key: CallerKey) -> Response:
        return JSONResponse({"leases": await leasing.leases(self._house)})

    async def renew(self, request: Request, _key: CallerKey) -> Response:
        return JSONResponse(await leasing.renew(self._house, request.path_params["name"], await _note(request)))

    async def state_end(self, request: Request, _key: CallerKey) -> Response:
        note = await stating.state_end(self._house, self._reader, request.path_params["name"])
        return JSONResponse({"statement": note.decode()})


async def _note(request: Request) -> bytes:
    return await read_body(request.receive, limit=MOST_BYTES, seconds=BODY_SECONDS)
