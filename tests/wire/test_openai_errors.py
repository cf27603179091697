"""Refusals in OpenAI's format: one exception class for each kind, and never a wrong shape."""

import json

import openai
import pytest

from caveat.wire.openai_errors import refuse
from caveat.wire.reply import Halt

CASES = {
    400: (openai.BadRequestError, "invalid_request_error"),
    401: (openai.AuthenticationError, "authentication_error"),
    403: (openai.PermissionDeniedError, "permission_error"),
    404: (openai.NotFoundError, "not_found_error"),
    413: (openai.APIStatusError, "invalid_request_error"),
    415: (openai.APIStatusError, "invalid_request_error"),
    503: (openai.InternalServerError, "server_error"),
}


@pytest.mark.parametrize("status", CASES)
def test_each_status_is_an_exception_of_the_sdk(vendor, status):
    error, kind = CASES[status]
    refusal = refuse(status, Halt("some_code", 'it says "no"\n', "c"), "call-1")
    vendor.status, vendor.headers, vendor.answer = refusal.status, list(refusal.headers), refusal.body
    with pytest.raises(error) as raised:
        vendor.openai.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert len(vendor.bodies) == 1
    assert (raised.value.type, raised.value.code) == (kind, "some_code")
    assert json.loads(refusal.body) == {
        "error": {"message": 'it says "no"\n', "type": kind, "param": None, "code": "some_code"}
    }


def test_an_overloaded_system_is_tried_again(vendor):
    refusal = refuse(503, Halt("overloaded", "too much at once"), "call-1")
    vendor.status, vendor.headers, vendor.answer = refusal.status, list(refusal.headers), refusal.body
    with pytest.raises(openai.InternalServerError):
        vendor.openai.with_options(max_retries=1).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}]
        )
    assert len(vendor.bodies) == 2
