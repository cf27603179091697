"""A refusal by policy is not tried again; a fault of the system may be."""

import pytest

from caveat.wire.reply import Halt
from caveat.wire.retry import RETRIABLE, headers

CASES = {
    "denied": (403, "terms_denied", False),
    "unreadable": (400, "unreadable", False),
    "too large": (413, "unreadable", False),
    "no terms": (503, "terms_missing", False),
    "no route": (503, "no_route", False),
    "overloaded": (503, "overloaded", True),
    "too many calls": (429, "rate_limited", True),
    "the upstream went away": (502, "upstream_broke", True),
    "a code of the system's on a refusal": (403, "unavailable", False),
}


@pytest.mark.parametrize("case", CASES)
def test_who_may_retry(case):
    status, code, may = CASES[case]
    found = dict(headers(status, Halt(code, "why"), "call-1"))
    assert found.pop("x-should-retry", None) == (None if may else "false")
    assert found == {"content-type": "application/json", "x-request-id": "call-1", "request-id": "call-1"}


def test_no_refusal_by_policy_is_retriable():
    assert not RETRIABLE & {"terms_denied", "approval_required", "unreadable", "terms_missing", "no_route"}
