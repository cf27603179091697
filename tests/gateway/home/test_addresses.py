"""Addresses are read one way, or refused."""

import pytest

from caveat.errors import BadInput
from caveat.gateway.home.addresses import base_url, host_and_port, is_loopback

LISTEN = {
    "127.0.0.1:8484": ("127.0.0.1", 8484),
    "[::1]:0": ("::1", 0),
    "gateway.internal:65535": ("gateway.internal", 65535),
}


@pytest.mark.parametrize("address", LISTEN)
def test_address_to_listen_on(address):
    assert host_and_port(address) == LISTEN[address]


@pytest.mark.parametrize(
    "address", ["", "8484", ":8484", "host:", "host:x", "host:70000", "::1:8484", "host:-1", "h:²"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadInput, match="such as"):
        host_and_port(address)


LOOPBACK = {"127.0.0.1": True, "127.9.9.9": True, "::1": True, "localhost": True}
BEYOND = {"0.0.0.0": False, "::": False, "10.0.0.1": False, "localhost.example": False, "gateway": False}


@pytest.mark.parametrize(("host", "wanted"), [*LOOPBACK.items(), *BEYOND.items()])
def test_only_loopback_is_this_machine_alone(host, wanted):
    assert is_loopback(host) is wanted


BASES = {
    "https://api.example/v1": "https://api.example",
    "https://api.example/v1/": "https://api.example",
    "https://api.example": "https://api.example",
    "http://127.0.0.1:8000/openai/v1": "http://127.0.0.1:8000/openai",
    "https://[::1]:8443/": "https://[::1]:8443",
}


@pytest.mark.parametrize("url", BASES)
def test_base_url_of_either_sdk_means_the_same(url):
    assert base_url(url, "upstream.x.base_url") == BASES[url]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example",
        "ftp://host",
        "https://",
        "https://user:pw@host",
        "https://host/?a=1",
        "https://host/#a",
        "http://h:x",
    ],
)
def test_what_is_no_base_url_is_refused_and_not_quoted(url):
    with pytest.raises(BadInput, match=r"upstream\.x\.base_url") as refused:
        base_url(url, "upstream.x.base_url")
    assert "pw" not in refused.value.message
