"""What the console needs of the gateway: functions that the gateway composes (gateway/desk/ports.py) from the same ones as the
control API and the command line use.  The console knows no house, no home and no file."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from caveat.console.sessions import Session, Sessions
from caveat.console.values import CallPage, ControlLine, Count, Head, MeterGap, Reach, Version, Wanted
from caveat.decide.decision import Decision
from caveat.facts import Facts
from caveat.ledger.log import Entry
from caveat.record import Leaf
from caveat.register import Register
from caveat.talks.impact import Impact
from caveat.talks.state import Talk
from caveat.terms.document import Terms
from caveat.waivers.passkeys import Assertion


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
    """A record with what opens it (gateway/proof/explaining.py)."""

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
    def refused(self) -> str: ...
    @property
    def ending(self) -> str: ...


class Lists(Protocol):
    """Questions to the derived index; from a thread, each at most some tens of milliseconds."""

    def reach(self) -> Reach: ...
    def calls(self, wanted: Wanted) -> CallPage: ...
    def words(self, kind: str, most: int = 200) -> tuple[str, ...]: ...
    def counts(self, unit: int, dim: str, since_s: int, word: str = "") -> tuple[Count, ...]: ...
    def spent(self, lift: str) -> int: ...
    def first_under(self, terms: str) -> int: ...
    def metered(self) -> int: ...
    def gaps(self, since_ms: int = 0) -> tuple[MeterGap, ...]: ...
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


class Lifts(Protocol):
    """Waivers and held calls (gateway/exceptions/approvals.py says what a request is)."""

    def pending(self) -> Sequence[Any]: ...
    def one(self, id_: str) -> Any: ...
    def holds(self) -> Sequence[dict[str, Any]]: ...
    def waivers(self) -> Sequence[dict[str, Any]]: ...
    def approvers(self) -> Sequence[dict[str, Any]]: ...
    def challenge(self, id_: str, *, refusing: bool = False) -> bytes: ...
    async def add(self, envelope: bytes) -> tuple[str, bool]: ...
    async def sign(self, id_: str, credential: str, assertion: Assertion) -> tuple[str, bool]: ...
    async def deny(self, id_: str) -> None: ...
    async def refuse(self, id_: str, envelope: bytes) -> None: ...
    async def sign_refusal(self, id_: str, credential: str, assertion: Assertion) -> None: ...
    async def end(self, id_: str) -> None: ...
    async def hold_file(self, id_: str, session: Session) -> str: ...
    async def words(self, id_: str, session: Session) -> dict[str, str]: ...


class Agreements(Protocol):
    """Terms: every version that was ever adopted, what was measured of them, where talks stand."""

    def versions(self) -> Sequence[Version]: ...
    def matrices(self) -> dict[str, Any]: ...
    def talks(self) -> Sequence[Talk]: ...
    async def leases(self) -> Sequence[dict[str, Any]]: ...
    async def semantic(self, before: bytes, after: bytes) -> dict[str, Any]:
        """What the change does to every request there could be; in a process of its own."""
        ...

    async def replay(self, terms: bytes, since: str, until: str) -> Impact:
        """The recorded calls decided again; in a process of its own."""
        ...


class Records(Protocol):
    """The log itself."""

    def head(self) -> Head: ...
    def record(self, index: int) -> Opened: ...
    def find(self, what: str) -> int:
        """The index of the record that an index, a call's id, a leaf's hash or a document's digest names.  Raises Refused."""
        ...

    def tile(self, level: int, n: int) -> Sequence[str]:
        """A tile's hashes, in hex.  Raises Refused."""
        ...

    def checked(self) -> dict[str, Any]: ...
    def check(self) -> None:
        """Begin to recompute everything from its bytes, in a process of its own."""
        ...


class Evidence(Protocol):
    """Bundles that are made, looked at and let go."""

    def past(self) -> Sequence[Any]: ...
    def prepared(self) -> Sequence[Any]: ...
    def profiles(self) -> Sequence[str]: ...
    async def prepare(self, receiver: str, profile: str) -> str: ...
    def view(self, id_: str, most: int) -> tuple[Sequence[str], int]: ...
    async def release(self, id_: str) -> None: ...
    def drop(self, id_: str) -> None: ...
    def challenges(self) -> Sequence[Any]: ...
    async def challenged(self, note: bytes) -> None: ...
    def verify(self, id_: str, language: str = "en") -> None:
        """Begin to verify a bundle that was let go, as its receiver would, in a process of its own; the report is in that language."""
        ...

    def report(self, id_: str) -> Path: ...
    def bundle(self, id_: str) -> Path: ...
    def trust(self) -> str: ...


class Keys(Protocol):
    """Callers' keys and models."""

    async def keys(self) -> Sequence[dict[str, Any]]: ...
    def models(self) -> Sequence[dict[str, Any]]: ...
    async def new(self, role: str, fields: dict[str, Any], budget: dict[str, int]) -> str: ...
    async def budget(self, name: str, budget: dict[str, int]) -> None: ...
    async def revoke(self, name: str) -> None: ...


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
    lifts: Lifts
    agreements: Agreements
    records: Records
    evidence: Evidence
    keys: Keys
    leave: Callable[[], None]
