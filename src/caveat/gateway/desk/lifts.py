"""The console's port for waivers and held calls, over the same functions as the control API."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from caveat.canon import unb64
from caveat.console.sessions import Session
from caveat.gateway.exceptions import acts as exceptions
from caveat.gateway.exceptions import holding
from caveat.gateway.exceptions.approvals import Approvals, Pending
from caveat.gateway.house.house import House
from caveat.gateway.proof.content import HELD, note_look
from caveat.waivers.passkeys import Assertion


class Lifts:
    """Over one house."""

    def __init__(self, house: House, approvals: Approvals) -> None:
        self._house = house
        self._approvals = approvals

    def pending(self) -> Sequence[Pending]:
        """Waivers that gather signatures."""
        return self._approvals.listed()

    def one(self, id_: str) -> Pending:
        """A request or a held call."""
        return self._approvals.one(id_)

    def holds(self) -> Sequence[dict[str, Any]]:
        """Held calls and replies."""
        return holding.waiting(self._house)

    def waivers(self) -> Sequence[dict[str, Any]]:
        """Waivers that were granted and not ended."""
        return exceptions.waivers(self._house)

    def approvers(self) -> Sequence[dict[str, Any]]:
        """Who may approve."""
        return exceptions.approvers(self._house)

    def challenge(self, id_: str, *, refusing: bool = False) -> bytes:
        """What a passkey signs to approve it, or to refuse it."""
        return self._approvals.challenge(id_, refusing=refusing)

    async def add(self, envelope: bytes) -> tuple[str, bool]:
        """Take in a request or signatures."""
        return await self._approvals.add(envelope)

    async def sign(self, id_: str, credential: str, assertion: Assertion) -> tuple[str, bool]:
        """Add a passkey's signature."""
        return await self._approvals.sign(id_, credential, assertion)

    async def deny(self, id_: str) -> None:
        """Refuse what is held, or a request, on record, without anybody's signature."""
        await self._approvals.deny(id_)

    async def refuse(self, id_: str, envelope: bytes) -> None:
        """Put a person's signed refusal on record.  Raises NotVerified for one of anything else."""
        await self._approvals.refuse(envelope, id_)

    async def sign_refusal(self, id_: str, credential: str, assertion: Assertion) -> None:
        """The same, signed by a passkey."""
        await self._approvals.sign_refusal(id_, credential, assertion)

    async def end(self, id_: str) -> None:
        """End a waiver."""
        await exceptions.end_waiver(self._house, id_)

    async def hold_file(self, id_: str, session: Session) -> str:
        """The file that approvers carry: it holds the words, so the look is on record first."""
        shown = await asyncio.to_thread(holding.shown, self._house, id_)
        await self._note(id_, session)
        kept = self._approvals.one(id_).envelope.decode()
        return msgspec.json.encode({**shown, "sign": kept}).decode()

    async def words(self, id_: str, session: Session) -> dict[str, str]:
        """What was said in a held call, once the look is on record."""
        shown = await asyncio.to_thread(holding.shown, self._house, id_)
        await self._note(id_, session)
        return {
            name: unb64(shown[key]).decode("utf-8", "replace")
            for name, key in (("request", "body"), ("reply", "reply"))
            if key in shown
        }

    async def _note(self, id_: str, session: Session) -> None:
        await note_look(self._house, id_, HELD, session.person, session.role)
