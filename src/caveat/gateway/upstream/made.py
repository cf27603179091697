"""From settings to upstreams: each `[upstream.NAME]` becomes a client that knows its endpoint, its key and its models.

Rules of this file: a model is served only under the identity that the terms name, or under any where they say `any`;
an upstream out of reach at start-up is told and tried again by the first call, but an embedded model has to start.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from caveat.errors import BadInput, Unavailable
from caveat.gateway.home.addresses import base_url
from caveat.gateway.home.directory import Home
from caveat.gateway.home.secret import Secret
from caveat.gateway.home.settings import upstream_key
from caveat.gateway.home.tables import Settings, UpstreamSettings
from caveat.gateway.model.embedded import Embedded
from caveat.gateway.model.lent import Lent
from caveat.gateway.model.manifest import Manifest
from caveat.gateway.model.ownseal import engine_command, own_seal_key, permit_key, prepare
from caveat.gateway.model.store import SMOLLM2, Step, Tell, cache_path, model_of, pull
from caveat.gateway.upstream.client import Access, HttpUpstream, Standing
from caveat.gateway.upstream.endpoint import Endpoint
from caveat.gateway.upstream.sealing import Sealer
from caveat.gateway.upstream.second import Second
from caveat.keys import read_verify_key
from caveat.ledger.reader import LedgerReader
from caveat.terms.document import Model
from caveat.wire.call import Call
from caveat.wire.dialects import spoken

Progress = Callable[[str], None]
Sealing = Callable[[Manifest, Path], Path]
"""From an embedded model to the folder of the seal that is to stand before it."""

LOG = "embedded.log"
"""The embedded model's own words, in models/; errors only, never a prompt."""


class Served(Struct, frozen=True):
    """A model where it is served: `name` there, and `manifest` if it is embedded."""

    upstream: HttpUpstream
    name: str
    identity: str
    manifest: Manifest | None = None
    standing: Standing = Standing()

    @property
    def control_tokens(self) -> tuple[str, ...]:
        """Texts that the model's tokenizer turns into turn marks; empty where nothing is known of it."""
        return self.manifest.control_tokens if self.manifest else ()

    def refuses(self, call: Call) -> str:
        """Why the model cannot serve the call; "" if it can, or if nothing is known of it."""
        return self.manifest.refuses(call) if self.manifest else ""


class _Place(NamedTuple):
    """A model at an upstream."""

    upstream: HttpUpstream
    name: str
    manifest: Manifest | None
    standing: Standing


class Upstreams:
    """All upstreams of one gateway, by alias of their models.  `changed` is called when an identity has changed, `moved` with
    name and new address when an embedded model was started anew.  `second` is the guard model, where there is one.
    `stand_in` where they only play models, so that no seal is demanded of them (the coverage matrix)."""

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.moved: Callable[[str, str], None] = lambda _name, _address: None
        self.embedded: dict[str, Embedded] = {}
        self.stand_in = False
        self.all: dict[str, HttpUpstream] = {}
        self.second: Second | None = None
        self._models: dict[str, list[_Place]] = {}

    def add(
        self,
        upstream: HttpUpstream,
        models: dict[str, str],
        manifest: Manifest | None = None,
        standing: Standing = Standing(),  # noqa: B008 - a frozen value
    ) -> None:
        """Take in an upstream; `models` leads from an alias for callers to the model's name there.  Raises BadInput where
        another serves the alias at the same priority."""
        self.all[upstream.name] = upstream
        for alias, name in models.items():
            places = self._models.setdefault(alias, [])
            if any(place.standing.priority == standing.priority for place in places):
                raise BadInput(
                    f"the model `{alias}` has two upstreams of priority {standing.priority}, `{upstream.name}` among them",
                    hint="give each a `priority`: the lowest is tried first",
                )
            places.append(_Place(upstream, name, manifest, standing))
            places.sort(key=lambda place: place.standing.priority)

    def note_change(self) -> None:
        """An upstream answers under another identity than before."""
        self.changed()

    def serving(self, model: Model) -> tuple[Served, ...]:
        """Where a model of some terms is served, in the order in which they are tried: only where that identity answers."""
        served = [
            Served(place.upstream, place.name, place.upstream.identity(place.name), place.manifest, place.standing)
            for place in self._models.get(model.alias, ())
        ]
        return tuple(one for one in served if model.identity in {"any", one.identity})


@asynccontextmanager
async def open_upstreams(
    home: Home, settings: Settings, progress: Progress, *, lent: Mapping[str, Lent] | None = None
) -> AsyncIterator[Upstreams]:
    """The upstreams of the settings, made ready; connections and processes end with the block.  Embedded models that are
    `lent` run elsewhere already.

    Raises BadInput (a key, a CA bundle, a manifest), NotVerified (weights), Unavailable (the embedded model).
    """
    upstreams = Upstreams()
    tell = _sentences(progress)
    async with AsyncExitStack() as stack:
        far = [_remote(upstreams, name, chosen, home.path) for name, chosen in _chosen(settings, embedded=False)]
        for upstream in far:
            stack.push_async_callback(upstream.close)
        if settings.recognizer.guard is not None:
            upstreams.second = Second(settings.recognizer.guard, home.path)
            stack.push_async_callback(upstreams.second.close)
        await asyncio.gather(*(_meet(upstream, progress) for upstream in far))
        for name, chosen in _chosen(settings, embedded=True):
            if lent is None:
                seal = _own_seal(home, settings, name) if chosen.seal else None
                model = await start_embedded(home.models, chosen, tell, seal)
                stack.push_async_callback(model.stop)
                upstream = _started(upstreams, name, chosen, model)
            else:
                upstream = _embedded(upstreams, name, chosen, lent[name])
            stack.push_async_callback(upstream.close)
        for name, upstream in upstreams.all.items():
            _put_sealer(home, settings, name, upstream)
        yield upstreams


