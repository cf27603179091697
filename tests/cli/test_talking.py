"""The verbs at the negotiating table, as two persons run them who have never seen TUF: sentences, next steps, JSON."""

import json
import os
import shutil
from typing import ClassVar

import pytest

from caveat.gateway.parties.directory import PartyDir
from caveat.gateway.parties.session import Session
from caveat.talks.steps import Step, sign_step
from caveat.terms.samples import sample_terms

PAIR = "sha256:" + "1" * 64
PATCH = """caveat_patch: 1
of: institutional-use@1
why: A person can tell.
change:
  secrets.kept: {effect: hold}
"""


class Table:
    """Two parties who have met, each with its directory, and a stick."""

    options: ClassVar[dict[str, tuple[str | int, ...]]] = {}

    def __init__(self, run, folder):
        self.run, self.folder = run, folder
        (folder / "stick").mkdir()
        (folder / "office.yaml").write_bytes(sample_terms())
        (folder / "patch.yaml").write_text(PATCH)
        for name, role in (("labs", "vendor"), ("ministry", "operator")):
            more = self.options.get(name, ())
            assert run("party", "init", f"{name}.example", folder / name, "--role", role, *more).code == 0
            self.hand(name)
        for name, other in (("labs", "ministry"), ("ministry", "labs")):
            said = run("party", "show", folder / other, "--json").json["fingerprint"]
            stick = folder / "stick" / other
            assert run("party", "meet", stick, "--party", folder / name, "--fingerprint", said).code == 0

    def hand(self, name):
        assert self.run("party", "hand", self.folder / "stick" / name, "--party", self.folder / name).code == 0

    def say(self, who, verb, *words, theirs=True):
        other = "ministry" if who == "labs" else "labs"
        seen = ("--theirs", self.folder / "stick" / other) if theirs else ()
        to = ("--to", self.folder / "stick" / who)
        return self.run("terms", verb, *words, "--party", self.folder / who, *seen, *to)

    def state(self, *more):
        stick = self.folder / "stick"
        return self.run("terms", "state", stick / "labs", stick / "ministry", *more)

    def to_verified(self):
        self.say("labs", "offer", self.folder / "office.yaml")
        for who, verb in (("ministry", "accept"), ("labs", "agree"), ("ministry", "agree")):
            assert self.say(who, verb).code == 0


@pytest.fixture
def table(run, tmp_path):
    return Table(run, tmp_path)


def test_every_step_says_what_it_did_and_what_comes_next_and_speaks_json(table):
    offered = table.say("labs", "offer", table.folder / "office.yaml", "--note", "Ours.", "--until", "2099-01-01")
    assert "offer: `institutional-use@1` is now OFFERED" in offered.out
    assert "; an answer is wanted until 2099-01-02T00:00:00Z" in offered.out
    assert "an answer is wanted until 2099-01-02 00:00 UTC" in table.state().out
    assert "next: take" in offered.out
    assert "the operator can" in offered.out
    countered = table.say("ministry", "counter", table.folder / "patch.yaml", "--json")
    assert (countered.json["state"], countered.json["terms"]) == ("REQUESTED", "institutional-use@2")
    told = table.state("--json").json
    (talk,) = told["talks"]
    assert [one["verb"] for one in talk["steps"]] == ["offer", "counter"]
    assert talk["steps"][1]["note"] == "A person can tell."
    assert (talk["lapsed"], talk["may"]["vendor"]) == (False, ["agree", "counter", "offer", "terminate"])
    assert {one["party"] for one in told["parties"]} == {"labs.example", "ministry.example"}


def test_out_of_turn_is_refused_with_whose_turn_it_is(table):
    early = table.say("ministry", "accept")
    assert (early.code, "the talks there are (none yet)" in early.err) == (2, True)
    table.say("labs", "offer", table.folder / "office.yaml")
    again = table.say("labs", "offer", table.folder / "office.yaml")
    assert again.code == 1
    assert "the vendor cannot `offer`" in again.err
    not_theirs = table.say("labs", "accept")
    assert "the vendor cannot `accept`" in not_theirs.err
    assert table.say("ministry", "agree").code == 1
    assert table.say("ministry", "terminate").code == 2, "a termination says why"


def test_a_stick_that_was_not_refreshed_cannot_answer_twice(table):
    """An old copy of the other's repository is refused, and a step that was taken is not taken again."""
    table.say("labs", "offer", table.folder / "office.yaml")
    shutil.copytree(table.folder / "stick" / "labs", table.folder / "old")
    table.say("ministry", "counter", table.folder / "patch.yaml")
    table.say("labs", "agree")
    table.run("terms", "state", table.folder / "ministry", "--theirs", table.folder / "stick" / "labs")
    stale = table.run("terms", "agree", "--party", table.folder / "ministry", "--theirs", table.folder / "old")
    assert stale.code == 1
    assert "older than what was seen of labs.example (the vendor) before" in stale.err


def test_the_wrong_partys_stick_is_refused(table, run, tmp_path):
    run("party", "init", "thief.example", tmp_path / "thief", "--role", "vendor")
    done = run("terms", "state", tmp_path / "ministry", "--theirs", tmp_path / "thief" / "repository")
    assert done.code == 1
    assert "does not hold the root of labs.example (the vendor) that is trusted here" in done.err
    same = run("terms", "state", tmp_path / "labs" / "repository", tmp_path / "thief" / "repository")
    assert (same.code, "both directories are the vendor's" in same.err) == (2, True)


