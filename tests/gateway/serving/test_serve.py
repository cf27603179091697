"""The listening socket, and that sample parties are not served beyond this machine."""

import socket

import pytest
from msgspec.structs import replace
from tests.gateway.running import MODEL, scripted_gateway

from caveat.errors import Refused, Unavailable
from caveat.gateway.home.settings import read
from caveat.gateway.scripted.script import says
from caveat.gateway.serving.serve import bind, refuse_samples_abroad, url_of


def settings_at(address):
    return read(f'[gateway]\naddress = "{address}"\n')


@pytest.mark.parametrize(("address", "begins"), [("127.0.0.1:0", "http://127.0.0.1:"), ("[::1]:0", "http://[::1]:")])
def test_an_address_of_either_kind(address, begins):
    try:
        listener = bind(settings_at(address))
    except Unavailable as error:
        assert address.startswith("[")  # a machine without IPv6 says so in a sentence
        assert "cannot be had" in error.message
        return
    with listener:
        assert url_of(listener).startswith(begins)
        with socket.create_connection(listener.getsockname()[:2], timeout=60):
            pass


def test_a_port_in_use_is_told_and_leaves_no_socket_open():
    with bind(settings_at("127.0.0.1:0")) as first:
        port = first.getsockname()[1]
        with pytest.raises(Unavailable) as refused:
            bind(settings_at(f"127.0.0.1:{port}"))
        assert refused.value.message == f"the address 127.0.0.1:{port} is in use"
        assert "address" in refused.value.hint
    bind(settings_at(f"127.0.0.1:{port}")).close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("serve") / "home", says("Hello.")) as (made, _):
        yield made


@pytest.fixture
def abroad(gateway):
    """The same gateway as if it listened beyond this machine."""
    settings = gateway.house.settings
    gateway.house.settings = replace(settings, gateway=replace(settings.gateway, address="0.0.0.0:8484"))
    yield gateway
    gateway.house.settings = settings


def test_sample_parties_are_not_served_abroad(gateway, abroad):
    with pytest.raises(Refused) as refused:
        refuse_samples_abroad(abroad.house)
    assert refused.value.code == "sample_key"
    assert "example-labs.sample" in refused.value.message


def test_sample_parties_are_served_at_home(gateway):
    refuse_samples_abroad(gateway.house)


def test_a_sample_key_is_refused_abroad_and_others_are_not(abroad):
    ask = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}
    own = abroad.key("own")
    for path in ("/v1/chat/completions", "/v1/models", "/caveat/v1/terms"):
        method = "POST" if "chat" in path else "GET"
        reply = abroad.http().request(method, path, json=ask if method == "POST" else None)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "sample_key")
        reply = abroad.http(own).request(method, path, json=ask if method == "POST" else None)
        assert reply.status_code == 200
