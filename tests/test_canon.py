"""Canonical bytes, digests, base64 that is written in one way only."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.canon import MAX_INT, b64, b64url, b64url_each, canonical, digest, sha256, unb64, unb64url
from caveat.errors import BadInput

KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4), max_leaves=20)


@given(VALUES)
def test_values_come_back_and_have_one_form(value: Any) -> None:
    data = canonical(value)
    assert json.loads(data) == value
    assert canonical(json.loads(data)) == data


def test_the_form_is_that_of_rfc_8785() -> None:
    """Order of keys, no space, the short escapes, everything else as it is (section 3.2.2.2)."""
    value = {"b": [1, True, None], "a": "\u20ac$\u000f\nA'B\"\\/\u007f\u2028", "": -0}
    assert canonical(value) == '{"":0,"a":"\u20ac$\\u000f\\nA\'B\\"\\\\/\u007f\u2028","b":[1,true,null]}'.encode()


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), MAX_INT + 1, -MAX_INT - 1, {"\u00e9": 1}, {1: 2}, b"x", {3}, "\ud800"]
)
def test_what_has_no_one_form_is_refused(value: Any) -> None:
    with pytest.raises(BadInput):
        canonical([value])


def test_digests() -> None:
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(b"x") == "sha256:" + sha256(b"x").hex()


@given(st.binary(max_size=80))
def test_base64_is_that_of_rfc_4648(data: bytes) -> None:
    assert b64(data) == base64.b64encode(data).decode()
    assert b64url(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert unb64(b64(data)) == unb64url(b64url(data)) == data


@given(st.text("Aa0+/-_=\n é", max_size=9))
def test_only_what_would_be_written_back_alike_is_read(text: str) -> None:
    for read, write in ((unb64, b64), (unb64url, b64url)):
        try:
            assert write(read(text)) == text
        except BadInput:
            continue


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", " QQ==", "Q-8=", "QQ==QQ==", "é"])
def test_standard_base64_that_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        unb64(text)


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "Q+8", "Q/8", "QQ\n", " QQ", "é"])
def test_url_safe_base64_that_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        unb64url(text)


@given(st.lists(st.binary(max_size=40)))
def test_many_are_encoded_at_once_as_one_by_one(pieces: list[bytes]) -> None:
    assert b64url_each(pieces) == [b64url(piece) for piece in pieces]
