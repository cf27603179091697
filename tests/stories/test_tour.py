"""The tour is the product's own claim about itself: every step goes as it should, and its evidence holds elsewhere."""

import json
import os
import subprocess
import sys

import pytest
from tests.evidence.second import asked_too


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """One tour, as a newcomer runs it, in a directory of its own."""
    folder = tmp_path_factory.mktemp("tour")
    command = [sys.executable, "-m", "caveat", "tour", "--folder", str(folder / "t"), "--json"]
    done = subprocess.run(command, capture_output=True, timeout=280, check=False, env=os.environ | {"NO_COLOR": "1"})
    return done, folder / "t"


@pytest.mark.timeout(330)
def test_every_step_goes_as_it_should(told):
    done, _ = told
    story = json.loads(done.stdout)
    wrong = [step["step"]["title"] for step in story["steps"] if not step["step"]["ok"]]
    assert (done.returncode, wrong, story["ok"]) == (0, [], True)
    assert {step["chapter"] for step in story["steps"]} == {
        "The agreement",
        "The calls",
        "The talks",
        "The end",
        "The evidence",
        "The challenge",
    }


def test_the_parties_agree_by_their_repositories(told):
    """Whoever holds both directories finds the talks again, to their end; no secret key lies on the stick."""
    _, folder = told
    command = [
        sys.executable,
        "-m",
        "caveat",
        "terms",
        "state",
        str(folder / "labs.example"),
        str(folder / "stick" / "operator"),
    ]
    found = json.loads(subprocess.run([*command, "--json"], capture_output=True, timeout=60, check=True).stdout)
    verbs = [step["verb"] for step in found["talks"][0]["steps"]]
    agreed = ["accept", "agree", "agree", "finalize"]
    assert verbs == ["offer", *agreed, "request", "offer", *agreed, "terminate"]
    assert found["talks"][0]["state"] == "TERMINATED"
    assert not [
        path for path in (folder / "stick").rglob("*") if path.is_file() and b"PRIVATE+KEY" in path.read_bytes()
    ]


def test_the_bundle_verifies_in_an_empty_directory(told, tmp_path):
    """With nothing of the home at hand: the bundle, the trust file and the installed package."""
    _, folder = told
    for name in ("evidence.zip", "trust"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    command = [sys.executable, "-m", "caveat", "verify", "evidence.zip", "--trust", "trust", "--json"]
    environment = {**os.environ, "CAVEAT_HOME": str(tmp_path / "none"), "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, timeout=280, check=False, cwd=tmp_path, env=environment)
    report = json.loads(done.stdout)
    assert (done.returncode, report["verified"]) == (0, True)
    asked_too(0, tmp_path / "evidence.zip", "--trust", tmp_path / "trust")


def test_nothing_of_the_calls_content_is_in_the_bundle(told):
    """No run of the prompts' or replies' words leaves with the evidence."""
    done, folder = told
    data = (folder / "evidence.zip").read_bytes()
    shown = [line for step in json.loads(done.stdout)["steps"] for line in step["step"]["shown"]]
    answers = [line for line in shown if len(line) > 60 and "`" not in line and "+" not in line and "/" not in line]
    assert answers
    for line in (*answers, "RIVERTON (Example Wire)", "Summarise this report"):
        assert line[:24].encode() not in data
