"""From a home on disk to a house that can serve.

In this order: the ledger opens and repairs itself; its control records are folded; calls that the last process left
without an outcome get the outcome `unknown`; upstreams are made ready; what is in force is compiled into a view.

What was folded is kept as a snapshot (past.py), so that the next start need not read the whole ledger.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from msgspec import Struct

from caveat import record
from caveat.decide.policy import Policy
from caveat.errors import CaveatError
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.home.tables import Settings
from caveat.gateway.house.aliases import arranged
from caveat.gateway.house.house import House, Stores
from caveat.gateway.house.learned import learned_for, not_agreed
from caveat.gateway.house.leasing import note_start
from caveat.gateway.house.past import read_past, read_snapshot, write_snapshot
from caveat.gateway.house.sweeping import sweep
from caveat.gateway.house.view import Route, View
from caveat.gateway.index.follow import Index
from caveat.gateway.proof.collecting import Collector
from caveat.gateway.upstream.made import Served, Upstreams, open_upstreams
from caveat.gateway.upstream.sealing import sealed_as_agreed
from caveat.ledger.clock import Clock
from caveat.ledger.cosigned import witness_time_ms
from caveat.ledger.disk import LedgerSettings
from caveat.ledger.log import Log
from caveat.ledger.reader import LedgerReader
from caveat.ledger.sequencer import Sequencer, open_log
from caveat.recognize.control_tokens import DEFAULT
from caveat.recognize.learned import Learned
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.register import Register

Progress = Callable[[str], None]
LAST_WORD_S = 3.0
"""How long a seal may take for its last beat when the house closes."""


class Site(Struct, frozen=True):
    """A house and what only the process that owns its ledger has."""

    house: House
    log: Sequencer
    upstreams: Upstreams


@asynccontextmanager
async def open_house(
    home: Home,
    settings: Settings,
    progress: Progress = lambda _: None,
    *,
    serving: bool = True,
    upstreams: Upstreams | None = None,
) -> AsyncIterator[House]:
    """The house of `open_site`."""
    async with open_site(home, settings, progress, serving=serving, upstreams=upstreams) as site:
        yield site.house


@asynccontextmanager
async def open_site(
    home: Home,
    settings: Settings,
    progress: Progress = lambda _: None,
    *,
    serving: bool = True,
    upstreams: Upstreams | None = None,
) -> AsyncIterator[Site]:
    """A house over the home, closed at the end of the block; without the settings' upstreams unless it is to serve.
    `upstreams` stand in their place, and stay their maker's to close (the coverage matrix has its own).

    Raises Unavailable, NotVerified, BadInput: a sentence.
    """
    keys, vault_key = house_keys(home, settings.gateway.origin)
    documents = Documents(home.control)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.locked())
        clock = Clock()
        log = open_log(home.ledger, home.vault, keys, _ledger_settings(settings, clock))
        newest_ms = max(log.at_ms, witness_time_ms(home.ledger, [w.verify_key for w in settings.witness.values()]))
        clock.saw(newest_ms)
        stack.push_async_callback(log.close)
        reader = LedgerReader(home.ledger, home.vault, keys.verify_keys)
        past = read_past(reader, documents, read_snapshot(home.snapshot, reader, vault_key))
        write_snapshot(home.snapshot, reader, past, vault_key)
        log.set_state(past.register.fence, past.spent, past.controls)
        await settle_unknown(log, settings.gateway.name, past.open_calls, clock)
        if upstreams is not None:
            serving = False
        upstreams = upstreams or Upstreams()
        if serving:
            upstreams = await stack.enter_async_context(open_upstreams(home, settings, progress))
        stores = Stores(log, documents, Bodies(home.vault / "bodies", vault_key), clock)
        house = House(settings, stores, keys.plain, partial(make_view, upstreams, settings), past.register)
        house.second = upstreams.second
        upstreams.changed = house.review
        if any(upstream.sealer for upstream in upstreams.all.values()):
            await stack.enter_async_context(_collecting(house, home, upstreams))
        if serving:
            await note_start(house, newest_ms)
        await sweep(house)  # what has lapsed while nothing ran leaves the vault
        yield Site(house, log, upstreams)


@asynccontextmanager
async def _collecting(house: House, home: Home, upstreams: Upstreams) -> AsyncIterator[None]:
    """While it lasts, what seals say goes on record; at its end once more, after a last beat."""
    reader = LedgerReader(home.ledger, home.vault)
    collector = Collector(house, Index(home.index, reader), reader)
    sealed = [upstream for upstream in upstreams.all.values() if upstream.sealer]
    task = asyncio.get_running_loop().create_task(collector.run(sealed))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for upstream in sealed:
            with suppress(CaveatError, TimeoutError):
                await asyncio.wait_for(collector.collect(upstream, beat=True), LAST_WORD_S)


async def open_workers_house(home: Home, settings: Settings, log: Log, upstreams: Upstreams) -> House:
    """A house in a worker, over a ledger that another process owns: what is in force is folded from its changes."""
    keys, vault_key = house_keys(home, settings.gateway.origin)
    stores = Stores(log, Documents(home.control), Bodies(home.vault / "bodies", vault_key))
    house = House(settings, stores, keys.plain, partial(make_view, upstreams, settings), Register())
    house.second = upstreams.second
    await house.refresh(house.view)
    upstreams.changed = house.review
    return house


def _ledger_settings(settings: Settings, clock: Clock) -> LedgerSettings:
    chosen = settings.ledger
    return LedgerSettings(
        clock.now_ms, interval_ms=chosen.checkpoint_interval_ms, free_floor_bytes=chosen.min_free_mb * 2**20
    )


async def settle_unknown(log: Log, gateway: str, open_calls: Mapping[str, record.Opening], clock: Clock) -> None:
    """Give every call that was left open an outcome: nobody can say how it ended."""
    for call, opening in open_calls.items():
        head = record.Head(call, gateway, clock.now_ms(), secrets.token_bytes(32))
        await log.append((record.settled(head, opening, "unknown", None, {}),))


def make_view(upstreams: Upstreams, settings: Settings, register: Register) -> View:
    """Compile what is in force: routes for each model that some terms name, one to each upstream that serves it as agreed.

    Terms whose recognizer this installation has not get no route.  Raises NotVerified for weights that were changed.
    """
    routes: dict[tuple[str, str], dict[str, Route]] = {}
    unread: dict[str, str] = {}
    for terms in register.terms.values():
        learned = learned_for(terms.draft, settings)
        if other := not_agreed(terms.draft, learned):
            unread |= dict.fromkeys((model.alias for model in terms.draft.models), other)
            continue
        policy = Policy(terms)
        for model in terms.draft.models:
            found = routes.setdefault((terms.draft.id, model.alias), {})
            for served in upstreams.serving(model):
                if not upstreams.stand_in and not sealed_as_agreed(terms.draft, model.alias, served.upstream.sealer):
                    continue
                found.setdefault(served.upstream.name, _route(model.alias, served, policy, learned))
    by_alias = arranged(register, routes)
    in_turn = {alias: found for alias, found in by_alias.items() if found}
    unserved = tuple(alias for alias, found in by_alias.items() if not found)
    unread = {alias: why for alias, why in unread.items() if alias not in register.moved}
    return View(register, register.fence, in_turn, register.by_secret(), unserved, unread)


def _route(alias: str, served: Served, policy: Policy, learned: Learned | None) -> Route:
    panel = default_panel(load_profile(policy.terms.draft.markings), (*DEFAULT, *served.control_tokens), learned)
    return Route(
        alias, served.upstream, served.name, served.identity, policy, panel, served.refuses, standing=served.standing
    )
