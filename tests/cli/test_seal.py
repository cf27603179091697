"""`caveat seal`: what the operator prints, what the vendor makes of it, and that it runs."""

import json
import signal
import subprocess
import sys

from tests.gateway.process import caveat, ended

from caveat.keys import new_signing_key
from caveat.seal.settings import load, signing_key

KEY = new_signing_key("example.com/log").verify_key.text


def test_from_the_gateways_keys_to_a_seal_that_runs(tmp_path):
    home, folder = tmp_path / "home", tmp_path / "seal-1"
    assert caveat("init", "--home", home).returncode == 0
    keys = json.loads(caveat("seal", "keys", "--home", home, "--json").stdout)
    logs = [word for key in keys["log"] for word in ("--log", key)]
    arguments = ("--name", "labs.example.test/seal-1", "--model", "weights:x", "--engine", "http://127.0.0.1:9")
    made = caveat("seal", "init", folder, *arguments, "--permits", *keys["permits"], *logs, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["vkey"] == signing_key(folder).verify_key.text
    assert (folder / "seal.key").stat().st_mode & 0o077 == 0
    assert load(folder).permits == tuple(keys["permits"])
    again = caveat("seal", "init", folder, *arguments, "--permits", *keys["permits"], *logs)
    assert (again.returncode, b"is not written over" in again.stderr) == (2, True)
    (folder / "seal.toml").write_text((folder / "seal.toml").read_text().replace("127.0.0.1:8585", "127.0.0.1:0"))
    process = subprocess.Popen(
        [sys.executable, "-m", "caveat", "seal", "serve", str(folder), "--json"], stdout=subprocess.PIPE
    )
    with ended(process):
        assert process.stdout is not None
        assert process.stdout.readline() == b"{\n"
        assert process.stdout.readline().startswith(b'  "address": "http://127.0.0.1:')
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_the_terms_line_is_printed_for_people(tmp_path):
    key = json.loads(caveat("seal", "init", tmp_path / "a", "--name", "a.example/seal", "--model", "weights:x", "--engine",
                            "http://127.0.0.1:9", "--permits", KEY, "--log", KEY, "--json").stdout)["vkey"]  # fmt: skip
    said = caveat("seal", "init", tmp_path / "b", "--name", "a.example/seal", "--model", "weights:x", "--engine",
                  "http://127.0.0.1:9", "--permits", KEY, "--log", KEY, "--alias", "small").stdout.decode()  # fmt: skip
    assert "seals:" in said
    assert '"models": ["small"]' in said
    assert key.startswith("a.example/seal+")
