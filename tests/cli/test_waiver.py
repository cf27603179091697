"""Approvers and waivers by hand, on a home where no gateway runs."""

import json
import random
import subprocess
import sys
import time

import pytest

DONE = {"--requester": "carl", "--reason": "Audit 17.", "--until": "+7d", "--uses": "5", "--clause": "secrets.kept"}


def words(**changes):
    given = {**DONE, **{f"--{name}": value for name, value in changes.items()}}
    return [word for pair in given.items() for word in pair]


@pytest.fixture
def staffed(run, home, tmp_path):
    for person in ("anna", "ben"):
        vkey = run("party", "init", person, tmp_path / person, "--json").json["vkey"]
        party = home / "keys" / "party-example-ministry.sample"
        file = tmp_path / f"{person}.json"
        named = run(
            "waiver", "approver", "name", person, "--vkey", vkey, "--side", "operator", "--key", party, "--out", file
        )
        assert f"next: the operator runs `caveat waiver approver add {file}`" in named.out
        assert run("waiver", "approver", "add", file, "--home", home).code == 0
    return home


def signed(run, home, folder, name="w.json"):
    file = folder / name
    asked = run("waiver", "request", *words(), "--out", file, "--home", home)
    assert asked.code == 0, asked.err
    for person in ("anna", "ben"):
        assert run("waiver", "approve", file, "--key", folder / person).code == 0
    return file


def test_approvers_are_listed_and_removed(run, staffed):
    listed = run("waiver", "approver", "list", "--home", staffed, "--json").json["approvers"]
    assert [(one["person"], one["side"]) for one in listed] == [("anna", "operator"), ("ben", "operator")]
    assert "anna" in run("waiver", "approver", "list", "--home", staffed).out
    assert run("waiver", "approver", "remove", "ben", "--home", staffed, "--json").json == {"removed": "ben"}
    assert run("waiver", "approver", "remove", "ben", "--home", staffed).code == 2
    assert len(run("waiver", "approver", "list", "--home", staffed, "--json").json["approvers"]) == 1


def test_a_home_without_exceptions_says_the_next_step(run, home):
    assert "`caveat waiver approver name`" in run("waiver", "approver", "list", "--home", home).out
    assert "`caveat waiver request` asks for one" in run("waiver", "list", "--home", home).out
    assert "no call waits" in run("hold", "list", "--home", home).out


def test_who_asked_cannot_approve(run, staffed, tmp_path):
    """It is said when they sign, not only once two others would have to be found."""
    file = tmp_path / "w.json"
    run("waiver", "request", *words(requester="anna"), "--out", file, "--home", staffed)
    done = run("waiver", "approve", file, "--key", tmp_path / "anna")
    assert (done.code, "`anna` asked for this waiver" in done.err) == (1, True)
    assert "bears 1 signature" in run("waiver", "approve", file, "--key", tmp_path / "ben").out


def test_what_is_asked_for_is_told_in_sentences(run, staffed, tmp_path):
    scope = ("--purpose", "drafting", "--caller", "dora", "--highest-rank", "1", "--case", "C-17")
    told = run("waiver", "request", *words(), *scope, "--out", tmp_path / "w.json", "--home", staffed).out
    assert "lifts `secrets.kept` of the terms institutional-use@1" in told
    assert "for at most 5 calls" in told
    assert "only for callers: dora; purposes: drafting; marking rank up to 1; case C-17" in told
    assert "next: 2 approvers who are not `carl` run `caveat waiver approve" in told