def _own_seal(home: Home, settings: Settings, name: str) -> Sealing:
    def made(manifest: Manifest, weights: Path) -> Path:
        return prepare(home, settings, name, manifest, engine_command(manifest, weights))

    return made


def _put_sealer(home: Home, settings: Settings, name: str, upstream: HttpUpstream) -> None:
    """Let calls to that upstream go through the seal before it, where there is one."""
    seal = settings.upstream[name].seal if name in settings.upstream else None
    if seal is None:
        return
    key = own_seal_key(home, settings, name).verify_key if seal.own else read_verify_key(seal.vkey)
    upstream.sealer = Sealer(key, permit_key(home, settings), LedgerReader(home.ledger))
    upstream.sealer.post = upstream.tell_seal


def _chosen(settings: Settings, *, embedded: bool) -> list[tuple[str, UpstreamSettings]]:
    return [(name, chosen) for name, chosen in settings.upstream.items() if chosen.embedded is embedded]


def _remote(upstreams: Upstreams, name: str, chosen: UpstreamSettings, folder: Path) -> HttpUpstream:
    """An upstream somewhere else; `folder` is where the settings file lies."""
    bundle = folder / chosen.ca_bundle if chosen.ca_bundle else None
    endpoint = Endpoint(base_url(chosen.base_url, f"upstream.{name}.base_url"), ca_bundle=bundle, pin=chosen.pin)
    access = Access(
        key=upstream_key(chosen, folder, dict(os.environ)),
        identity="" if chosen.pin else chosen.identity,
        timeout_s=chosen.timeout_s,
        connect_timeout_s=chosen.connect_timeout_s,
    )
    upstream = HttpUpstream(name, endpoint, spoken(chosen.dialects), access, upstreams.note_change)
    upstreams.add(upstream, dict(chosen.models), standing=_standing(chosen))
    return upstream


def _standing(chosen: UpstreamSettings) -> Standing:
    return Standing(chosen.priority, chosen.retries, frozenset(chosen.fall_back_on))


async def _meet(upstream: HttpUpstream, progress: Progress) -> None:
    try:
        await upstream.meet()
    except Unavailable as error:
        progress(f"{error.message}; calls will try again")


async def start_embedded(
    folder: Path, chosen: UpstreamSettings, tell: Tell = lambda _: None, seal: Sealing | None = None
) -> Embedded:
    """The embedded model's process, started; its weights fetched first if they are the ones of a new home.  `seal` makes the
    folder of the seal that is to stand before it."""
    names = set(chosen.models.values()) or {SMOLLM2.alias}
    if len(names) > 1:
        raise BadInput("an embedded upstream runs one model, and its `models` name several", hint="make one for each")
    name = names.pop()
    if name == SMOLLM2.alias:
        await asyncio.to_thread(pull, folder, cache_path(os.environ), tell)
    manifest, weights = await asyncio.to_thread(model_of, folder, name)
    model = Embedded(manifest, weights, folder / LOG, tell=tell)
    model.seal = seal(manifest, weights) if seal else None
    await model.start()
    return model


def _started(upstreams: Upstreams, name: str, chosen: UpstreamSettings, model: Embedded) -> HttpUpstream:
    """The client of a model that was started here; it follows the process when that is started anew."""
    upstream = _embedded(upstreams, name, chosen, Lent(model.address, model.key.reveal(), model.manifest))

    def moved(address: str) -> None:
        upstream.move(Endpoint(address))
        upstreams.moved(name, address)

    model.moved = moved
    upstreams.embedded[name] = model
    return upstream


def _embedded(upstreams: Upstreams, name: str, chosen: UpstreamSettings, lent: Lent) -> HttpUpstream:
    """The client of an embedded model.

    Its connections are not kept: each would hold one of the server's threads while it is idle.
    """
    manifest = lent.manifest
    access = Access(
        key=Secret(lent.key),
        identity=manifest.identity,
        timeout_s=chosen.timeout_s,
        connect_timeout_s=chosen.connect_timeout_s,
        keeps=False,
    )
    upstream = HttpUpstream(name, Endpoint(lent.address), spoken(manifest.dialects), access)
    models = dict(chosen.models) or {manifest.alias: manifest.alias}
    upstreams.add(upstream, models, manifest, _standing(chosen))
    return upstream


def _sentences(progress: Progress) -> Tell:
    """Steps as sentences: each once, and a count at every tenth."""
    told: set[str] = set()

    def tell(step: Step) -> None:
        tenths = 10 * step.done // step.total if step.total else 0
        sentence = f"{step.says}: {10 * tenths} %" if tenths else step.says
        if sentence not in told:
            told.add(sentence)
            progress(sentence)

    return tell
