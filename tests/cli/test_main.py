"""Every verb: its help, its one JSON object, its exit codes."""

import os
import subprocess
import sys

import pytest
from tests.gateway.process import COMMAND, environment

from caveat.cli.main import line
from caveat.cli.manual import verbs

VERBS = verbs(line())


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_help(run, words):
    told = run(*words, "--help")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"Usage: caveat {' '.join(words)} ")
    assert "  --json" in told.out


@pytest.mark.parametrize("words", [(), *{words[:1] for words in VERBS if len(words) > 1}], ids=" ".join)
def test_a_group_alone_shows_its_verbs(run, words):
    told = run(*words)
    assert told.code == 2
    listed = {line.split()[0] for line in (told.out + told.err).splitlines() if line.strip()}
    assert {verb[len(words)] for verb in VERBS if verb[: len(words)] == words} <= listed


@pytest.mark.parametrize(
    "words", [("sing",), ("terms", "sing"), ("serve", "--loud"), ("ledger", "show", "--last", "0")]
)
def test_wrong_use(run, words):
    told = run(*words)
    assert (told.code, told.out) == (2, "")
    assert "Traceback" not in told.err


def test_version(run):
    told = run("--version")
    assert (told.code, told.out.split()[0]) == (0, "caveat")


NO_HOME = [
    ("serve",),
    ("keys", "list"),
    ("keys", "new", "anna"),
    ("keys", "revoke", "anna"),
    ("terms", "show"),
    ("terms", "end", "x"),
    ("models", "list"),
    ("ledger", "show"),
    ("ledger", "prove", "0"),
    ("ledger", "fsck"),
    ("explain", "0" * 32),
]


@pytest.mark.parametrize("words", NO_HOME, ids=" ".join)
def test_where_there_is_no_home(run, tmp_path, words):
    told = run(*words, "--home", tmp_path / "nothing")
    assert (told.code, told.out) == (2, "")
    assert "is no caveat home" in told.err
    assert "caveat init" in told.err
    as_json = run(*words, "--home", tmp_path / "nothing", "--json")
    assert as_json.code == 2
    assert as_json.json["error"] == "BadInput"
    assert "is no caveat home" in as_json.json["message"]
    assert not (tmp_path / "nothing").exists()


def test_the_home_may_stand_in_the_environment(run, home, monkeypatch):
    monkeypatch.setenv("CAVEAT_HOME", str(home))
    assert [key["id"] for key in run("keys", "list", "--json").json["keys"]] == ["operator", "sample-caller"]


def test_a_pipe_that_closes_early_is_no_failure(home):
    """`caveat ledger show | head -1`"""
    reading, writing = os.pipe()
    os.close(reading)
    command = [*COMMAND, "ledger", "show", "--home", str(home)]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment(), check=False)
    os.close(writing)
    assert b"Traceback" not in done.stderr
    assert b"nobody foresaw" not in done.stderr


def test_a_verb_loads_its_own_modules_and_no_others():
    """So that `caveat --version` and a question to a gateway that runs do not wait for the whole house."""
    asked = "import sys, caveat.cli.main as m\nm.line(sys.argv[1:])\nprint(*sys.modules)"

    def loaded(*words):
        done = subprocess.run([sys.executable, "-c", asked, *words], capture_output=True, env=environment(), check=True)
        return done.stdout.decode().split()

    assert not [name for name in loaded("--version") if name.startswith(("caveat.gateway", "caveat.terms", "numpy"))]
    assert "caveat.gateway.serving.serve" not in loaded("keys", "list")
    assert "caveat.gateway.serving.serve" in loaded("serve")


def test_what_nobody_foresaw_is_said_without_a_traceback(tmp_path):
    """An error of no kind that we know: a page that the system lets nobody read as text."""
    broken = "import sys, types, caveat.cli.main as m\nm.VERBS['Start']['doctor'] = 'broken:fail'\n"
    broken += "sys.modules['caveat.cli.broken'] = types.SimpleNamespace(fail=lambda: 1 / 0)\n"
    broken += "sys.argv = ['caveat', 'doctor']\nm.main()\n"
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, env=environment(), check=False)
    assert done.returncode == 3
    assert b"ZeroDivisionError" in done.stderr
    assert b"Traceback" not in done.stderr
    loud = subprocess.run(
        [sys.executable, "-c", broken], capture_output=True, env=environment({"CAVEAT_DEBUG": "1"}), check=False
    )
    assert b"Traceback" in loud.stderr
