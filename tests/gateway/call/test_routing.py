"""What the settings call a failure; which route is next stands in the stories of attempts."""

import pytest

from caveat.errors import Refused, Unavailable, Unreadable
from caveat.gateway.call.routing import failure_of

CASES = {
    "refused connection": (Unavailable("x", code="upstream_unreachable"), "unreachable"),
    "silence": (Unavailable("x", code="upstream_timeout"), "timeout"),
    "cut": (Unavailable("x", code="upstream_broke"), "broke"),
    "no HTTP": (Unavailable("x", code="upstream_unreadable"), ""),
    "full disk here": (Unavailable("x", code="ledger_unavailable"), ""),
    "unreadable": (Unreadable("x"), ""),
    "refusal": (Refused("x"), ""),
    "500": (500, "5xx"),
    "529": (529, "5xx"),
    "429": (429, "429"),
    "404": (404, ""),
    "200": (200, ""),
}


@pytest.mark.parametrize(("outcome", "failure"), CASES.values(), ids=CASES)
def test_failures_have_the_names_of_the_settings(outcome, failure):
    assert failure_of(outcome) == failure
