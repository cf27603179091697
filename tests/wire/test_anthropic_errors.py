"""Refusals in Anthropic's format: one exception class for each kind, with details that a program can branch on."""

import json

import anthropic
import pytest

from caveat.wire.anthropic_errors import refuse
from caveat.wire.reply import Halt

CASES = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    401: (anthropic.AuthenticationError, "authentication_error"),
    403: (anthropic.PermissionDeniedError, "permission_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    413: (anthropic.APIStatusError, "request_too_large"),
    415: (anthropic.APIStatusError, "invalid_request_error"),
    503: (anthropic.APIStatusError, "api_error"),
}


@pytest.mark.parametrize("status", CASES)
def test_each_status_is_an_exception_of_the_sdk(vendor, status):
    error, kind = CASES[status]
    refusal = refuse(status, Halt("some_code", 'it says "no"\n', "a.b"), "call-1")
    vendor.status, vendor.headers, vendor.answer = refusal.status, list(refusal.headers), refusal.body
    with pytest.raises(error) as raised:
        vendor.anthropic.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "x"}])
    assert len(vendor.bodies) == 1
    assert raised.value.request_id == "call-1"
    assert json.loads(refusal.body) == {
        "type": "error",
        "error": {"type": kind, "message": 'it says "no"\n', "details": {"error_code": "some_code", "clause": "a.b"}},
        "request_id": "call-1",
    }


def test_a_denial_carries_code_and_clause(vendor):
    refusal = refuse(403, Halt("terms_denied", "no", "a.b"), "call-1")
    vendor.status, vendor.headers, vendor.answer = refusal.status, list(refusal.headers), refusal.body
    with pytest.raises(anthropic.PermissionDeniedError) as denied:
        vendor.anthropic.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "x"}])
    assert denied.value.type == "permission_error"
    assert denied.value.error_code == "terms_denied"


def test_an_overloaded_system_says_so():
    assert json.loads(refuse(503, Halt("overloaded", "wait"), "c").body)["error"]["type"] == "overloaded_error"


def test_without_a_clause_there_is_none():
    assert json.loads(refuse(400, Halt("unreadable", "what"), "c").body)["error"]["details"] == {
        "error_code": "unreadable"
    }
