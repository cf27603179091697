"""The ASGI edge: model calls go to the spine, persons' pages to the console, everything else to the
control paths.

There is no pass-through: a path that is neither answers 404 in the format that its caller expects.  The outermost edge
of the process: what nobody foresaw ends here, and what it ends is refused.
"""

from typing import Any

from msgspec.structs import replace

from caveat.console.app import PREFIX, Console
from caveat.errors import CaveatError, Refused, Unreadable
from caveat.gateway.call.bodyin import key_headers, read_body, read_headers
from caveat.gateway.call.fault import unforeseen
from caveat.gateway.call.handle import handle, new_call_id, refuse, unread
from caveat.gateway.call.sender import Sender
from caveat.gateway.control.endpoints import CONTROL_PATHS, CONTROL_PREFIX
from caveat.gateway.house.begun import Asked, Request
from caveat.gateway.house.callers import authenticate
from caveat.gateway.house.house import House
from caveat.gateway.house.watch import HANG_UP, ClientGone, Watch
from caveat.gateway.serving.nowhere import nowhere
from caveat.wire.dialect import Dialect
from caveat.wire.dialects import BY_PATH, DIALECTS


class App:
    """The gateway as an ASGI application.  `control` answers what is not a model call, `console` what persons look at."""

    def __init__(self, house: House, control: Any, console: Console) -> None:
        self._house = house
        self._control = control
        self._console = console

    def leave(self) -> None:
        """The server ends: answers that would never end by themselves do now."""
        self._console.leave()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3."""
        if scope["type"] != "http":
            await self._control(scope, receive, send)
            return
        out = Sender(send)
        try:
            await self._answer(scope, receive, out)
        except Exception as error:  # noqa: BLE001 (the outermost edge)
            refused = unforeseen(error)
            if not out.started:
                await refuse(self._house, _dialect_at(scope["path"]), new_call_id(), refused, out)

    async def _answer(self, scope: Any, receive: Any, out: Sender) -> None:
        dialect = BY_PATH.get(scope["path"])
        if dialect is not None:
            await self._model_call(dialect, scope, receive, out)
        elif scope["path"] == PREFIX or scope["path"].startswith(f"{PREFIX}/"):
            await self._console(scope, receive, out.send)
        elif scope["path"] in CONTROL_PATHS or scope["path"].startswith(CONTROL_PREFIX):
            await self._control(scope, receive, out.send)
        else:
            await refuse(self._house, _dialect_at(scope["path"]), new_call_id(), nowhere(scope["path"]), out)

    async def _model_call(self, dialect: Dialect, scope: Any, receive: Any, out: Sender) -> None:
        house, call = self._house, new_call_id()
        try:
            if scope["method"] != "POST":
                raise Refused("this path takes POST", code="method_not_allowed", status=405)
            key = authenticate(key_headers(scope["headers"]), house.view.by_secret, loopback=house.loopback)
        except CaveatError as error:
            await refuse(house, dialect, call, error, out)
            return
        request = Request(scope["path"], scope["query_string"], {}, b"")
        try:
            request = replace(request, headers=read_headers(scope["headers"]))
            limits = house.settings.gateway
            body = await read_body(receive, limit=limits.max_body_bytes, seconds=limits.body_timeout_s)
        except Unreadable as error:
            await unread(house, Asked(call, key, dialect, request), error, out)
            return
        except ClientGone:
            await unread(house, Asked(call, key, dialect, request), Unreadable("the body did not come whole"), out)
            return
        watch = Watch(receive, scope.get("extensions", {}).get(HANG_UP, {}).get("when"))
        try:
            await handle(house, Asked(call, key, dialect, replace(request, body=body)), out, watch)
        finally:
            watch.close()


def _dialect_at(path: str) -> Dialect:
    """The dialect in which a path that is no call is most likely asked for."""
    anthropic = "messages" in path or "anthropic" in path
    return DIALECTS["anthropic_messages" if anthropic else "openai_chat"]