def test_a_text_changed_between_offer_and_agreement_is_not_signed(table):
    """The vendor's own agreement is over the text that was accepted, or there is none."""
    table.to_verified()
    agreed = json.loads(next((table.folder / "stick" / "ministry" / "targets" / "terms").iterdir()).read_bytes())
    assert {sig["keyid"].partition("/")[0] for sig in agreed["signatures"]} == {"labs.example", "ministry.example"}


def test_nothing_is_in_force_before_the_vendor_lists_it(table, run, tmp_path):
    table.to_verified()
    run("init", "--home", tmp_path / "home")
    for name in ("labs", "ministry"):
        said = run("party", "show", tmp_path / name, "--json").json["fingerprint"]
        trusted = run("party", "trust", tmp_path / "stick" / name, "--home", tmp_path / "home", "--fingerprint", said)
        assert trusted.code == 0
    adopt = ("terms", "adopt", "--party", tmp_path / "ministry", "--theirs", tmp_path / "stick" / "labs")
    early = run(*adopt, "--home", tmp_path / "home")
    assert (early.code, "nothing of them is finalized" in early.err) == (1, True)
    signed = next((tmp_path / "stick" / "ministry" / "targets" / "terms").iterdir())
    alone = run("terms", "adopt", signed, "--home", tmp_path / "home")
    assert alone.code == 1
    assert "nothing was seen of the repository of" in alone.err
    assert table.say("labs", "finalize").code == 0
    noted = table.run(
        "terms", "terminate", "--party", tmp_path / "ministry", "--theirs", tmp_path / "stick" / "labs",
        "--note", "No.", "--home", tmp_path / "home", "--to", tmp_path / "stick" / "ministry",
    )  # fmt: skip
    assert noted.code == 0
    rows = run("ledger", "show", "--home", tmp_path / "home", "--json").json
    assert "talks.step" in json.dumps(rows)
    ended = run(*adopt, "--home", tmp_path / "home")
    assert (ended.code, "are TERMINATED" in ended.err) == (1, True)


def test_a_party_renews_and_revokes_what_its_directory_holds(table, run, tmp_path):
    """Nobody need know where a repository keeps the signed terms, nor which file holds the key."""
    labs = ("--party", tmp_path / "labs")
    until = ("--until", "2027-06-30", "--calls", 500)
    early = run("terms", "renew", "institutional-use", *labs, *until, "--out", tmp_path / "r.note")
    assert (early.code, "expected one of the talks" in early.err) == (2, True)
    table.to_verified()
    waits = run("terms", "renew", "institutional-use", *labs, *until, "--out", tmp_path / "r.note")
    assert (waits.code, "nothing of them is finalized" in waits.err) == (1, True)
    table.say("labs", "finalize")
    made = run("terms", "renew", "institutional-use", *labs, *until, "--out", tmp_path / "r.note")
    assert "for 500 calls in all, whichever comes first" in made.out
    assert f"next: the operator runs `caveat terms renew {tmp_path / 'r.note'}`" in made.out
    reason = ("--reason", "Over.", "--out", tmp_path / "end.note")
    assert "signed by `labs.example/terms-1`" in run("terms", "revoke", "institutional-use", *labs, *reason).out
    assert run("terms", "revoke", "institutional-use", *reason).code == 2
    state = run("terms", "state", tmp_path / "labs", "--out", tmp_path / "text")
    assert (tmp_path / "text" / "institutional-use-1.signed.json").is_file(), state.out


def test_a_deadline_that_has_passed(table):
    past = table.say("labs", "offer", table.folder / "office.yaml", "--until", "2020-01-01")
    assert past.code == 1
    assert "lies before the step itself" in past.err
    assert table.say("labs", "offer", table.folder / "office.yaml", "--until", "soon").code == 2


def test_an_impact_statement_is_signed_as_it_is_attached(table, run, tmp_path):
    home = tmp_path / "home"
    run("init", "--home", home, "--sample")
    (tmp_path / "impact.json").write_text(
        run("terms", "replay", tmp_path / "office.yaml", "--home", home, "--json").out
    )
    done = table.say("labs", "offer", tmp_path / "office.yaml", "--attach", tmp_path / "impact.json")
    assert done.code == 0
    shown = run(
        "terms", "state", tmp_path / "ministry", "--theirs", tmp_path / "stick" / "labs", "--out", tmp_path / "out"
    )
    assert "an impact statement signed by labs.example, 0 of 0 calls change" in shown.out
    signed = json.loads((tmp_path / "out" / "impact.json").read_bytes())
    assert signed["payloadType"] == "application/vnd.caveat.impact+json"
    assert (tmp_path / "out" / "institutional-use-1.yaml").read_bytes() == sample_terms()


def test_one_command_at_a_time_works_in_a_directory(table, tmp_path):
    handle = PartyDir(tmp_path / "labs").lock()
    busy = table.say("labs", "offer", tmp_path / "office.yaml")
    assert (busy.code, "another command is at work in" in busy.err) == (3, True)
    os.close(handle)
    assert table.say("labs", "offer", tmp_path / "office.yaml").code == 0


def test_a_step_of_other_talks_cannot_be_put_in(table, run, tmp_path):
    """The vendor lists a step that answers nothing in these talks: whoever looks says so."""
    table.to_verified()
    session = Session(PartyDir(tmp_path / "labs"))
    stray = Step(1, "terminate", "vendor", "institutional-use", "sha256:" + "9" * 64, "institutional-use@1", PAIR, 1)
    raw = sign_step(stray, session.terms_keys())
    session.publish({"talks/institutional-use/009-terminate.json": raw}, session.terms_keys())
    del session
    table.hand("labs")
    done = table.state()
    assert done.code == 1
    assert "answers a step that neither directory holds" in done.err
