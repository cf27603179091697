"""What nobody foresaw, in the midst of a call: refused in its caller's format, on record, and said without its words."""

import logging

import pytest
from msgspec.structs import replace
from tests.gateway.running import MODEL, scripted_gateway

from caveat.gateway.call.fault import unforeseen
from caveat.gateway.scripted.script import says
from caveat.recognize.panel import Panel

ASK = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "The harbour master's secret."}]}
PATHS = ["/v1/chat/completions", "/v1/messages"]


class Bad:
    """A recognizer and an upstream that are bugs, and whose errors quote what they were given."""

    name, horizon, learned, dialects = "bad@1", 0, False, ("openai_chat", "anthropic_messages")

    def might(self, _view):
        return True

    def look(self, view, _voice):
        raise ZeroDivisionError(view.text)

    async def send(self, call):
        raise ZeroDivisionError(call.body.decode())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("fault") / "home", says("Hello.")) as (made, _):
        yield made


@pytest.fixture
def broken(gateway):
    """`broken(upstream=..., panel=...)`: the route of the sample model, changed."""
    view = gateway.house.view

    def change(**changes):
        gateway.house.view = replace(view, routes={MODEL: (replace(view.routes[MODEL][0], **changes),)})

    yield change
    gateway.house.view = view


def check(gateway, caplog, path, kinds):
    for streams in (False, True):
        reply = gateway.http().post(path, json={**ASK, "stream": streams})
        error = reply.json()["error"]
        assert (reply.status_code, error.get("code") or error["details"]["error_code"]) == (500, "gateway_failed")
        assert reply.headers["x-should-retry"] == "false"
        assert "harbour" not in reply.text
        assert [r.leaf.o or r.leaf.k for r in gateway.call(reply.headers["x-caveat-call"])] == kinds
    assert "ZeroDivisionError" in caplog.text
    assert "harbour" not in caplog.text


@pytest.mark.parametrize("path", PATHS)
def test_before_the_decision(gateway, broken, caplog, path):
    broken(panel=Panel([Bad()]))
    check(gateway, caplog, path, ["denied"])


@pytest.mark.parametrize("path", PATHS)
def test_after_the_decision(gateway, broken, caplog, path):
    broken(upstream=Bad())
    check(gateway, caplog, path, ["opened", "unknown"])


def test_the_next_call_is_served(gateway):
    assert gateway.http().post(PATHS[0], json=ASK).status_code == 200


@pytest.mark.parametrize(("debug", "quoted"), [("", False), ("1", True)])
def test_its_words_are_told_only_where_they_are_asked_for(monkeypatch, caplog, debug, quoted):
    monkeypatch.setenv("CAVEAT_DEBUG", debug)
    with pytest.raises(KeyError) as raised:
        raise KeyError("a prompt")
    with caplog.at_level(logging.ERROR):
        refused = unforeseen(raised.value)
    assert (refused.status, "prompt" in refused.message) == (500, False)
    assert "unforeseen KeyError in " in caplog.text
    assert ("a prompt" in caplog.text) is quoted
