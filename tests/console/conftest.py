"""One gateway and one browser for the console's tests."""

import os
from pathlib import Path

import pytest
from tests.console.browser import browser
from tests.gateway.running import MODEL, scripted_gateway

from caveat.gateway.scripted.script import says

MARKED = "TOP SECRET//SI//NOFORN\nSummarise: the committee met on Tuesday."


def ask(text="Summarise: the committee met on Tuesday."):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Where screenshots go: CAVEAT_PICTURES, kept as an artefact in CI."""
    return Path(os.environ.get("CAVEAT_PICTURES") or tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """With calls of several outcomes behind it."""
    with scripted_gateway(tmp_path_factory.mktemp("console") / "home", says("Hello there.")) as (gateway, _):
        for _ in range(3):
            gateway.http().post("/v1/chat/completions", json=ask())
        gateway.http().post("/v1/chat/completions", json=ask(MARKED))
        gateway.ending()
        yield gateway


@pytest.fixture(scope="module")
def chromium(gateway):
    """A browser; it starts after the gateway, for while it runs no event loop can be started in its thread."""
    with browser() as started:
        yield started
