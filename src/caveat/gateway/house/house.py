"""The house, composed: what every call at the edge needs, and the one place where the view of what is in force changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct, field, structs

from caveat import record
from caveat.canon import canonical
from caveat.decide.decision import Decision
from caveat.errors import BadInput, StaleFence, Unavailable
from caveat.facts import Place
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.tables import Settings
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.budgets import used
from caveat.gateway.house.callers import check_key
from caveat.gateway.house.changes import Act, Writer, change
from caveat.gateway.house.metrics import Metrics
from caveat.gateway.house.view import Route, View
from caveat.gateway.house.winding import Running
from caveat.gateway.upstream.second import NOT_ASKED, Opinion, Second
from caveat.keys import SigningKey
from caveat.ledger.clock import Clock
from caveat.ledger.log import Log
from caveat.register import Register, fold, read_caller_key
from caveat.register.budgets import Budget
from caveat.register.repositories import open_adopted
from caveat.terms.document import Terms

ViewMaker = Callable[[Register], View]
Counts = Callable[[], Awaitable[bytes]]
MOST_TRIES = 8
DAY_MS = 86_400_000


class Stores(Struct, frozen=True):
    """Where things are kept: records, the documents that they name, bodies; and the time."""

    log: Log
    documents: Documents
    bodies: Bodies
    clock: Clock = field(default_factory=Clock)


class House:
    """One gateway process's values, set at start-up; only `view` is replaced, by `refresh`, `review` and `amend`."""

    def __init__(
        self, settings: Settings, stores: Stores, ticket_key: SigningKey, make_view: ViewMaker, register: Register
    ) -> None:
        self.settings = settings
        self.log = stores.log
        self.ticket_key = ticket_key
        self.metrics = Metrics()
        self.worker = 1
        self.counts: Counts = self._own_counts
        self.view = make_view(register)
        self.bodies = stores.bodies
        self.exhausted: set[str] = set()
        self.exhausted_leases: set[tuple[str, int]] = set()
        self.clock = stores.clock
        self.clock.saw(self.log.at_ms)
        self.clock_noted = False
        self.ahead: dict[str, int | str] = {}
        self.ahead_of_witnesses = False
        self.second: Second | None = None
        self.running = Running()
        self.tickets: set[str] = set()
        self.collecting = asyncio.Lock()
        self.witnesses: Callable[[int], list[dict[str, Any]]] = lambda _size: []
        self._stores = stores
        self._make_view = make_view
        self._changing = asyncio.Lock()
        self._note_in_force()

    @property
    def name(self) -> str:
        """The gateway's name, as records bear it."""
        return self.settings.gateway.name

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the gateway."""
        return self.settings.gateway.loopback

    def now_ms(self) -> int:
        """POSIX milliseconds: this machine's clock, but never before a time on record (ledger/clock.py)."""
        return self.clock.now_ms()

    def place(self, route: Route, opinion: Opinion = NOT_ASKED) -> Place:
        """Where the gateway stands, for the facts of a call over that route, and what a guard model said of it."""
        gateway = self.settings.gateway
        return Place(
            at_ms=self.now_ms(),
            identity=route.identity,
            network=gateway.network,
            posture=gateway.posture,
            marking_floor=gateway.marking_floor,
            detector=route.panel.detector,
            guard=opinion.state,
            guard_hazards=opinion.hazards,
        )

    async def amend(self, what: str, of: str, document: bytes = b"") -> Register:
        """Change what is in force, on record.  Raises NotVerified, Unavailable; the old stays in force then."""
        act = Act(what, of, document)
        async with self._changing:
            for _ in range(MOST_TRIES):
                try:
                    head = Writer(self.log, self._stores.documents, self.name, self.now_ms())
                    register = await change(head, self.view.register, act)
                except StaleFence:
                    await self._fold_forward()
                    continue
                self._show(register)
                return register
        raise Unavailable("what is in force kept changing", code="overloaded", hint="try again")

    def review(self) -> None:
        """Compile the view again: an upstream has shown another identity."""
        self.view = self._make_view(self.view.register)
        self._note_in_force()

    async def refresh(self, stale: View) -> None:
        """Take up what changed since that view was made."""
        async with self._changing:
            if self.view is stale:
                await self._fold_forward()

    def exhaust(self, lift: str) -> None:
        """Note what has no use left: a waiver, an approval.  Uses never come back."""
        self.exhausted.add(lift)

    async def _fold_forward(self) -> None:
        register = self.view.register
        for index in self.log.changes(register.size):
            leaf = record.read_leaf((await self.log.entry(index)).leaf)
            if leaf.k == record.CONTROL:
                register = fold(register, leaf, index, self._stores.documents.read(leaf.doc))
        self._show(register)

    def _show(self, register: Register) -> None:
        """Compile the view, where anything has changed that decisions stand on."""
        if register.fence == self.view.fence:
            self.view = structs.replace(self.view, register=register)
            return
        self.view = self._make_view(register)
        self._note_in_force()
        self.running.wind_down(register, self.now_ms())

    def _note_in_force(self) -> None:
        self.metrics.in_force({t.draft.name: t.digest for t in self.view.register.terms.values()}, self.worker)

    def join(self, worker: int, counts: Counts) -> None:
        """This process is one worker of several: its number, and how it learns what all of them have counted."""
        self.worker = worker
        self.counts = counts
        self._note_in_force()

    async def _own_counts(self) -> bytes:
        return self.metrics.text()

    async def keep_body(self, begun: Begun, which: str, body: bytes) -> None:
        """Keep a body in the vault (duty `log.full`), as long as `retain.days` says.  Raises Unavailable."""
        days = [int(duty.value) for duty in begun.decision.duties if duty.name == "retain.days"]
        until_ms = begun.facts.epoch * 1000 + days[0] * DAY_MS if days else 0
        await asyncio.to_thread(self._stores.bodies.keep, begun.asked.id, which, body, until_ms)

    async def adopt(self, envelope: bytes) -> Terms:
        """Put signed terms in force.  Raises NotVerified, BadInput; the terms before stay in force then."""
        # reading takes a moment: on a thread, so that streams go on; the fold then finds it read
        terms, _ = await asyncio.to_thread(open_adopted, self.view.register, envelope, self.now_ms())
        self.check_apart(terms)
        register = await self.amend("terms.adopted", terms.draft.name, envelope)
        return register.terms[terms.draft.id]

    def check_apart(self, terms: Terms) -> None:
        """Raises BadInput where other terms in force cover a model of these: one of them would be dropped silently."""
        for model in terms.draft.models:
            other = self.view.register.covering(model.alias, model.identity, apart_from=terms.draft.id)
            if other is not None:
                raise BadInput(
                    f"the terms `{other.draft.name}` in force cover the model `{model.alias}` already",
                    hint="end those first, or give the model another alias in one of them; both may have the alias where each "
                    "names an identity of its own",
                )

    async def add_key(self, document: bytes) -> str:
        """Make a caller's key live, and return its id."""
        key = read_caller_key(document)
        check_key(key)
        if key.caller.id in self.view.register.keys:
            raise BadInput(f"a key called `{key.caller.id}` was made before; names are not used twice")
        await self.amend("key.new", key.caller.id, document)
        return key.caller.id

    async def end_terms(self, name: str, notice: bytes = b"") -> None:
        """End terms in force; calls under them are refused from the next one on.

        `notice` is a party's signed word (terms/ending.py), b"" where the operator of this gateway simply stops.
        Raises BadInput, NotVerified.
        """
        if name not in self.view.register.terms:
            raise BadInput(f"no terms called `{name}` are in force", hint="`caveat terms show` lists those that are")
        await self.amend("terms.ended", name, notice)

    def keep_document(self, document: bytes) -> str:
        """Make a control document durable, for a record that will name it by its digest.  Raises Unavailable."""
        return self._stores.documents.keep(document)

    def document(self, name: str) -> bytes:
        """A control document by its digest.  Raises NotVerified where it is missing or changed."""
        return self._stores.documents.read(name)

    async def revoke_key(self, name: str) -> None:
        """Revoke a key; its next call is refused.  Raises BadInput."""
        if name not in self.view.register.keys:
            raise BadInput(f"no key called `{name}` is known", hint="`caveat keys list` shows them")
        await self.amend("key.revoked", name)

    async def set_budget(self, name: str, document: bytes) -> None:
        """Give a live key another budget, from its next call on.  Raises BadInput."""
        if name not in self.view.register.keys or name in self.view.register.revoked:
            raise BadInput(f"no live key called `{name}` is known", hint="`caveat keys list` shows them")
        try:
            budget = msgspec.json.decode(document, type=Budget)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(f"this is no budget: {error}") from None
        await self.amend("key.budgeted", name, canonical(msgspec.to_builtins(budget)))

    async def key_list(self) -> list[dict[str, Any]]:
        """All keys by id: role, whether they are live, their budget and what is used of it so far."""
        register = self.view.register
        return [
            {
                "id": id_,
                "role": key.role,
                "live": id_ not in register.revoked,
                "budget": msgspec.to_builtins(key.budget),
                "used": await used(self.log, key, self.now_ms()),
            }
            for id_, key in sorted(register.keys.items())
        ]

    def probe(self) -> None:
        """Make a file beside the control documents durable.  Raises Unavailable where that cannot be done."""
        self._stores.documents.probe()

    def count_ending(self, begun: Begun, ending: str, reply: Decision | None = None) -> None:
        """Count an outcome that is on record; `reply` is the last decision about its reply, if one was judged."""
        self.metrics.ended(begun, ending, reply)

    async def note(self, what: str, of: str, document: bytes = b"") -> None:
        """Put on record something that changes nothing that is in force: a look, an export, a statement.  Raises Unavailable."""
        doc = await asyncio.to_thread(self._stores.documents.keep, document) if document else ""
        entry = record.control(what=what, of=of, doc=doc, gateway=self.name, at_ms=self.now_ms())
        await self.log.append((entry,))
