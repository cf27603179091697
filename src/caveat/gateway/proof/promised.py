"""What was to be kept of a call, and is not: of a body that is missing on site, whether anybody had promised it.

    never     the terms asked for no body of this call
    over      its time was over, and that it was destroyed is on record
    gone      it was to be there: destroyed before its time or after the challenge had come, or gone without a word

Rule of this file: pure but for the ledger that it reads; a body that is gone counts as refused.
"""

from typing import Any

import msgspec
from msgspec import Struct

from caveat import record
from caveat.canon import digest
from caveat.decide.decision import Decision
from caveat.gateway.home.documents import Documents
from caveat.gateway.proof.challenges import CHALLENGED
from caveat.ledger.reader import LedgerReader
from caveat.register.notices import Destroyed

NEVER, OVER = "never", "over"
"""Why a body need not be there."""


class _At(Struct, frozen=True):
    """A record: its index, and the time that it bears."""

    index: int
    at_ms: int


class Promised:
    """The ledger's records of bodies destroyed, and of the challenge.  `controls`: indices of all control records."""

    def __init__(self, reader: LedgerReader, documents: Documents, controls: tuple[int, ...], challenge: bytes) -> None:
        self._destroyed: dict[tuple[str, str], _At] = {}
        self._challenged: int | None = None
        for index in controls:
            leaf = record.read_leaf(reader.entry(index).leaf)
            if leaf.what == "bodies.destroyed":
                gone = msgspec.json.decode(documents.read(leaf.doc), type=Destroyed)
                self._destroyed |= dict.fromkeys(gone.bodies, _At(index, leaf.t))
            elif leaf.what == CHALLENGED and leaf.doc == digest(challenge) and self._challenged is None:
                self._challenged = index

    def missing(self, call: str, which: str, first: dict[str, Any]) -> tuple[str, str]:
        """NEVER or OVER and "", or "" and what is wrong.  `first` are the values of the call's first record."""
        decision = msgspec.convert(first["decision"], Decision)
        duties = {duty.name: duty.value for duty in decision.duties}
        if decision.verdict != "allow" or "log.full" not in duties:
            return NEVER, ""
        destroyed, days = self._destroyed.get((call, which)), int(duties.get("retain.days") or 0)
        if destroyed is None:
            return "", f"its {which} was to be kept, and is not there: that counts as refused"
        if not days or destroyed.at_ms < (first["place"]["epoch"] + days * 86_400) * 1000:
            return "", f"its {which} was destroyed before its time: that counts as refused"
        if self._challenged is not None and destroyed.index > self._challenged:
            return "", f"its {which} was destroyed after the challenge was on record: that counts as refused"
        return OVER, ""
