"""What is recorded of an allowed call's way: gathered while it runs, put on record once, whatever happened.

Rules of this file: a waiver that only the reply uses is spent by this record; what left for the client is counted into a
keyed digest, and kept only where a duty says so or a person may have to release it.
"""

import asyncio
from typing import Any

from caveat import record
from caveat.decide.guard import Guard
from caveat.errors import StaleFence
from caveat.gateway.call import duties
from caveat.gateway.call.notifying import told
from caveat.gateway.call.settling import settle
from caveat.gateway.house.begun import Begun
from caveat.gateway.house.budgets import added
from caveat.gateway.house.drawn import fresh
from caveat.gateway.house.house import House
from caveat.gateway.upstream.reply import UpstreamReply
from caveat.ledger.log import Entry
from caveat.waivers.waiver import Waiver
from caveat.wire.reply import Usage


class Outcome:
    """One call's.  `settled` says whether it is on record, or was tried to be put there."""

    def __init__(self, house: House, begun: Begun, guard: Guard) -> None:
        self.settled = False
        self.usage: Usage | None = None
        self.notices = 0
        self.reply: UpstreamReply | None = None
        self.upstream: dict[str, Any] = {"name": begun.route.upstream.name, "model": begun.route.name}
        self._house = house
        self._begun = begun
        self._guard = guard
        self._secret = fresh(32)
        self._sent = record.BodyDigest(self._secret)
        self._hidden: dict[str, Any] = {}
        self._whole = b""
        self._logged = False
        self.logs = duties.owes(begun, "log.full") is not None
        self._left: list[bytes] | None = [] if self.logs or begun.route.policy.keeps else None

    @property
    def left(self) -> bytes:
        """What has left so far, where it may have to be kept."""
        return b"".join(self._left or ())

    def sends(self, body: bytes) -> None:
        """Note the body that goes to the model, where it is not the caller's own."""
        if body != self._begun.call.body:
            self.upstream["sent"] = record.body_digest(body, self._secret)

    def note(self, piece: bytes) -> None:
        """Count bytes that leave for the client."""
        self._sent.update(piece)
        if self._left is not None:
            self._left.append(piece)

    def keeps(self, body: bytes) -> None:
        """Commit to a reply that waits for persons."""
        self._hidden["kept"] = record.body_digest(body, self._secret)
        self._whole = body

    async def settle(self, ending: str, characters_left: int, leaves: bytes = b"") -> None:
        """Put the outcome on record; `leaves` is what follows it to the client.

        Raises Unavailable, and StaleFence for a reply that would pass by a waiver which has ended or has no use left.
        """
        self.settled = True
        sent = self._sent.copy()
        sent.update(leaves)
        await self._log(self._whole or self.left + leaves)
        while True:
            spends = self._guard.spends
            try:
                beside = await told(self._house, self._begun, self._guard.decision, ending)
                entry, adds = self._entry(ending, characters_left, sent, spends)
                await settle(self._house, entry, spends, beside, adds)
                self._house.tickets |= {self._ticket} - {""}
                return
            except StaleFence as stale:
                if ending in ("completed", "withheld"):
                    raise
                self._guard.without(stale.exhausted)

    async def _log(self, reply: bytes) -> None:
        """Keep the reply where a duty says so, in place of what was to leave before the call was settled anew."""
        if not self.logs or not reply:
            return
        if self._logged:
            await asyncio.to_thread(self._house.bodies.drop, self._begun.asked.id, "reply")
        self._logged = True
        await self._house.keep_body(self._begun, "reply", reply)

    def _entry(
        self, ending: str, characters_left: int, sent: record.BodyDigest, spends: tuple[Waiver, ...]
    ) -> tuple[Entry, tuple[tuple[str, int], ...]]:
        """The record, and what it adds to the counters of the key's budget."""
        begun, decision = self._begun, self._guard.decision
        hidden: dict[str, Any] = {
            "answer": {"chars_left": characters_left, **sent.value()},
            "duties": duties.done(begun, decision, notices=self.notices, masked=self._guard.masked()),
            "upstream": self.upstream,
            "reply": record.reply_facts(self._guard.facts),
            "decision": decision,
            **self._hidden,
        }
        head = record.Head(begun.asked.id, self._house.name, self._house.now_ms(), self._secret)
        opening = record.Opening(begun.placed.index, begun.decision.terms)
        spent = tuple(one.id for one in spends)
        entry = record.settled(head, opening, ending, self.usage, hidden, spent, self._ticket)
        return entry, added(begun, ending, self.usage, hidden, head.at_ms)

    @property
    def _ticket(self) -> str:
        """The seal's, once the reply came through one whole."""
        return self.reply.ticket if self.reply else ""
