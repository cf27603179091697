"""What callers may be told is a closed list: every code that the house can raise stands in it."""

import re
from pathlib import Path

import pytest

import caveat
from caveat.decide.explain import CODES
from caveat.errors import BadInput, NotVerified, Refused, StaleFence, Unavailable, Unreadable
from caveat.gateway.call.problems import NO_RECORD, STATUS, TOLD, for_caller, problem, status_of

SOURCE = Path(caveat.__file__).parent


def refused_codes():
    """Codes that stand in the source as `Refused(..., code="...")`."""
    for room in ("gateway", "facts", "decide", "wire", "waivers", "recognize"):
        for path in (SOURCE / room).rglob("*.py"):
            yield from re.findall(r'Refused\((?:[^()]|\([^()]*\))*?code="([a-z_]+)"', path.read_text("utf-8"))


def test_every_code_has_its_status():
    found = set(refused_codes())
    assert {"terms_missing", "invalid_key", "rate_limited", "gateway_failed"} <= found
    assert found - set(STATUS) == set()
    assert set(CODES.values()) <= set(STATUS)
    assert set(STATUS) >= TOLD


@pytest.mark.parametrize("code", STATUS)
def test_a_status_is_one_that_an_sdk_takes_for_an_error(code):
    assert 400 <= status_of(code) < 600
    assert status_of(code) not in {409, 425}


@pytest.mark.parametrize(
    ("error", "status", "code", "said"),
    [
        (Unreadable("no JSON", at="/messages/0"), 400, "unreadable", "no JSON (at `/messages/0`)"),
        (Unreadable("too large", status=413, hint="send less"), 413, "unreadable", "too large; send less"),
        (Refused("no", code="model_not_found", status=404), 404, "model_not_found", "no"),
        (BadInput("no purpose"), 400, "header_invalid", "no purpose"),
        (
            Unavailable("the upstream was silent", code="upstream_timeout"),
            504,
            "upstream_timeout",
            "the upstream was silent",
        ),
        (
            Unavailable("the disk that holds `/srv/x` is full", code="disk_full"),
            503,
            "ledger_unavailable",
            NO_RECORD.message,
        ),
        (Unavailable("`/srv/x` cannot be used"), 503, "ledger_unavailable", NO_RECORD.message),
    ],
)
def test_what_a_caller_is_told(error, status, code, said):
    told, halt = for_caller(error)
    assert (told, halt.code, halt.message) == (status, code, said)


@pytest.mark.parametrize("error", [NotVerified("x"), StaleFence("x"), Unavailable("x", code="of no list")])
def test_what_is_in_no_list_is_unavailable(error):
    status, halt = problem(error)
    assert (status, halt.code) == (503, "unavailable")
