"""One seal, composed: its count, its gate, what it tells, and its beats, as one ASGI application.

anything else                        the gate (gate.py): a permit, or no way on
GET  /caveat-seal/v1/report          beats and tickets that were not yet taken on record
POST /caveat-seal/v1/told            {"boot": 3, "beat": 7}: everything up to there is on record (with a permit)
POST /caveat-seal/v1/beat            beat now (with a permit)
POST /caveat-seal/v1/checkpoint      a newer checkpoint of the gateway's log (newest.py)
GET  /health and the like            as `open_paths` says, passed on without a permit and never counted
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.errors import BadInput, CaveatError, NotVerified, Refused, Unavailable
from caveat.seal.count import Count
from caveat.seal.counters import PATH as COUNTERS
from caveat.seal.counters import read_counters
from caveat.seal.gate import App, Gate, Receive, Send, answer
from caveat.seal.journal import Journal
from caveat.seal.newest import MOST_BODY, Newest
from caveat.seal.permit import by_id
from caveat.seal.settings import CHECKPOINT, JOURNAL, SealSettings, secret_in, signing_key

PREFIX: Final = "/caveat-seal/v1/"
TOLD_AT_ONCE: Final = 64
"""Beats in one report."""
TICK_S: Final = 0.25

GetPage = Callable[[str], Awaitable[bytes]]


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """Up to which beat everything is on record."""

    boot: int
    beat: int


class Line(Struct, frozen=True):
    """A beat in a report: the signed note, and the tickets since the beat before it."""

    boot: int
    beat: int
    note: str
    tickets: tuple[str, ...]


class Report(Struct, frozen=True):
    """What a seal tells to whoever keeps the record."""

    seal: str
    lines: tuple[Line, ...]


class Seal:
    """One seal.  `start` before the first request, `stop` after the last."""

    def __init__(self, folder: Path, settings: SealSettings, app: App, page: GetPage | None = None) -> None:
        """Raises BadInput, NotVerified, Unavailable: a sentence."""
        self._settings = settings
        self._app = app
        self._page = page
        self._access = secret_in(folder, settings.access_file)
        check_weights(folder, settings)
        key = signing_key(folder)
        self._name = key.name
        self._newest = Newest(folder / CHECKPOINT, settings.log_keys())
        self._permits = by_id(settings.permit_keys())
        self._journal = Journal(folder / JOURNAL)
        self.count = Count(self._journal, key, settings.model)
        self._gate = Gate(app, self.count, self._newest, key.name, settings.model)
        self._beats: asyncio.Task[None] | None = None
        self._beating = asyncio.Lock()
        self._beaten_at = 0.0

    @property
    def name(self) -> str:
        """The seal's name."""
        return self._name

    @property
    def fault(self) -> str:
        """Why nothing more can be counted, "" as long as it can."""
        return self._journal.fault

    def lend_access(self, key: str) -> None:
        """Take requests only with this key beside their permit."""
        self._access = key

    async def start(self) -> None:
        """Open the next boot; permits from before it are no good.  Returns when that second is over."""
        before_s = self.count.newest_ms // 1000
        again = self.count.boot > 0
        self.count.begin(self._newest.size, await self._counters())
        since_s = max(int(time.time()), before_s) + 1 if again else 0
        self._gate.open(self._permits, since_s)
        if again:
            await asyncio.sleep(
                1 - time.time() % 1
            )  # where the clock was set back, until it has caught up: permits fail
        self._beaten_at = time.monotonic()
        self._beats = asyncio.get_running_loop().create_task(self._keep_beating())

    async def stop(self) -> None:
        """Say that the boot is over.  Every call has its ticket by now."""
        if self._beats is not None:
            self._beats.cancel()
            with suppress(asyncio.CancelledError):
                await self._beats
        with suppress(Unavailable):
            await self._beat("tick" if self.count.running else "close")
        self._journal.close()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            late = time.monotonic() - self._beaten_at >= 0.9 * self._settings.beat_s - TICK_S
            if late or self.count.due:
                with suppress(Unavailable):  # then nothing is counted, and so nothing passes
                    await self._beat("tick")

    async def _beat(self, kind: str) -> None:
        async with self._beating:
            before = self.count.state
            engine = await self._counters()
            if before != self.count.state:
                engine = None  # calls went on meanwhile, so the two counts are not of one moment
            await self.count.beat(kind, self._newest.size, engine)
            self._beaten_at = time.monotonic()

    async def _counters(self) -> tuple[int, int] | None:
        if self._page is None or not self._settings.engine.counters:
            return None
        try:
            page = await self._page(COUNTERS)
        except Unavailable:
            return None
        return read_counters(page.decode("utf-8", "replace"), self._settings.engine.counters)

    # --- what it answers ---

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"]
        if path in self._settings.open_paths and scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        if not self._may_enter(scope):
            self.count.turned_away()
            await answer(send, Refused("the key for this seal is missing", code="access_denied", status=401))
        elif path.startswith(PREFIX):
            await self._tell(scope, receive, send)
        else:
            await self._gate(scope, receive, send)

    def _may_enter(self, scope: MutableMapping[str, Any]) -> bool:
        if not self._access:
            return True
        headers = dict(scope["headers"])
        given = headers.get(b"authorization", b"").removeprefix(b"Bearer ") or headers.get(b"x-api-key", b"")
        return hmac.compare_digest(given, self._access.encode())

    async def _tell(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        handler = self._TELLS.get((scope["method"], scope["path"].removeprefix(PREFIX)))
        try:
            body = await _small_body(receive)
            if handler in (Seal._forget, Seal._beat_now):
                self._gate.check_word(scope, body)
            said = await (handler or Seal._nothing)(self, body)
        except Refused as error:
            await answer(send, error)
        except NotVerified as error:
            await answer(send, Refused(error.message, code="not_verified", status=422))
        except CaveatError as error:
            await answer(send, error)
        else:
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(said)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": said, "more_body": False})

    async def _nothing(self, _body: bytes) -> bytes:
        raise Refused("a seal has no such page", code="not_found", status=404)

    async def _report(self, _body: bytes) -> bytes:
        kept = self.count.kept[:TOLD_AT_ONCE]
        lines = tuple(Line(one.boot, one.beat, one.note.decode(), one.tickets) for one in kept)
        return msgspec.json.encode(Report(self._name, lines))

    async def _forget(self, body: bytes) -> bytes:
        try:
            told = msgspec.json.decode(body, type=Told)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadInput("expected a boot and a beat") from None
        await self.count.forget(told.boot, told.beat)
        return b"{}"

    async def _beat_now(self, _body: bytes) -> bytes:
        await self._beat("tick")
        return b"{}"

    async def _checkpoint(self, body: bytes) -> bytes:
        size = self._newest.take(body, int(time.time()))
        return msgspec.json.encode({"size": size})

    _TELLS = {  # noqa: RUF012 - a table
        ("GET", "report"): _report,
        ("POST", "told"): _forget,
        ("POST", "beat"): _beat_now,
        ("POST", "checkpoint"): _checkpoint,
    }


def check_weights(folder: Path, settings: SealSettings) -> None:
    """Raises NotVerified where the file of weights is not the model that the settings name."""
    if not settings.weights:
        return
    path = folder / settings.weights
    try:
        with path.open("rb") as file:
            found = f"weights:sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise BadInput(f"cannot read the weights `{path}`: {error.strerror}") from None
    if found != settings.model:
        raise NotVerified(
            f"the weights in `{path}` are `{found}`, and the seal is for `{settings.model}`",
            step="seal",
            hint="put the agreed weights back, or agree with the vendor on the new ones",
        )


async def _small_body(receive: Receive) -> bytes:
    data: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("the request broke off")
        data += message.get("body", b"")
        if len(data) > MOST_BODY:
            raise Refused(f"more than {MOST_BODY} bytes", code="too_large", status=413)
        if not message.get("more_body", False):
            return data
