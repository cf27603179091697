"""What the gateway decides by, at one moment: the register, compiled.  Replaced whole when a control record is folded."""

from msgspec import Struct

from caveat.decide.policy import Policy
from caveat.gateway.upstream import Upstream
from caveat.recognize.panel import Panel
from caveat.register import CallerKey, Register
from caveat.waivers.waiver import Waiver


class Route(Struct, frozen=True):
    """Where calls for an alias go: the upstream, the model's name there, and what was agreed about it.

    identity   `weights:sha256:<hex>` or `endpoint:...`: which model it is
    can        what its manifest says that it cannot do is refused before a decision (None: no manifest)
    """

    alias: str
    upstream: Upstream
    name: str
    identity: str
    policy: Policy
    panel: Panel


class View(Struct, frozen=True):
    """Everything that one decision needs.  `fence` is what the append of that decision expects to be in force."""

    register: Register
    fence: str
    routes: dict[str, Route]
    by_secret: dict[str, CallerKey]
    waivers: tuple[Waiver, ...] = ()

    @property
    def agreed(self) -> bool:
        """Whether any terms, signed by both, are in force."""
        return bool(self.register.terms)