REFUSED = {
    "a time that is none": ({"until": "tomorrow"}, "expected a time"),
    "a time that does not fit": ({"until": "+99999d"}, "expected a time|at most 366 days"),
    "the past": ({"until": "2020-01-01"}, "ends after it begins"),
    "no uses": ({"uses": "0"}, "cannot be asked for so"),
    "a requester of another form": ({"requester": "Carl C"}, "cannot be asked for so"),
    "a purpose that the terms do not name": ({"purpose": "war"}, "name no purpose `war`"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_asked_for(run, home, tmp_path, name):
    changes, says = REFUSED[name]
    told = run("waiver", "request", *words(**changes), "--out", tmp_path / "w.json", "--home", home)
    assert told.code == 2
    assert any(part in told.err for part in says.split("|"))
    assert not (tmp_path / "w.json").exists()


@pytest.mark.parametrize("verb", ["approve", "grant"])
def test_a_file_that_is_no_waiver(run, staffed, tmp_path, verb):
    file = tmp_path / "w.json"
    file.write_bytes(b"{}")
    more = ("--key", tmp_path / "anna") if verb == "approve" else ("--home", staffed)
    told = run("waiver", verb, file, *more)
    assert told.code == 1
    assert "does not hold a signed waiver" in told.err
    assert file.read_bytes() == b"{}"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"sign":"{}","salt":"zz","body":"","terms":""}'])
def test_a_file_that_is_no_held_call(run, home, tmp_path, content):
    (tmp_path / "h.json").write_bytes(content)
    assert run("hold", "grant", tmp_path / "h.json", "--home", home).code in (1, 2)


def test_one_approvers_refusal_is_signed_and_on_record(run, staffed, tmp_path):
    file, refusal = signed(run, staffed, tmp_path), tmp_path / "no.json"
    before = file.read_bytes()
    refused = run("waiver", "refuse", file, "--key", tmp_path / "ben", "--out", refusal)
    assert f"next: `caveat waiver submit {refusal}` puts it on record" in refused.out
    assert file.read_bytes() == before
    done = run("waiver", "submit", refusal, "--home", staffed, "--json").json
    assert (done["refused"], done["in_force"]) == (True, False)
    for verb in ("grant", "submit"):
        again = run("waiver", verb, file, "--home", staffed)
        assert (again.code, "decided before" in again.err) == (1, True)
    wrong = run("waiver", "refuse", file, "--key", tmp_path / "ben", "--out", refusal)
    assert (wrong.code, "exists" in wrong.err) == (2, True)


def test_a_request_that_gathers_signatures_is_refused_without_one(run, staffed, tmp_path):
    file = tmp_path / "w.json"
    made = run("waiver", "request", *words(), "--out", file, "--home", staffed, "--json").json["waiver"]
    assert "is with the gateway" in run("waiver", "submit", file, "--home", staffed).out
    assert made in run("waiver", "pending", "--home", staffed).out
    assert "without anybody's signature" in run("waiver", "pending", made, "--drop", "--home", staffed).out
    assert "no waiver gathers signatures" in run("waiver", "pending", "--home", staffed).out
    assert "decided before" in run("waiver", "submit", file, "--home", staffed).err


def test_a_waiver_is_granted_listed_and_ended(run, staffed, tmp_path):
    file = signed(run, staffed, tmp_path)
    granted = run("waiver", "grant", file, "--home", staffed, "--json").json
    assert granted["approvers"] == ["anna", "ben"]
    assert "in force" in run("waiver", "list", "--home", staffed).out
    assert run("waiver", "end", granted["waiver"], "--home", staffed, "--json").json == {"ended": granted["waiver"]}
    assert run("waiver", "list", "--home", staffed, "--json").json["waivers"] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_9_while_a_waiver_is_granted_leaves_the_old_state_or_the_new(run, staffed, tmp_path, slow_rounds):
    """At whichever moment: afterwards it is in force or it is not, and what was not done can be done again."""
    rng = random.Random(5)
    for number in range(slow_rounds(4, 30)):
        file = signed(run, staffed, tmp_path, f"w{number}.json")
        command = [sys.executable, "-m", "caveat", "waiver", "grant", str(file), "--home", str(staffed), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(rng.uniform(0.2, 2.5))
            process.kill()
            said, _ = process.communicate()
        before = len(run("waiver", "list", "--home", staffed, "--json").json["waivers"])
        again = run("waiver", "grant", file, "--home", staffed, "--json")
        after = run("waiver", "list", "--home", staffed, "--json").json["waivers"]
        assert len(after) == number + 1
        assert (again.code == 0) == (before == number)
        if said:
            assert json.loads(said)["waiver"] in {one["id"] for one in after}
            assert before == number + 1
