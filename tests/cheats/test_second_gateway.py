"""The operator sets up a second gateway before the same model: with keys of its own, then with a copy of the home.

What detects it: the seal takes permits of one key, enrolled by both parties; a copy of the home forks the log, and of two forks
the seal follows one.
"""

import shutil

from tests.cheats.sealed import PLAIN, SEAL, sealed_terms, staged
from tests.gateway.running import HEAD, MODEL, running, upstream_text

from caveat.gateway.home.directory import Home


def ask(gateway):
    return gateway.http().post("/v1/chat/completions", json={"model": MODEL, "messages": PLAIN, "max_tokens": 9})


def test_another_gateways_permits_are_refused(tmp_path):
    with staged(tmp_path / "first") as stage:
        stage.calls(1)
        text = HEAD + upstream_text(stage.seal.address, seal=f'{{ vkey = "{SEAL.verify_key.text}" }}')
        with running(tmp_path / "other", text) as other:
            before = len(stage.model.received)
            assert ask(other).status_code == 502
            assert len(stage.model.received) == before


def test_a_copy_of_the_home_forks_and_only_one_fork_goes_on(tmp_path):
    with staged(tmp_path / "first") as stage:
        stage.calls(2)
        stage.settled()
        shutil.copytree(stage.gateway.home.path, tmp_path / "copy", ignore=shutil.ignore_patterns("lock", "address"))
        stage.calls(2)
        stage.hand_in()
        text = HEAD + upstream_text(stage.seal.address, seal=f'{{ vkey = "{SEAL.verify_key.text}" }}')
        with running(tmp_path / "copy", text, sample=False) as other:
            before = len(stage.model.received)
            other.run(other.house.end_terms("institutional-use"))
            other.adopt(sealed_terms(Home(tmp_path / "copy")).replace(b"version: 1\n", b"version: 2\n", 1))
            assert ask(other).status_code == 502
            assert len(stage.model.received) == before
        stage.calls(1)
