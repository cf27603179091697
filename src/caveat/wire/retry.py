"""The headers of a refusal, and whether an SDK may try again by itself.

Both vendors' SDKs retry 409, 429 and 5xx twice unless `x-should-retry: false` says not to.
"""

from caveat.wire.reply import Halt

RETRIABLE = frozenset(
    {
        "ledger_unavailable",
        "overloaded",
        "rate_limited",
        "unavailable",
        "upstream_broke",
        "upstream_timeout",
        "upstream_unreachable",
    }
)
"""Codes after which the same call may succeed later without anyone's doing."""


def headers(status: int, halt: Halt, call_id: str) -> tuple[tuple[str, str], ...]:
    """Lower-case header names and their values, in both vendors' spelling of the request id."""
    may_retry = halt.code in RETRIABLE and (status == 429 or status >= 500)
    return (
        ("content-type", "application/json"),
        *(() if may_retry else (("x-should-retry", "false"),)),
        ("x-request-id", call_id),
        ("request-id", call_id),
    )
