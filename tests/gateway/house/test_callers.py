"""Who calls: keys in two headers, sample keys on this machine only, roles, and what makes a key."""

import pytest
from msgspec.structs import replace

from caveat.errors import BadInput, Refused
from caveat.facts import Caller, Declared
from caveat.gateway.call.bodyin import key_headers
from caveat.gateway.house.callers import authenticate, check_key, check_live, declared, require, secret_digest
from caveat.register import CallerKey

TEXT = "cav-anna"
ANNA = CallerKey("caller", secret_digest(TEXT), Caller(id="anna"))
SAMPLE = CallerKey("caller", secret_digest("cav-sample"), Caller(id="sample"), sample=True)
KEYS = {key.secret_digest: key for key in (ANNA, SAMPLE)}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TEXT}"},
        {"authorization": f"bearer   {TEXT} "},
        {"x-api-key": TEXT},
        {"authorization": f"Bearer {TEXT}", "x-api-key": "something else"},
        {"authorization": "Basic YTpi", "x-api-key": TEXT},
    ],
)
def test_a_key_that_is_known(headers):
    assert authenticate(headers, KEYS, loopback=False) == ANNA


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": TEXT},
        {"authorization": "Bearer wrong", "x-api-key": TEXT},
        {"x-api-key": ""},
        {"x-api-key": f"Bearer {TEXT}"},
        {"x-api-key": ANNA.secret_digest},
        {"cookie": TEXT},
    ],
)
def test_a_key_that_is_none(headers):
    with pytest.raises(Refused) as refused:
        authenticate(headers, KEYS, loopback=True)
    assert (refused.value.code, refused.value.status) == ("invalid_key", 401)
    assert TEXT not in refused.value.message + refused.value.hint


def test_a_sample_key_counts_on_this_machine_only():
    assert authenticate({"x-api-key": "cav-sample"}, KEYS, loopback=True) == SAMPLE
    with pytest.raises(Refused) as refused:
        authenticate({"x-api-key": "cav-sample"}, KEYS, loopback=False)
    assert refused.value.code == "sample_key"


def test_a_key_that_came_twice_is_no_key():
    pairs = [(b"X-Api-Key", b"a"), (b"x-api-key", b"b"), (b"Authorization", b"Bearer c"), (b"accept", b"d")]
    assert key_headers(pairs) == {"authorization": "Bearer c"}


def test_roles():
    require(ANNA, "operator", "caller")
    with pytest.raises(Refused) as refused:
        require(ANNA, "operator", "auditor")
    assert refused.value.code == "role_missing"
    assert "operator or auditor" in refused.value.message


def test_a_key_is_live_as_it_was_read():
    check_live(ANNA, KEYS)
    changed = {ANNA.secret_digest: replace(ANNA, role="operator")}
    for keys in ({}, changed):
        with pytest.raises(Refused) as refused:
            check_live(ANNA, keys)
        assert refused.value.status == 401


@pytest.mark.parametrize(
    "changes",
    [{"role": "king"}, {"secret_digest": "sha256:0"}, {"secret_digest": TEXT}]
    + [{"caller": Caller(id=name)} for name in ("", "two words", "-x", "x" * 101, "né", "a\nb")],
)
def test_a_key_that_should_not_be_made(changes):
    check_key(ANNA)
    with pytest.raises(BadInput):
        check_key(replace(ANNA, **changes))


def test_what_headers_declare():
    headers = {"caveat-purpose": "drafting", "caveat-marking": "INTERNAL", "caveat-case": "C-1", "accept": "x"}
    assert declared(headers) == Declared(purpose="drafting", marking="INTERNAL", case="C-1")
    assert declared({}) == Declared()


def test_a_header_of_ours_that_there_is_not():
    with pytest.raises(Refused) as refused:
        declared({"caveat-purpos": "drafting"})
    assert (refused.value.code, refused.value.status) == ("header_invalid", 400)
