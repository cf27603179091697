"""What the console needs of the gateway: functions that the gateway composes (gateway/desk.py) from the same ones as the
control API and the command line use.  The console knows no house, no home and no file."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from caveat.console.sessions import Session, Sessions
from caveat.console.values import CallPage, ControlLine, Count, Reach, Wanted
from caveat.decide.decision import Decision
from caveat.facts import Facts
from caveat.ledger.log import Entry
from caveat.record import Leaf
from caveat.register import Register
from caveat.terms.document import Terms


class Place(Struct, frozen=True):
    """Where this is.  `secure` says that browsers reach it over https, `reachable` that they may log in at all; `keys` are
    the log's verify keys."""

    name: str
    origin: str
    version: str
    secure: bool
    reachable: bool
    keys: tuple[str, ...] = ()


class Provider(Struct, frozen=True):
    """An OpenID provider by which persons log in; `roles` leads from a word of the claim to a role here."""

    issuer: str
    client_id: str
    client_secret: str
    claim: str
    roles: dict[str, str]
    redirect: str
    ca_bundle: str = ""


class Light(Struct, frozen=True):
    """One row of the house's health.  `state` is good, waits, bad or absent; `code` names the sentence, `about` its words."""

    what: str
    state: str
    code: str
    about: dict[str, str | int] = {}


class Need(Struct, frozen=True):
    """Something that a person should look at: `n` of them, the page that shows them, the earliest that lapses."""

    code: str
    n: int
    href: str
    about: dict[str, str | int] = {}
    until_ms: int = 0


class Opened(Protocol):
    """A record with what opens it (gateway/explaining.py)."""

    @property
    def index(self) -> int: ...
    @property
    def leaf(self) -> Leaf: ...
    @property
    def entry(self) -> Entry: ...
    @property
    def values(self) -> dict[str, Any]: ...
    @property
    def closed(self) -> bool: ...


class Explained(Protocol):
    """A call, explained."""

    @property
    def call(self) -> str: ...
    @property
    def first(self) -> Opened: ...
    @property
    def last(self) -> Opened | None: ...
    @property
    def decision(self) -> Decision | None: ...
    @property
    def reply(self) -> Decision | None: ...
    @property
    def facts(self) -> Facts | None: ...
    @property
    def terms(self) -> Terms | None: ...
    @property
    def sentences(self) -> tuple[str, ...]: ...
    @property
    def ending(self) -> str: ...


class Lists(Protocol):
    """Questions to the derived index; from a thread, each at most some tens of milliseconds."""

    def reach(self) -> Reach: ...
    def calls(self, wanted: Wanted) -> CallPage: ...
    def words(self, kind: str, most: int = 200) -> tuple[str, ...]: ...
    def counts(self, unit: int, dim: str, since_s: int, word: str = "") -> tuple[Count, ...]: ...
    def controls(self, prefixes: tuple[str, ...] = (), before: int = 0, most: int = 50) -> tuple[ControlLine, ...]: ...


class Calls(Protocol):
    """One call."""

    def explained(self, call: str, language: str) -> Explained:
        """From a thread.  Raises Refused `not_found`, NotVerified."""
        ...

    def kept(self, call: str) -> tuple[str, ...]:
        """Which of its bodies the vault keeps."""
        ...

    async def content(self, call: str, which: str, session: Session) -> bytes:
        """A body, once the look at it is on record.  Raises NotVerified, Unavailable."""
        ...


class Ports(Struct, frozen=True):
    """All of them."""

    place: Place
    sessions: Sessions
    provider: Provider | None
    lists: Lists
    calls: Calls
    register: Callable[[], Register]
    receipt: Callable[[int], Awaitable[bytes]]
    health: Callable[[], Awaitable[Sequence[Light]]]
    needs: Callable[[], Awaitable[Sequence[Need]]]
    pages: dict[str, Any] = {}
