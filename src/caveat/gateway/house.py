"""The house, composed: what every call at the edge needs, and the one place where the view of what is in force changes."""

import asyncio
import time
from collections.abc import Callable

from caveat.errors import StaleFence
from caveat.facts import Place
from caveat.gateway.begun import Begun
from caveat.gateway.bodies import Bodies
from caveat.gateway.changes import change
from caveat.gateway.documents import Documents
from caveat.gateway.metrics import Metrics
from caveat.gateway.settings import Settings
from caveat.gateway.view import Route, View
from caveat.keys import SigningKey
from caveat.ledger.log import Log
from caveat.record import read_leaf
from caveat.register import Register, fold

ViewMaker = Callable[[Register], View]


class House:
    """One gateway process's values.  Everything here is set at start-up but `view`, which `refresh` and `amend` replace."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        documents: Documents,
        bodies: Bodies,
        ticket_key: SigningKey,
        make_view: ViewMaker,
        register: Register,
    ) -> None:
        self.settings = settings
        self.log = log
        self.documents = documents
        self.ticket_key = ticket_key
        self.metrics = Metrics()
        self.view = make_view(register)
        self._bodies = bodies
        self._make_view = make_view
        self._changing = asyncio.Lock()
        self._note_in_force()

    @property
    def name(self) -> str:
        """The gateway's name, as records bear it."""
        return self.settings.gateway.name

    @staticmethod
    def now_ms() -> int:
        """POSIX milliseconds by this machine's clock."""
        return time.time_ns() // 1_000_000

    def place(self, route: Route) -> Place:
        """Where the gateway stands, for the facts of a call over that route."""
        gateway = self.settings.gateway
        return Place(
            at_ms=self.now_ms(),
            network=gateway.network,
            posture=gateway.posture,
            marking_floor=gateway.marking_floor,
            identity=route.identity,
        )

    async def amend(self, what: str, id: str, document: bytes = b"") -> Register:  # noqa: A002
        """Change what is in force, on record.  Raises NotVerified, Unavailable; the old stays in force then."""
        async with self._changing:
            while True:
                try:
                    register = await change(
                        self.log, self.documents, self.view.register, self.name, what, id, document
                    )
                except StaleFence:
                    await self._fold_forward()
                    continue
                self._show(register)
                return register

    async def refresh(self, stale: View) -> None:
        """Take up what changed since that view was made."""
        async with self._changing:
            if self.view is stale:
                await self._fold_forward()

    async def _fold_forward(self) -> None:
        register = self.view.register
        for index in range(register.size, self.log.size):
            leaf = read_leaf((await self.log.entry(index)).leaf)
            if leaf.k == "control":
                register = fold(register, leaf, index, self.documents.read(leaf.doc))
        self._show(register)

    def _show(self, register: Register) -> None:
        self.view = self._make_view(register)
        self._note_in_force()

    def _note_in_force(self) -> None:
        self.metrics.in_force({t.draft.name: t.digest for t in self.view.register.terms.values()})

    async def keep_body(self, begun: Begun, which: str, body: bytes) -> None:
        """Keep a body in the vault (duty `log.full`).  Raises Unavailable."""
        await asyncio.to_thread(self._bodies.keep, begun.asked.id, which, body)
