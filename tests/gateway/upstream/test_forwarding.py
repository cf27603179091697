"""Only listed headers and query parameters cross, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import Refused
from caveat.gateway.upstream.forwarding import (
    REQUEST_HEADERS,
    check_forwarding,
    forwarded_headers,
    forwarded_query,
    returned_headers,
)


def test_callers_key_and_our_own_headers_stay_here():
    sent = {
        "authorization": "Bearer sk-caller",
        "x-api-key": "sk-caller",
        "cookie": "a=b",
        "caveat-purpose": "translation",
        "user-agent": "x",
        "x-stainless-os": "Linux",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
    }
    assert forwarded_headers(sent) == {"anthropic-version": "2023-06-01", "content-type": "application/json"}


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5))
def test_no_header_outside_the_list_is_ever_forwarded(headers):
    try:
        assert set(forwarded_headers(headers)) <= set(REQUEST_HEADERS)
    except Refused as refused:
        assert refused.code == "header_invalid"


FORWARDED = {
    "betas": {"anthropic-beta": "context-1m-2025-08-07,files-api-2025-04-14"},
    "accept": {"accept": "application/json, text/event-stream;q=0.9, */*"},
    "charset": {"content-type": "application/json; charset=utf-8"},
}


@pytest.mark.parametrize("case", FORWARDED)
def test_usual_values_pass(case):
    assert forwarded_headers(FORWARDED[case]) == FORWARDED[case]


REFUSED = {
    "a text that is no word": {"anthropic-beta": "{say this}"},
    "not ascii": {"anthropic-beta": "bêta"},
    "a second line": {"accept": "a\r\nx-api-key: k"},
    "too long": {"anthropic-beta": "a" * 513},
}


@pytest.mark.parametrize("case", REFUSED)
def test_value_that_could_carry_text_is_refused_and_not_quoted(case):
    with pytest.raises(Refused) as refused:
        check_forwarding(b"", REFUSED[case])
    assert refused.value.code == "header_invalid"
    assert next(iter(REFUSED[case].values())) not in refused.value.message


QUERIES = {"none": (b"", ""), "beta": (b"beta=true", "beta=true"), "quoted": (b"b%65ta=tru%65", "beta=true")}


@pytest.mark.parametrize("case", QUERIES)
def test_listed_query_passes(case):
    query, wanted = QUERIES[case]
    assert forwarded_query(query) == wanted


@pytest.mark.parametrize("query", [b"model=other", b"beta=words", b"beta", b"beta=true&x=1", b"\xff=1"])
def test_query_that_is_not_listed_is_refused(query):
    with pytest.raises(Refused):
        check_forwarding(query, {})


def test_reply_headers_that_tell_of_the_upstream_stay_here():
    came = {
        "Retry-After": "3",
        "anthropic-ratelimit-requests-remaining": "9",
        "x-ratelimit-limit-tokens": "7",
        "Set-Cookie": "a=b",
        "server": "x",
        "request-id": "req_1",
        "content-length": "5",
        "location": "http://elsewhere",
    }
    assert returned_headers(came) == (
        ("retry-after", "3"),
        ("anthropic-ratelimit-requests-remaining", "9"),
        ("x-ratelimit-limit-tokens", "7"),
    )
