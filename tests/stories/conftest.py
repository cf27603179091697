"""The gateway of the stories: one for each file, with the scripted upstream behind it."""

import os

import pytest
from tests.gateway.running import scripted_gateway

from caveat.gateway.model.store import cache_path, pull
from caveat.gateway.scripted.script import says


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("governed") / "home", says("Hello there.")) as pair:
        yield pair


@pytest.fixture
def gateway(governed):
    """A gateway with the sample terms in force."""
    return governed[0]


@pytest.fixture
def upstream(governed):
    """What stands behind it; says `Hello there.` until it is given another script."""
    governed[1].play(says("Hello there."))
    return governed[1]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """A home's models/ with the real model in it; fetched from the registry if the cache does not have it."""
    folder = tmp_path_factory.mktemp("models")
    pull(folder, cache_path(os.environ))
    return folder
