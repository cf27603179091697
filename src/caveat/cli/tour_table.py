"""The tour's two parties at their table: a directory for each, a stick between them, and every step as the verbs of `caveat
party` and `caveat terms` take it (docs/negotiation.md tells the same with commands)."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from caveat.cli.ceremony import Plan, hold_ceremony
from caveat.errors import CaveatError
from caveat.gateway.parties.directory import Folder, PartyDir, newest_root
from caveat.gateway.parties.session import Offered, Session
from caveat.talks.state import OTHER
from caveat.talks.steps import Role, Taken
from caveat.terms.document import Draft
from caveat.terms.repository import spoken

PARTIES: Final[Mapping[Role, str]] = {"vendor": "labs.example", "operator": "ministry.example"}
"""Invented, both."""


class Done(Struct, frozen=True):
    """A step that was taken, as it is shown: who did what, and where talks stand since."""

    line: str
    state: str


class Table:
    """Two directories that share nothing but a stick."""

    def __init__(self, folder: Path) -> None:
        self._paths: dict[Role, Path] = {role: folder / name for role, name in PARTIES.items()}
        self._stick = folder / "stick"

    def meet(self) -> tuple[str, ...]:
        """Each makes its keys and repository, hands it over, and trusts the other's root; their fingerprints, as they are read
        out."""
        now = time.time_ns() // 1_000_000
        made = {}
        for role, path in self._paths.items():
            made[role] = hold_ceremony(path, Plan(PARTIES[role], role, 2, 1, 1, 1, "ed25519", pkcs11=False), now)
            self._session(role).hand(self._stick / role)
        for role, path in self._paths.items():
            party, theirs = PartyDir(path), Folder(self._stick / OTHER[role])
            assert spoken(party.check_other(theirs).root) == spoken(made[OTHER[role]].root)  # what people do by voice
            party.meet(theirs)
            party.take(theirs, now)
        return tuple(f"{role:9} {PARTIES[role]:17} {spoken(made[role].root)}" for role in self._paths)

    def roots(self) -> tuple[bytes, ...]:
        """Both parties' roots, for a home that is to trust them."""
        return tuple(newest_root(PartyDir(path).folder).encode() for path in self._paths.values())

    def step(self, role: Role, work: Callable[[Session], Taken]) -> Done:
        """Look at what the other has handed over, take a step, hand over."""
        session = self._session(role, self._stick / OTHER[role])
        taken = work(session).step
        session.hand(self._stick / role)
        state = session.talk(taken.talk).state
        return Done(f"{role:9} caveat terms {taken.verb:10} {taken.terms} is {state}", state)

    def agree(self, role: Role) -> Done:
        """Sign the text on the table: the vendor first."""
        return self.step(role, lambda at: at.agree("", Offered()))

    def finalize(self) -> Done:
        """The vendor lists what both have signed."""
        return self.step("vendor", lambda at: at.finalize("", Offered()))

    def propose(self, role: Role, draft: Draft, note: str) -> Done:
        """Ask for terms, or offer them."""
        offered = Offered(note)
        return self.step(role, lambda at: at.propose("offer" if role == "vendor" else "request", draft, offered))

    def accept(self) -> Done:
        """The operator takes the offer."""
        return self.step("operator", lambda at: at.accept("", Offered()))

    def adoption(self) -> bytes:
        """What puts in force, at the operator's, what both list.  Raises Refused, NotVerified."""
        return self._session("operator", self._stick / "vendor").adoption("")

    def finalized(self) -> bytes:
        """The signed terms that both list."""
        return self._session("operator").finalized("")

    def end(self, reason: str) -> tuple[Done, bytes]:
        """The vendor ends the terms; its signed word, as the stick brings it to the operator."""
        done = self.step("vendor", lambda at: at.terminate("", Offered(reason)))
        return done, self._session("operator", self._stick / "vendor").ending("")

    def _session(self, role: Role, theirs: Path | None = None) -> Session:
        return Session(PartyDir(self._paths[role]), theirs)


def refuses(work: Callable[[], object]) -> str:
    """What the refusal says, "" where there was none."""
    try:
        work()
    except CaveatError as error:
        return error.message
    return ""
