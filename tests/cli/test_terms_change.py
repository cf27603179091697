"""`caveat terms diff --semantic`, `check-certificate` and `replay`: for programs, and where something is wrong."""

import json

import pytest

from caveat.cli import terms_replay
from caveat.terms.samples import sample_terms


@pytest.fixture
def files(tmp_path):
    """Two versions: the hazard threshold of weapons of mass destruction has moved."""
    before, after = tmp_path / "a.yaml", tmp_path / "b.yaml"
    before.write_bytes(sample_terms())
    after.write_bytes(sample_terms().replace(b"iwp: 350", b"iwp: 400").replace(b"\nversion: 1\n", b"\nversion: 2\n"))
    return before, after


def test_a_semantic_diff_for_a_program(run, files):
    done = run("terms", "diff", *files, "--semantic", "--json")
    assert done.code == 0
    answers = {one["question"]["name"]: one for one in done.json["answers"]}
    found = answers["q.newly-allowed"]
    assert (found["says"], found["request"]["pm"]) == ("found", {"iwp": 350})
    assert (found["before"]["clauses"], found["after"]["verdict"]) == (["weapons.mass"], "allow")
    assert answers["q.newly-denied"]["says"] == "none"
    assert done.json["changes"]["thresholds"][0]["what"] == "thresholds.iwp"
    assert set(done.json["solvers"]) == {"Z3", "cvc5"}
    assert done.json["idle"]["never"] == []


def test_a_semantic_diff_for_a_person(run, files):
    said = run("terms", "diff", *files, "--semantic").out
    assert "`iwp` scored 350 per mille in the request" in said
    assert "newly denied: there is none (proved by Z3" in said
    assert "duties newly owed or no longer owed: none" in said


def test_a_certificate_goes_to_the_other_party_and_back(run, files, tmp_path):
    certificate = tmp_path / "certificate.json"
    assert run("terms", "diff", *files, "--semantic", "--certificate", certificate).code == 0
    checked = run("terms", "check-certificate", certificate, "--json").json
    assert checked["holds"]
    assert checked["remarks"] == []
    changed = json.loads(certificate.read_text())
    changed["smt2"] += "(assert false)\n"
    certificate.write_text(json.dumps(changed))
    done = run("terms", "check-certificate", certificate)
    assert done.code == 1
    assert "does not hold" in done.err


def test_a_certificate_without_the_semantic_diff(run, files, tmp_path):
    done = run("terms", "diff", *files, "--certificate", tmp_path / "c.json")
    assert done.code == 2
    assert "--semantic" in done.err


def test_a_certificate_is_never_written_over(run, files, tmp_path):
    (tmp_path / "c.json").write_text("mine")
    assert run("terms", "diff", *files, "--semantic", "--certificate", tmp_path / "c.json").code == 2
    assert (tmp_path / "c.json").read_text() == "mine"


def test_a_plain_diff_needs_no_solver(run, files):
    assert run("terms", "diff", *files, "--json").json["thresholds"]


def test_a_replay_of_nothing(run, files, home):
    done = run("terms", "replay", files[1], "--home", home, "--json").json
    assert (done["caveat_impact"], done["calls"], done["changed"], done["terms"]) == (1, 0, {}, "institutional-use@2")


def test_a_replay_shared_among_processes(run, files, home, monkeypatch):
    monkeypatch.setattr(terms_replay, "MANY", 1)
    assert run("terms", "replay", files[1], "--home", home, "--json").json["calls"] == 0


WRONG = {
    "no day": (["--from", "tomorrow"], "`tomorrow` is no day"),
    "an end before the beginning": (["--from", "2026-02-02", "--to", "2026-02-01"], "not before"),
    "a year beyond all years": (["--to", "9999-12-31"], "`9999-12-31` is no day"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_period_that_is_none(run, files, home, name):
    flags, sentence = WRONG[name]
    done = run("terms", "replay", files[1], "--home", home, *flags)
    assert done.code == 2
    assert sentence in done.err


def test_a_day_is_whole():
    assert terms_replay.moment("2026-01-01", "--from") == 1_767_225_600_000
    assert terms_replay.moment("2026-01-01", "--to", whole_day=True) == 1_767_225_600_000 + 86_400_000
    assert terms_replay.moment("2026-01-01T00:00:00Z", "--to", whole_day=True) == 1_767_225_600_000
    assert terms_replay.moment("2026-01-01T02:00:00+02:00", "--to") == 1_767_225_600_000


def test_what_a_waiver_could_let_through_is_told_before_anyone_approves_it(run, tmp_path):
    """Which hazards, purposes and markings it can, and which it provably cannot."""
    file = tmp_path / "terms.yaml"
    file.write_bytes(sample_terms())
    told = run("terms", "reach", file, "--clause", "cyber.offensive", "--purpose", "code", "--highest-rank", "2")
    assert told.code == 0
    can, _, cannot = told.out.partition("cannot let through (proved)")
    assert "x_cyb" in can
    assert "iwp" in cannot
    assert "marking rank of the request: 1 to 2" in can
    assert "marking rank of the request: 3 to 15" in cannot
    found = run("terms", "reach", file, "--clause", "cyber.offensive", "--purpose", "gardening", "--json").json
    assert {one["says"] for one in found["reach"]} == {"cannot"}
    nothing = run("terms", "reach", file, "--clause", "cyber.offensive", "--purpose", "gardening")
    assert "lets nothing through" in nothing.out
    for words in ((), ("--clause", "weapons.mass"), (tmp_path / "none.json",)):
        assert run("terms", "reach", file, *words).code == 2
