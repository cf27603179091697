"""The values of a call at the edge: what came, and what is on record of it."""

from collections.abc import Mapping

from msgspec import Struct

from caveat.decide.decision import Decision
from caveat.facts import Facts
from caveat.gateway.home.held import Kept
from caveat.gateway.house.view import Route, View
from caveat.gateway.upstream.second import NOT_ASKED, Opinion
from caveat.ledger.log import Placed
from caveat.register import CallerKey
from caveat.waivers.waiver import Waiver
from caveat.wire.call import Call
from caveat.wire.dialect import Dialect


class Request(Struct, frozen=True):
    """What came over HTTP.  Header names are lower case."""

    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes


class Tried(Struct, frozen=True):
    """An attempt that has failed: the call's id then, and the upstream's name."""

    call: str
    upstream: str


class Asked(Struct, frozen=True):
    """An authenticated caller's call, before anything was decided.  `tried` are the attempts before, oldest first: each
    was a call of its own, with its own decision and records."""

    id: str
    key: CallerKey
    dialect: Dialect
    request: Request
    tried: tuple[Tried, ...] = ()

    @property
    def names_hold(self) -> bool:
        """Whether the caller names a hold: it may fetch a reply that was kept."""
        return "caveat-hold" in self.request.headers


class Begun(Struct, frozen=True):
    """A call that is on record.  `placed` is where; `lifts` is what could lift a clause for it; `kept` the reply that it
    fetches, where persons have released one; `opinion` what a guard model said of it, where a clause looks at that."""

    asked: Asked
    call: Call
    route: Route
    facts: Facts
    decision: Decision
    view: View
    placed: Placed
    lifts: tuple[Waiver, ...] = ()
    kept: Kept | None = None
    opinion: Opinion = NOT_ASKED

    @property
    def released(self) -> str:
        """The id of the release that the call spends, "" where it fetches no kept reply."""
        return next((waiver.id for waiver in self.lifts if waiver.reply), "") if self.kept else ""

    @property
    def tried(self) -> tuple[Tried, ...]:
        """All attempts, this one too."""
        return (*self.asked.tried, Tried(self.asked.id, self.route.upstream.name))
