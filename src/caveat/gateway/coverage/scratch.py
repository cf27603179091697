"""A gateway to try terms on: the one that ships, over a home that is thrown away, before a scripted upstream.

What listens is what `caveat serve` serves (gateway/serving/serve.py): the same ledger on disk, the same spine, real HTTP.  Only
the parties are thrown away with the home: two fresh keys sign the very terms, so the pair's digest is the one in force.
"""

import asyncio
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import uvloop
from msgspec import Struct

from caveat.errors import Unavailable
from caveat.facts import Caller
from caveat.gateway.home.directory import Home, create
from caveat.gateway.home.tables import GatewaySettings, LedgerSettings, Settings
from caveat.gateway.house.callers import new_key_text, secret_digest
from caveat.gateway.house.founding import found, trust_party
from caveat.gateway.house.house import House
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import Scripted
from caveat.gateway.serving.serve import Server, application, bind, url_of
from caveat.gateway.serving.startup import open_house
from caveat.gateway.upstream.client import Access, HttpUpstream
from caveat.gateway.upstream.endpoint import Endpoint
from caveat.gateway.upstream.made import Upstreams
from caveat.keys import new_signing_key
from caveat.register import CallerKey
from caveat.terms.condition import read_condition
from caveat.terms.document import Draft
from caveat.terms.sign import sign_terms
from caveat.wire.dialects import DIALECTS

START_SECONDS = 120.0
NAME = "coverage"
TOP = 15
"""The highest clearance: a caller's rank is not what the matrix is about."""


class Scratch(Struct, frozen=True):
    """The gateway: where it listens, what stands behind it, its terms' digest, and a key for each caller that the terms
    name; `attempts` is how many every decided call must make to show that it went the way that is tried."""

    url: str
    home: Home
    upstream: Scripted
    digest: str
    callers: dict[str, str]
    attempts: int = 1


@contextmanager
def scratch(draft: Draft, settings: Settings | None = None) -> Iterator[Scratch]:
    """The terms in force on a gateway of its own, as long as the block lasts.  `settings` say what sort of network the
    gateway stands on, and with what it reads.  Raises NotVerified, Unavailable."""
    with (
        tempfile.TemporaryDirectory(prefix="caveat-coverage-") as folder,
        scripted.serve(says("Good morning.")) as upstream,
        _serving(Path(folder) / "home", draft, settings or Settings(), upstream) as made,
    ):
        yield made


@contextmanager
def _serving(path: Path, draft: Draft, like: Settings, upstream: Scripted) -> Iterator[Scratch]:
    origin = f"localhost/caveat/{NAME}-{secrets.token_hex(4)}"
    settings = Settings(
        gateway=GatewaySettings(
            address="127.0.0.1:0",
            name=NAME,
            origin=origin,
            network=like.gateway.network,
            posture=like.gateway.posture,
            marking_floor=like.gateway.marking_floor,
        ),
        recognizer=like.recognizer,
        ledger=LedgerSettings(checkpoint_interval_ms=1000, min_free_mb=1),
    )
    home, _ = create(path, f'[gateway]\norigin = "{origin}"\n')
    running = _Running(home, settings, draft, upstream)
    thread = threading.Thread(target=running.main, name="coverage gateway", daemon=True)
    thread.start()
    try:
        yield running.wait()
    finally:
        running.stop()
        thread.join(START_SECONDS)


class _Running:
    """The thread that serves.  `main` is its whole life; `wait` gives what it made, or raises what it met."""

    def __init__(self, home: Home, settings: Settings, draft: Draft, upstream: Scripted) -> None:
        self._home = home
        self._settings = settings
        self._draft = draft
        self._upstream = upstream
        self._up = threading.Event()
        self._made: Scratch | None = None
        self._server: Server | None = None
        self._failed: Exception | None = None

    def main(self) -> None:
        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001 - the edge of a thread: whoever waits raises it again
            self._failed = error
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
            self._up.set()

    def wait(self) -> Scratch:
        """The gateway, once it serves."""
        self._up.wait(START_SECONDS)
        if self._failed is not None:
            raise self._failed
        if self._made is None:
            raise Unavailable("the gateway that the matrix needs did not start in time")
        return self._made

    def stop(self) -> None:
        """Let calls that run come to their end, then leave."""
        if self._server is not None:
            self._server.should_exit = True

    async def _serve(self) -> None:
        models = {model.alias: model.identity for model in self._draft.models}
        upstreams, clients = Upstreams(), []
        upstreams.stand_in = True
        for alias, identity in models.items():
            access = Access(identity="endpoint:scripted" if identity == "any" else identity)
            client = HttpUpstream(alias, Endpoint(self._upstream.address), tuple(DIALECTS), access)
            upstreams.add(client, {alias: alias})
            clients.append(client)
        listener = bind(self._settings)
        try:
            async with open_house(self._home, self._settings, upstreams=upstreams) as house:
                digest, callers = await agree(house, self._home, self._draft)
                self._made = Scratch(url_of(listener), self._home, self._upstream, digest, callers)
                self._server = Server(application(self._home, house))
                asyncio.get_running_loop().call_soon(self._up.set)
                await self._server.serve(sockets=[listener])
        finally:
            listener.close()
            for client in clients:
                with suppress(asyncio.CancelledError):
                    await client.close()


async def agree(house: House, home: Home, draft: Draft, *beside: Draft) -> tuple[str, dict[str, str]]:
    """Throw-away parties sign the terms, and others `beside` them; the pair's digest, and a key for each caller that the
    terms name."""
    await found(house, home)
    parties = {role: new_signing_key(f"{NAME}-{role}.test") for role in ("vendor", "operator")}
    for role, key in parties.items():
        await trust_party(house, role, key, sample=True)
    for other in beside:
        await house.adopt(sign_terms(other, *parties.values()).raw)
    terms = await house.adopt(sign_terms(draft, *parties.values()).raw)
    keys = {}
    for name in callers_of(draft):
        keys[name] = new_key_text()
        holder = Caller(id=name, purpose=draft.purposes[0], clearance_rank=TOP, effect="none")
        document = CallerKey("caller", secret_digest(keys[name]), holder, sample=True)
        await house.add_key(msgspec.json.encode(document))
    return terms.digest, keys


def callers_of(draft: Draft) -> tuple[str, ...]:
    """Whom to call as: nobody in particular, then everyone whom a condition names."""
    conditions = [read_condition(clause.when) for clause in draft.clauses if clause.when is not None]
    named = {word for condition in conditions for kind, word in condition.named if kind == "Caller"}
    return (NAME, *sorted(named - {NAME, "operator"}))
