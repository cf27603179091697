"""The console's port for waivers and held calls, over the same functions as the control API."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from caveat.canon import canonical, unb64
from caveat.console.sessions import Session
from caveat.dsse import read
from caveat.errors import NotVerified
from caveat.gateway import exceptions, holding
from caveat.gateway.approvals import Approvals, Pending
from caveat.gateway.house import House
from caveat.waivers.approvers import decoded
from caveat.waivers.hold import REFUSAL, Ask, is_refusal
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

    def challenge(self, id_: str) -> bytes:
        """What a passkey signs."""
        return self._approvals.challenge(id_)

    async def add(self, envelope: bytes) -> tuple[str, bool]:
        """Take in a request or signatures."""
        return await self._approvals.add(envelope)

    async def sign(self, id_: str, credential: str, assertion: Assertion) -> tuple[str, bool]:
        """Add a passkey's signature."""
        return await self._approvals.sign(id_, credential, assertion)

    async def deny(self, id_: str) -> None:
        """Deny what is held."""
        await holding.deny(self._house, id_)
        self._approvals.drop(id_)

    async def refuse(self, id_: str, envelope: bytes) -> None:
        """Put a person's signed refusal of what is held on record.  Raises NotVerified for one of anything else."""
        if not is_refusal(envelope):
            raise NotVerified(
                "this file does not refuse what is held",
                step="hold",
                hint="sign it: `caveat hold refuse FILE --key KEY`",
            )
        if decoded(REFUSAL, read(REFUSAL, envelope), Ask).hold != id_:
            raise NotVerified("this refusal is of another held call", step="hold")
        await holding.decide_hold(self._house, envelope)
        self._approvals.drop(id_)

    async def end(self, id_: str) -> None:
        """End a waiver."""
        await exceptions.end_waiver(self._house, id_)

    def drop(self, id_: str) -> None:
        """Take a request back."""
        self._approvals.one(id_)
        self._approvals.drop(id_)

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
        about = {"call": id_, "person": session.person, "role": session.role, "v": 1, "which": "held"}
        await self._house.note("content.viewed", id_, canonical(about))
