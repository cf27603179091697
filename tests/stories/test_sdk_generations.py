"""The official SDKs, current and two years old, see the same: answers, refusals and stops in every dialect.

Each generation runs in an environment of its own: the current one is the tests' own, the older one is made here, once,
from requirements/sdk-old.txt.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.running import HEAD, MODEL, running, upstream_text

from caveat.gateway.scripted.script import Answer, Reply, Rule, Script
from caveat.gateway.scripted.server import serve

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).parent / "sdk_driver.py"
LOCK = ROOT / "requirements" / "sdk-old.txt"
OLD = ROOT / ".venv" / "sdk-old"
NOTICE = "\n\nThis text was written by a machine. Check it before you rely on it."
PLAIN = "The harbour lies in the north of the town, and ships from every sea come in with wind and tide. "
BANNER = "TOP SECRET//SI//NOFORN"
SCRIPT = Script(
    (
        Rule(Reply(answer=Answer(PLAIN * 6 + BANNER + PLAIN, piece=7)), contains="Say the banner"),
        Rule(Reply(answer=Answer("Hello there."))),
    )
)
VERSIONS = {"current": ["3.54.0", "2.12.0"], "two years old": ["1.109.1", "0.40.0"]}


def made_old() -> Path:
    """The Python of the older generation's environment, made if its lock has changed.  Never by two at once."""
    OLD.parent.mkdir(exist_ok=True)
    with (OLD.parent / "sdk-old.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = OLD / "caveat-stamp", hashlib.sha256(LOCK.read_bytes()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(OLD, ignore_errors=True)
            _install()
            stamp.write_text(wanted)
    return OLD / "bin" / "python"


def _install() -> None:
    python, uv = OLD / "bin" / "python", shutil.which("uv")
    make = [uv, "venv", "--quiet", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    install = (
        [uv, "pip", "install", "--quiet", "--python", python] if uv else [python, "-m", "pip", "install", "--quiet"]
    )
    for command in ([*make, OLD], [*install, "--require-hashes", "-r", LOCK]):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def url_and_key(tmp_path_factory):
    home = tmp_path_factory.mktemp("generations") / "home"
    dialects = '["openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages"]'
    with serve(SCRIPT) as upstream, running(home, HEAD + upstream_text(upstream.address, dialects=dialects)) as gateway:
        yield gateway.url, gateway.caller_key


@pytest.fixture(scope="module", params=VERSIONS)
def seen(request, url_and_key) -> dict[str, Any]:
    """What a program of one generation saw."""
    python = made_old() if request.param == "two years old" else Path(sys.executable)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(python), str(DRIVER), *url_and_key, MODEL],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["versions"] == VERSIONS[request.param]
    return found


ANSWERED: dict[str, Any] = {
    **dict.fromkeys(
        (
            "chat_whole",
            "chat_streamed",
            "responses_whole",
            "responses_helper",
            "messages_whole",
            "messages_prefixed",
            "messages_streamed",
            "messages_beta",
        ),
        f"Hello there.{NOTICE}",
    ),
    "responses_streamed": {
        "text": f"Hello there.{NOTICE}",
        "final": f"Hello there.{NOTICE}",
        "last": "response.completed",
    },
    "embeddings": 2,
    "models": [MODEL],
    "tokens_counted": 12,
}


@pytest.mark.parametrize("case", ANSWERED)
def test_what_is_allowed_arrives_with_its_notice(seen, case):
    assert seen[case] == ANSWERED[case]


DENIED = (
    "chat_denied",
    "chat_denied_streamed",
    "chat_stopped",
    "responses_denied",
    "responses_stopped",
    "embeddings_denied",
    "messages_denied",
    "messages_stopped",
    "tokens_denied",
)


@pytest.mark.parametrize("case", DENIED)
def test_what_is_denied_is_the_sdks_own_error(seen, case):
    got = seen[case]
    assert (got["error"], got["status"]) == ("PermissionDeniedError", 403), got
    assert (got["code"], got["type"]) == ("terms_denied", "permission_error")
    assert "marking.ceiling" in got["message"]


def test_text_by_reference_is_unreadable(seen):
    got = seen["responses_by_reference"]
    assert (got["error"], got["status"], got["code"]) == ("PermissionDeniedError", 403, "unreadable")
    assert "/previous_response_id" in got["message"]


def test_a_path_that_is_none_is_not_found(seen):
    got = seen["no_such_path"]
    assert (got["error"], got["status"], got["code"]) == ("NotFoundError", 404, "not_found")


STOPPED = {
    "chat_stopped_streamed": "content_filter",
    "responses_stopped_streamed": "content_filter",
    "messages_stopped_streamed": "refusal",
}


@pytest.mark.parametrize("case", STOPPED)
def test_a_stop_in_a_stream_is_something_that_a_program_can_see(seen, case):
    got = seen[case]
    assert got["why"] == STOPPED[case], got
    assert got["text"]
    assert PLAIN.startswith(got["text"][:20])
    assert "TOP" not in got["text"]
    assert got.get("last", "response.incomplete") == "response.incomplete"


def test_every_case_is_looked_at(seen):
    assert set(seen) == {"versions", *ANSWERED, *DENIED, *STOPPED, "responses_by_reference", "no_such_path"}
