"""What the gateway decides by, at one moment: the register, compiled.  Replaced whole when a control record is folded."""

from collections.abc import Callable

from msgspec import Struct

from caveat.decide.policy import Policy
from caveat.gateway.upstream.client import Standing, Upstream
from caveat.recognize.panel import Panel
from caveat.register import CallerKey, Register
from caveat.wire.call import Call


class Route(Struct, frozen=True):
    """Where calls for an alias go: the upstream, the model's name there, and what was agreed about it.

    identity   `weights:sha256:<hex>` or `endpoint:...`: which model it is
    refuses    why the model cannot do what a call asks, "" where it can: such a call is refused, nothing is ignored
    standing   its place among the alias' upstreams, and what follows a failure
    """

    alias: str
    upstream: Upstream
    name: str
    identity: str
    policy: Policy
    panel: Panel
    refuses: Callable[[Call], str]
    standing: Standing = Standing()


class View(Struct, frozen=True):
    """Everything that one decision needs.

    routes    by alias, in the order in which they are tried; never empty
    fence     what the append of that decision expects to be in force
    unserved  aliases under terms that no upstream serves as agreed: calls for them are refused
    unread    aliases under terms whose recognizer this gateway has not, and why: calls for them are refused
    """

    register: Register
    fence: str
    routes: dict[str, tuple[Route, ...]]
    by_secret: dict[str, CallerKey]
    unserved: tuple[str, ...] = ()
    unread: dict[str, str] = {}

    @property
    def agreed(self) -> bool:
        """Whether any terms, signed by both, are in force."""
        return bool(self.register.terms)
