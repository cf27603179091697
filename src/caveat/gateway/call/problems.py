"""The closed list of what a caller may be told, and with which status.

A message never holds what the caller sent.  4xx answers bear `x-should-retry: false` (the dialect writes it), since
both official SDKs retry 409, 429 and 5xx by themselves; a refusal is never one of these.
"""

from caveat.errors import BadInput, CaveatError, Refused, Unavailable, Unreadable
from caveat.wire.reply import Halt

STATUS = {
    "terms_denied": 403,
    "approval_required": 403,
    "unreadable": 403,
    "duty_unavailable": 403,
    "decision_error": 403,
    "role_missing": 403,
    "sample_key": 403,
    "header_invalid": 400,
    "invalid_key": 401,
    "model_not_found": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "model_cannot": 400,
    "state": 400,
    "rate_limited": 429,
    "budget_spent": 429,
    "terms_missing": 503,
    "terms_lapsed": 403,
    "terms_ended": 403,
    "no_route": 503,
    "ledger_unavailable": 503,
    "overloaded": 503,
    "upstream_unreachable": 502,
    "upstream_timeout": 504,
    "upstream_broke": 502,
    "upstream_unreadable": 502,
    "unavailable": 503,
    "gateway_failed": 500,
}

RETRIABLE = frozenset(
    {"ledger_unavailable", "overloaded", "upstream_unreachable", "upstream_timeout", "upstream_broke"}
)
"""Codes after which the same call may succeed later without anyone's doing."""


TOLD = frozenset({"overloaded", "upstream_unreachable", "upstream_timeout", "upstream_broke", "upstream_unreadable"})
"""Codes of Unavailable whose words are for callers too."""

NO_RECORD = Halt("ledger_unavailable", "the call cannot be put on record now, so it is not answered; try again later")


def status_of(code: str) -> int:
    """The HTTP status of a code of the list; KeyError is a bug."""
    return STATUS[code]


def problem(error: CaveatError) -> tuple[int, Halt]:
    """Status and text of an error that ends a call before it was decided."""
    match error:
        case Unreadable():
            where = f" (at `{error.at}`)" if error.at else ""
            return error.status, Halt("unreadable", _sentence(error, where))
        case Refused():
            return error.status, Halt(error.code, _sentence(error))
        case BadInput():
            return 400, Halt("header_invalid", _sentence(error))
        case Unavailable():
            code = error.code if error.code in STATUS else "unavailable"
            return STATUS[code], Halt(code, _sentence(error))
        case _:
            return 503, Halt("unavailable", "the gateway could not do this")


def for_caller(error: CaveatError) -> tuple[int, Halt]:
    """The same for who made the call: of the house's own troubles it learns that there is one, not which folder or disk
    it has."""
    if isinstance(error, Unavailable) and error.code not in TOLD:
        return STATUS["ledger_unavailable"], NO_RECORD
    return problem(error)


def _sentence(error: CaveatError, where: str = "") -> str:
    return f"{error.message}{where}" + (f"; {error.hint}" if error.hint else "")
