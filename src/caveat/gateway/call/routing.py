"""Which upstream a call goes to, and whether there is another when one has failed.

Rules of this file: an upstream is tried only under terms in force that name its model's identity, in its turn, over the
caller's own wire format; another follows only a failure that the settings name, with nothing of a reply left for the client.
"""

from typing import Final

from caveat.errors import CaveatError, Refused, Unavailable
from caveat.gateway.house.begun import Begun, Tried
from caveat.gateway.house.view import Route, View
from caveat.wire.call import Call

FAILURES: Final = {
    "upstream_unreachable": "unreachable",
    "upstream_timeout": "timeout",
    "upstream_broke": "broke",
}
"""By the code of an error: what the settings call it (`fall_back_on`)."""


def find_route(view: View, call: Call, dialect: str, at_ms: int, tried: tuple[Tried, ...] = ()) -> Route:
    """Where the call goes next.  Raises Refused terms_missing, model_not_found, no_route."""
    routes = [route for route in _covered(view, call) if route.policy.terms.draft.valid_at(at_ms)]
    if not routes:
        draft = _covered(view, call)[0].policy.terms.draft
        raise Refused(
            f"the terms `{draft.name}` are not valid on this day, so no call can be decided under them",
            code="terms_missing",
            status=503,
            hint="both parties sign terms for the time to come, and an operator adopts them",
        )
    routes = [route for route in routes if dialect in route.upstream.dialects]
    if not routes:
        raise Refused(f"the model is not served over {dialect}", code="no_route", status=503)
    if tried:
        routes = [route for route in routes if _has_a_turn(route, tried) and not route.refuses(call)]
    if not routes:
        raise Refused("no upstream is left that could serve this call", code="no_route", status=503)
    return routes[0]


def _covered(view: View, call: Call) -> tuple[Route, ...]:
    """The model's routes, in the order in which they are tried: never none."""
    if not view.agreed:
        raise Refused(
            "no terms signed by both parties are in force, so no call can be decided",
            code="terms_missing",
            status=503,
            hint="an operator adopts terms with `caveat terms adopt FILE`",
        )
    if call.model in view.unread:
        raise Refused(
            view.unread[call.model],
            code="no_route",
            status=503,
            hint="an operator installs the version of Caveat whose weights were agreed, or both parties sign other terms",
        )
    if call.model in view.unserved:
        raise Refused("no upstream serves this model as the terms identify it", code="no_route", status=503)
    routes = view.routes.get(call.model)
    if not routes:
        raise Refused(
            "no terms in force cover the model that was asked for",
            code="model_not_found",
            status=404,
            hint="GET /v1/models lists the models that this key may use",
        )
    return routes


def _has_a_turn(route: Route, tried: tuple[Tried, ...]) -> bool:
    times = sum(one.upstream == route.upstream.name for one in tried)
    return times <= route.standing.retries


def failure_of(outcome: CaveatError | int) -> str:
    """What the settings call a failure: an error, or an HTTP status; "" for what is none of them."""
    if isinstance(outcome, Unavailable):
        return FAILURES.get(outcome.code, "")
    if isinstance(outcome, int):
        return "5xx" if outcome >= 500 else "429" if outcome == 429 else ""
    return ""


def goes_on(view: View, begun: Begun, failure: str, at_ms: int) -> bool:
    """Whether a call that failed so, with nothing left for the client yet, is tried again: here or elsewhere."""
    if failure not in begun.route.standing.fall_back_on:
        return False
    try:
        find_route(view, begun.call, begun.asked.dialect.name, at_ms, begun.tried)
    except Refused:
        return False
    return True
