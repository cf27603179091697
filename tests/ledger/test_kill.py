"""kill -9, again and again: whatever a caller was told is there afterwards, and the ledger is sound."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from caveat.ledger.fsck import fsck
from caveat.ledger.reader import LedgerReader

SCRIPT = Path(__file__).with_name("appending.py")


def killed_once(home, rng):
    """Start the process, let it be told things for a random time, kill it; what it was told."""
    command = [sys.executable, SCRIPT, home / "ledger", home / "vault", home / "keys", str(rng.choice([1, 8, 40]))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(rng.random() * 0.3)
        process.kill()
        rest = process.stdout.read()
    lines = (first + rest).decode().split("\n")[:-1]
    assert lines, "it ended before it was told anything"
    return {int(index): leaf.encode() for index, leaf in (line.split(" ") for line in lines)}


def kill_rounds(home, keys, rounds, seed):
    home.mkdir()
    (home / "keys").write_text("".join(key.text + "\n" for key in keys.signing))
    rng = random.Random(seed)
    told: dict[int, bytes] = {}
    for _ in range(rounds):
        new = killed_once(home, rng)
        assert not new.keys() & told.keys(), "an index was given away twice"
        told |= new
        report = fsck(home / "ledger", keys.verify_keys, home / "vault")
        assert report.findings == ()
        reader = LedgerReader(home / "ledger", home / "vault", keys.verify_keys)
        found = {index: entry for index, entry in reader.entries() if index in new}
        assert {index: entry.leaf for index, entry in found.items()} == new
        assert all(entry.aside == b"aside" for entry in found.values())
    everything = {index: entry.leaf for index, entry in LedgerReader(home / "ledger").entries()}
    assert sorted(everything) == list(range(len(everything)))
    assert {index: everything[index] for index in told} == told


def test_three_kills(tmp_path, keys):
    kill_rounds(tmp_path / "home", keys, 3, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_kills(tmp_path, keys, slow_rounds):
    kill_rounds(tmp_path / "home", keys, slow_rounds(10, 100), seed=2)
