"""The console's ports, composed: what its pages show and do is what the control API and the command line show and do."""

import asyncio
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from caveat import __version__
from caveat.console.ports import Place, Ports, Provider
from caveat.console.sessions import Session, Sessions
from caveat.gateway.desk.evidence import Evidence
from caveat.gateway.desk.health import Health
from caveat.gateway.desk.keys import Keys
from caveat.gateway.desk.lifts import Lifts
from caveat.gateway.desk.records import Records
from caveat.gateway.desk.terms import Agreements
from caveat.gateway.desk.verbs import Verbs
from caveat.gateway.exceptions.approvals import Approvals
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.home.secret import read_secret
from caveat.gateway.home.tables import ConsoleSettings, Settings
from caveat.gateway.house.house import House
from caveat.gateway.index.ask import Lists as IndexLists
from caveat.gateway.index.follow import Index
from caveat.gateway.proof.content import look
from caveat.gateway.proof.explaining import Explained, explained
from caveat.gateway.proof.witnessing import cosigned_receipt

ONCE = re.compile(r"(?:link|session)-[0-9a-f]{32}")
KEPT_S = 2 * 86_400
"""A used link and an ended session are remembered for longer than either could last."""


class Desk:
    """Everything, over one house."""

    def __init__(self, home: Home, house: House, index: Index) -> None:
        self._home = home
        self._house = house
        self._index = index
        self._documents = Documents(home.control)
        self.lists = IndexLists(index)
        self.sessions = sessions_of(home, house)
        self.approvals = Approvals(home.console / "approvals", house)

    def ports(self) -> Ports:
        """The ports."""
        settings, health = (
            self._house.settings,
            Health(self._home, self._house, self._index.reader, self.lists, self.approvals),
        )
        verbs = Verbs()
        return Ports(
            place=place_of(settings, self._home),
            sessions=self.sessions,
            provider=provider_of(settings.console, settings.gateway.address, self._home.path),
            lists=self.lists,
            calls=self,
            register=lambda: self._house.view.register,
            receipt=self._receipt,
            health=health.lights,
            needs=health.needs,
            lifts=Lifts(self._house, self.approvals),
            agreements=Agreements(self._home, self._house, self._index, self.lists, verbs),
            records=Records(self._home, self._index, verbs),
            evidence=Evidence(self._home, self._house, self._index, self.lists, verbs),
            keys=Keys(self._house),
            leave=verbs.leave,
        )

    async def _receipt(self, index: int) -> bytes:
        """A receipt, on a checkpoint that witnesses cosigned where theirs covers it."""
        settings, reader = self._house.settings, self._index.reader
        cosigned = await asyncio.to_thread(cosigned_receipt, self._home, settings, reader, index)
        return cosigned or await self._house.log.proof(index)

    def explained(self, call: str, language: str) -> Explained:
        """A call, explained; see explaining.py."""
        return explained(self._index, self._documents, call, language)

    def kept(self, call: str) -> tuple[str, ...]:
        """Which bodies of the call the vault keeps."""
        return tuple(which for which in ("request", "reply") if self._house.bodies.keeps(call, which))

    async def content(self, call: str, which: str, session: Session) -> bytes:
        """A body, once the look at it is on record."""
        return await look(self._house, call, which, session.person, session.role)


def place_of(settings: Settings, home: Home) -> Place:
    """Where browsers find this console."""
    origin, secure = settings.gateway.origin, settings.console.url.startswith("https://")
    keys = tuple(key.text for key in house_keys(home, origin)[0].verify_keys)
    return Place(settings.gateway.name, origin, __version__, secure, secure or settings.gateway.loopback, keys)


def provider_of(console: ConsoleSettings, address: str, folder: Path) -> Provider | None:
    """The OpenID provider of the settings.  Raises BadInput for a secret that cannot be read."""
    oidc = console.oidc
    if not oidc.issuer:
        return None
    secret = read_secret(folder / oidc.client_secret_file).reveal() if oidc.client_secret_file else ""
    return Provider(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=secret,
        claim=oidc.role_claim,
        roles=dict(oidc.roles),
        redirect=f"{(console.url or f'http://{address}').rstrip('/')}/console/login/back",
        ca_bundle=str(folder / oidc.ca_bundle) if oidc.ca_bundle else "",
    )


def sessions_of(home: Home, house: House) -> Sessions:
    """The sessions of a home: the same on each of its workers, and after a new start."""
    marks = Marks(home.console)
    return Sessions(house.bodies.secret("console"), house.settings.console.session_hours, marks.once, marks.has)


class Marks:
    """What has happened once, a file each: links used, sessions ended."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def once(self, name: str) -> bool:
        """Note it; False where it was noted before."""
        if not ONCE.fullmatch(name):
            return False
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._sweep()
        try:
            os.close(os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def has(self, name: str) -> bool:
        """Whether it was noted."""
        return bool(ONCE.fullmatch(name)) and (self._directory / name).exists()

    def _sweep(self) -> None:
        old = time.time() - KEPT_S
        for path in self._directory.iterdir():
            with suppress(OSError):
                if ONCE.fullmatch(path.name) and path.stat().st_mtime < old:
                    path.unlink()
