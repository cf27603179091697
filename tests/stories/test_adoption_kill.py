"""kill -9 at every write of an adoption, and of a step in talks: what is left is the old state or the new one, never half
of either, and the home opens again by itself."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gateway.process import environment
from tests.gateway.running import HEAD, running
from tests.talks.party import Party

from caveat.cli.ceremony import Plan, hold_ceremony
from caveat.gateway.control.agreeing import Adoption, adopt, trust_root
from caveat.gateway.parties.directory import PartyDir
from caveat.gateway.parties.session import Offered, Session
from caveat.talks.draft import read_draft
from caveat.terms.samples import sample_terms
from caveat.terms.sign import sign_terms

SCRIPT = Path(__file__).with_name("killing.py")
ROOT = Path(__file__).parents[2]


def killed(*arguments: str | Path) -> list[dict[str, Any]]:
    """What was found after each end, in order; the last came through."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        cwd=ROOT,
        env=environment({"PYTHONPATH": str(ROOT)}),
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def adoption(parties: list[Party], yaml: bytes, now: int) -> bytes:
    draft = read_draft(yaml)
    signed = sign_terms(draft, *(key for party in parties for key in party.terms_keys)).raw
    listings = {party.name: party.list({f"terms/{draft.name}.json": signed}, at=now) for party in parties}
    return msgspec.json.encode(Adoption(1, signed.decode(), listings))


@pytest.mark.timeout(300)
def test_an_adoption_that_is_killed_at_any_write(tmp_path):
    now = time.time_ns() // 1_000_000
    parties = [Party("vendor", 1, at=now), Party("operator", 100, at=now)]
    first, second = sample_terms(), sample_terms().replace(b"version: 1", b"version: 2", 1)
    with running(tmp_path / "home", HEAD, sample=False, parties=False) as gateway:
        for party in parties:
            gateway.run(trust_root(gateway.house, party.roots[0].encode()))
        gateway.run(adopt(gateway.house, adoption(parties, first, now)))
    (tmp_path / "adoption.json").write_bytes(adoption(parties, second, now))
    found = killed("adopt", tmp_path / "home", tmp_path / "adoption.json")
    assert len(found) > 10
    assert found[-1] == {"at": 0, "found": {"terms": ["institutional-use@2"], "findings": []}}
    states = [one["found"]["terms"] for one in found]
    assert {tuple(names) for names in states} == {("institutional-use@1",), ("institutional-use@2",)}
    assert states[0] == ["institutional-use@1"]
    assert all(one["found"]["findings"] == [] for one in found)


@pytest.mark.timeout(300)
def test_a_step_that_is_killed_at_any_write(tmp_path):
    now = time.time_ns() // 1_000_000
    hold_ceremony(tmp_path / "labs", Plan("labs.test", "vendor", 1, 1, 1, 1, "ed25519", pkcs11=False), now)
    Session(PartyDir(tmp_path / "labs")).propose("offer", read_draft(sample_terms()), Offered())
    found = killed("step", tmp_path / "labs")
    assert len(found) > 5
    states = [one["found"]["states"] for one in found]
    assert {tuple(state) for state in states} == {("OFFERED",), ("TERMINATED",)}
    turn = states.index(["TERMINATED"])
    assert all(state == ["TERMINATED"] for state in states[turn:])
