"""The house, composed: what every call at the edge needs, and the one place where the view of what is in force changes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from caveat import record
from caveat.decide.decision import Decision
from caveat.errors import BadInput, StaleFence, Unavailable
from caveat.facts import Place
from caveat.gateway.begun import Begun
from caveat.gateway.bodies import Bodies
from caveat.gateway.callers import check_key
from caveat.gateway.changes import Act, change
from caveat.gateway.documents import Documents
from caveat.gateway.metrics import Metrics
from caveat.gateway.settings import Settings
from caveat.gateway.view import Route, View
from caveat.keys import SigningKey
from caveat.ledger.log import Entry, Fence, Log
from caveat.register import Register, fold, read_caller_key
from caveat.register.repositories import least
from caveat.terms.document import SignedTerms, Terms
from caveat.terms.sign import open_terms

ViewMaker = Callable[[Register], View]
Counts = Callable[[], Awaitable[bytes]]
MOST_TRIES = 8


class Readiness(Struct, frozen=True):
    """What /readyz says."""

    ready: bool
    problems: tuple[str, ...]
    terms: dict[str, str]
    fence: str
    size: int
    worker: int

    def details(self) -> dict[str, object]:
        """For those who may inspect."""
        return msgspec.structs.asdict(self)


class Stores(Struct, frozen=True):
    """Where things are kept: records, the documents that they name, bodies."""

    log: Log
    documents: Documents
    bodies: Bodies


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

    @staticmethod
    def now_ms() -> int:
        """POSIX milliseconds by this machine's clock."""
        return time.time_ns() // 1_000_000

    def place(self, route: Route) -> Place:
        """Where the gateway stands, for the facts of a call over that route."""
        gateway = self.settings.gateway
        return Place(
            at_ms=self.now_ms(),
            identity=route.identity,
            network=gateway.network,
            posture=gateway.posture,
            marking_floor=gateway.marking_floor,
            detector=route.panel.detector,
        )

    async def amend(self, what: str, of: str, document: bytes = b"") -> Register:
        """Change what is in force, on record.  Raises NotVerified, Unavailable; the old stays in force then."""
        act = Act(what, of, document)
        async with self._changing:
            for _ in range(MOST_TRIES):
                try:
                    register = await change(self.log, self._stores.documents, self.view.register, self.name, act)
                except StaleFence:
                    await self._fold_forward()
                    continue
                self._show(register)
                return register
        raise Unavailable("what is in force kept changing", code="overloaded", hint="try again")

    def review(self) -> None:
        """Compile the view again: an upstream has shown another identity."""
        self._show(self.view.register)

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
        self.view = self._make_view(register)
        self._note_in_force()

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
        """Keep a body in the vault (duty `log.full`).  Raises Unavailable."""
        await asyncio.to_thread(self._stores.bodies.keep, begun.asked.id, which, body)

    async def adopt(self, envelope: bytes) -> Terms:
        """Put signed terms in force.  Raises NotVerified, BadInput; the terms before stay in force then."""
        # reading takes a moment: on a thread, so that streams go on; the fold then finds it read
        terms = await asyncio.to_thread(
            open_terms, SignedTerms(envelope), self.view.register.trust(), least(self.view.register)
        )
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
            raise BadInput(f"no terms called `{name}` are in force")
        await self.amend("terms.ended", name, notice)

    def document(self, name: str) -> bytes:
        """A control document by its digest.  Raises NotVerified where it is missing or changed."""
        return self._stores.documents.read(name)

    async def revoke_key(self, name: str) -> None:
        """Revoke a key; its next call is refused.  Raises BadInput."""
        if name not in self.view.register.keys:
            raise BadInput(f"no key called `{name}` is known")
        await self.amend("key.revoked", name)

    def key_list(self) -> list[dict[str, Any]]:
        """All keys by id: role, and whether they are live."""
        register = self.view.register
        return [
            {"id": id_, "role": key.role, "live": id_ not in register.revoked}
            for id_, key in sorted(register.keys.items())
        ]

    async def readiness(self) -> Readiness:
        """Whether calls can be decided and recorded now, tried on the write path itself."""
        problems = [] if self.view.agreed else ["no terms signed by both parties are in force"]
        now = self.now_ms()
        in_force = self.view.register.terms.values()
        problems += [f"the terms `{t.draft.name}` are not valid now" for t in in_force if not t.draft.valid_at(now)]
        problems += [f"no upstream serves the model `{alias}` as agreed" for alias in self.view.unserved]
        problems += sorted(set(self.view.unread.values()))
        try:
            await self._try_writing()
        except Unavailable as error:
            problems.append(f"records cannot be written: {error.message}")
        terms = {t.draft.name: t.digest for t in self.view.register.terms.values()}
        return Readiness(not problems, tuple(problems), terms, self.view.fence, self.log.size, self.worker)

    async def _try_writing(self) -> None:
        """The write path, tried: an append that its fence turns away, and a file made durable.  Raises Unavailable."""
        with suppress(StaleFence):
            await self.log.append((Entry(b"probe"),), Fence(expects="probe"))
        await asyncio.to_thread(self._stores.documents.probe)

    def count_ending(self, begun: Begun, ending: str, reply: Decision | None = None) -> None:
        """Count an outcome that is on record; `reply` is the last decision about its reply, if one was judged."""
        self.metrics.ended(begun, ending, reply)

    def note(self, what: str, of: str) -> Awaitable[object]:
        """Put on record something that changes nothing that is in force: a look, an export."""
        entry = record.control(what=what, of=of, doc="", gateway=self.name, at_ms=self.now_ms())
        return self.log.append((entry,))
