"""The control API's paths for what the console shows too: lists of calls, explanations, the index, links into the console."""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from caveat.console.login import login_path
from caveat.console.sessions import Sessions
from caveat.console.values import Wanted
from caveat.errors import BadInput
from caveat.gateway.call.bodyin import read_body
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.house import House
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.follow import Index
from caveat.gateway.proof.explaining import Explained, explained
from caveat.register import CallerKey

MOST_BYTES = 1 << 16
BODY_SECONDS = 30.0
NUMBERS = ("since_ms", "until_ms", "before", "most")


class _Link(Struct, frozen=True, forbid_unknown_fields=True):
    person: str
    role: str


class Looking:
    """The handlers, over one house and its index."""

    _house: House
    _index: Index
    _documents: Documents
    _sessions: Sessions

    async def list_calls(self, request: Request, _key: CallerKey) -> Response:
        """Calls that fit; `before` the index of the last one goes on behind it."""
        asked: dict[str, Any] = dict(request.query_params)
        for name in NUMBERS:
            if name in asked:
                asked[name] = _number(asked[name], name)
        page = await asyncio.to_thread(Lists(self._index).calls, Wanted(**asked))
        return JSONResponse({"calls": [msgspec.to_builtins(line) for line in page.lines], "more": page.more})

    async def explanation(self, request: Request, _key: CallerKey) -> Response:
        """The sentences of `caveat explain`."""
        language = request.query_params.get("language", "en")
        found = await asyncio.to_thread(explained, self._index, self._documents, request.path_params["call"], language)
        return JSONResponse(told(found))

    async def index(self, _request: Request, _key: CallerKey) -> Response:
        """How many of the ledger's records it has seen."""
        reach = await asyncio.to_thread(Lists(self._index).reach)
        return JSONResponse({"seen": reach.seen, "size": reach.size})

    async def meter(self, _request: Request, _key: CallerKey) -> Response:
        """Where the seals' counts and the ledger differ."""
        lists = Lists(self._index)
        found, upto = await asyncio.to_thread(lists.gaps), await asyncio.to_thread(lists.metered)
        clean = all(one.kind != "gap" for one in found)
        return JSONResponse({"clean": clean, "compared": upto, "found": msgspec.to_builtins(found)})

    async def console_link(self, request: Request, _key: CallerKey) -> Response:
        """{"person": "anna", "role": "viewer"} -> the path of a link that is good once, for an hour."""
        body = await read_body(request.receive, limit=MOST_BYTES, seconds=BODY_SECONDS)
        try:
            wanted = msgspec.json.decode(body, type=_Link)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"expected a person and a role: {error}") from None
        return JSONResponse({"path": login_path(self._sessions.link(wanted.person, wanted.role)), "role": wanted.role})


def told(found: Explained) -> dict[str, Any]:
    """An explanation as JSON."""
    return {
        "call": found.call,
        "decision": msgspec.to_builtins(found.decision),
        "facts": msgspec.to_builtins(found.facts),
        "ending": found.ending,
        "sentences": list(found.sentences),
    }


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise BadInput(f"`{name}`: expected a whole number")
    return int(text)
