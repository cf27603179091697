"""From a home on disk to a house that can serve.

In this order: the ledger opens and repairs itself; its control records are folded; calls that the last process left
without an outcome get the outcome `unknown`; upstreams are made ready; what is in force is compiled into a view.

The fold starts from a snapshot where there is one: register.json, bound to the checkpoint that it was taken under.  It
holds indices, never rights, so a forged one can only make the fold fail or take longer.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from msgspec import Struct

from caveat import record
from caveat.decide.policy import Policy
from caveat.gateway.bodies import Bodies
from caveat.gateway.documents import Documents
from caveat.gateway.founding import house_keys
from caveat.gateway.home import Home
from caveat.gateway.house import House, Stores
from caveat.gateway.settings import Settings
from caveat.gateway.upstreams import Upstreams, open_upstreams
from caveat.gateway.view import Route, View
from caveat.ledger.disk import LedgerSettings
from caveat.ledger.log import Log
from caveat.ledger.reader import LedgerReader
from caveat.ledger.sequencer import open_log
from caveat.recognize.control_tokens import DEFAULT
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.register import Register, fold
from caveat.terms.document import Terms

Progress = Callable[[str], None]


class Past(Struct, frozen=True):
    """What the ledger holds at start-up: the register, and calls opened without an outcome."""

    register: Register
    open_calls: dict[str, record.Opening]


@asynccontextmanager
async def open_house(
    home: Home, settings: Settings, progress: Progress = lambda _: None, *, serving: bool = True
) -> AsyncIterator[House]:
    """A house over the home, closed at the end of the block; without upstreams unless it is to serve.

    Raises Unavailable, NotVerified, BadInput: a sentence.
    """
    keys, vault_key = house_keys(home, settings.gateway.origin)
    documents = Documents(home.control)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.locked())
        log = open_log(home.ledger, home.vault, keys, _ledger_settings(settings))
        stack.push_async_callback(log.close)
        past = read_past(LedgerReader(home.ledger, home.vault), documents)
        log.set_state(past.register.fence, {})
        await settle_unknown(log, settings.gateway.name, past)
        upstreams = Upstreams()
        if serving:
            upstreams = await stack.enter_async_context(open_upstreams(home, settings, progress))
        stores = Stores(log, documents, Bodies(home.vault / "bodies", vault_key))
        house = House(settings, stores, keys.plain, partial(make_view, upstreams), past.register)
        upstreams.changed = house.review
        yield house


def _ledger_settings(settings: Settings) -> LedgerSettings:
    chosen = settings.ledger
    return LedgerSettings(interval_ms=chosen.checkpoint_interval_ms, free_floor_bytes=chosen.min_free_mb * 2**20)


def read_past(reader: LedgerReader, documents: Documents) -> Past:
    """Fold the whole ledger.  Raises NotVerified for a control record that does not hold."""
    register = Register()
    open_calls: dict[str, record.Opening] = {}
    for index, entry in reader.entries(0, reader.size()):
        leaf = record.read_leaf(entry.leaf)
        if leaf.k == record.CONTROL:
            register = fold(register, leaf, index, documents.read(leaf.doc))
        elif leaf.k == "opened":
            open_calls[leaf.call] = record.Opening(index, leaf.terms)
        elif leaf.k == "settled":
            open_calls.pop(leaf.call, None)
    return Past(register, open_calls)


def all_terms(reader: LedgerReader, documents: Documents) -> Iterator[Terms]:
    """Every terms that were ever adopted here, oldest first."""
    register = Register()
    for index, entry in reader.entries(0, reader.size()):
        leaf = record.read_leaf(entry.leaf)
        if leaf.k == record.CONTROL:
            register = fold(register, leaf, index, documents.read(leaf.doc))
            if leaf.what == "terms.adopted":
                yield from (terms for terms in register.terms.values() if terms.draft.name == leaf.id)


async def settle_unknown(log: Log, gateway: str, past: Past) -> None:
    """Give every call that was left open an outcome: nobody can say how it ended."""
    for call, opening in past.open_calls.items():
        head = record.Head(call, gateway, House.now_ms(), secrets.token_bytes(32))
        await log.append((record.settled(head, opening, "unknown", None, {}),))


def make_view(upstreams: Upstreams, register: Register) -> View:
    """Compile what is in force: a route for each model that some terms name and some upstream serves."""
    routes: dict[str, Route] = {}
    unserved: list[str] = []
    for terms in register.terms.values():
        policy = Policy(terms)
        for model in terms.draft.models:
            if model.alias in routes:
                continue
            served = upstreams.serving(model)
            if served is None:
                unserved.append(model.alias)
                continue
            panel = default_panel(load_profile(terms.draft.markings), (*DEFAULT, *served.control_tokens))
            routes[model.alias] = Route(
                model.alias, served.upstream, served.name, served.identity, policy, panel, served.refuses
            )
    return View(register, register.fence, routes, register.by_secret(), tuple(unserved))
