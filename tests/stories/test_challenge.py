"""A challenge from end to end: a day at a gateway, a bundle, a note in, an answer out, and bodies opened on site."""

import sys
from contextlib import contextmanager
from typing import Any

import pytest
from tests.cli.conftest import Ran
from tests.evidence.second import asked_too
from tests.gateway.running import MODEL, scripted_gateway

from caveat.cli.main import main
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.home.directory import open_home
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.scripted.script import says
from caveat.keys import new_signing_key
from caveat.ledger.reader import LedgerReader
from caveat.terms.samples import sample_terms

KEEP = b"duties: [limit.tokens: 1024]"
PLAIN: list[Any] = [{"role": "user", "content": "Draft a short note of thanks to Anna, anna@example.org."}]
SECRET: list[Any] = [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise the report."}]


@pytest.fixture
def run(capsys, monkeypatch):
    def go(*words):
        monkeypatch.setattr(sys, "argv", ["caveat", *map(str, words)])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
        return Ran(code, *capsys.readouterr())

    return go


@contextmanager
def dishonest(home, which, old=b"", new=b""):
    """Within, the first kept body of that kind is gone, or, with words exchanged, sealed under the right key."""
    made = open_home(home)
    _, vault_key = house_keys(made, made.settings().gateway.origin)
    bodies = Bodies(made.vault / "bodies", vault_key)
    call = bodies.kept(which)[0]
    kept = bodies.read(call, which)
    bodies.drop(call, which)
    if old:
        bodies.keep(call, which, kept.replace(old, new))
    try:
        yield
    finally:
        if old:
            bodies.drop(call, which)
        bodies.keep(call, which, kept)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Calls under terms that keep every body."""
    path = tmp_path_factory.mktemp("challenged") / "home"
    yaml = (
        sample_terms()
        .replace(KEEP, b"duties: [{limit.tokens: 1024}, log.full]")
        .replace(b"\nversion: 1\n", b"\nversion: 2\n")
    )
    assert b"1024}, log.full]\n" in yaml
    with scripted_gateway(path, says("Hello there.")) as (gateway, _):
        gateway.adopt(yaml)
        chat = gateway.openai().chat.completions
        for _ in range(3):
            chat.create(model=MODEL, messages=PLAIN)
        assert len(list(chat.create(model=MODEL, messages=PLAIN, stream=True))) > 1
        gateway.anthropic().messages.create(model=MODEL, max_tokens=20, messages=PLAIN)
        gateway.http().post("/v1/chat/completions", json={"model": MODEL, "messages": SECRET})
        gateway.ending()
    return path


@pytest.fixture
def challenged(run, home, tmp_path):
    """The outsider's files, in an empty directory of their own: bundle, trust, key, challenge."""
    for words in (
        ("evidence", "export", tmp_path / "b.zip", "--home", home, "--profile", "none"),
        ("evidence", "trust", tmp_path / "trust.txt", "--home", home),
    ):
        ran = run(*words)
        assert ran.code == 0, ran.err
    key = new_signing_key("auditor.example")
    (tmp_path / "key").write_text(key.text + "\n")
    (tmp_path / "known").write_text(key.verify_key.text + "\n")
    ran = run(
        "evidence", "challenge", tmp_path / "b.zip", tmp_path / "c", "--key", tmp_path / "key", "--stratum", "flagged"
    )
    assert ran.code == 0, ran.err
    return tmp_path


def test_a_sample_is_opened_and_judged(run, home, challenged):
    at = challenged
    stranger = run("evidence", "answer", at / "c", at / "b.zip", at / "a.zip", "--home", home)
    assert stranger.code == 1
    assert "signed by nobody known here" in stranger.err
    assert not (at / "a.zip").exists()
    home = (home, "--signed-by", at / "known")
    ran = run("evidence", "answer", at / "c", at / "b.zip", at / "a.zip", "--home", *home)
    assert ran.code == 0, ran.err
    assert "hold nothing to open: they stand in the clear" in " ".join(ran.out.split())
    assert "could not be opened" not in ran.out
    told = run("evidence", "audit", at / "b.zip", at / "c", at / "a.zip", "--trust", at / "trust.txt")
    assert told.code == 0, told.out
    assert "none was bad" in " ".join(told.out.split())
    shown = run("ledger", "show", "--home", home[0], "--json").json["records"]
    told_of = {leaf["what"]: leaf for _, leaf in shown if leaf.get("what", "").startswith("evidence.")}
    assert told_of["evidence.answered"]["id"] == told_of["evidence.challenged"]["doc"]
    assert run("evidence", "answer", at / "c", at / "b.zip", at / "a.zip", "--home", *home).code == 2
    assert run("evidence", "export", at / "after.zip", "--home", home[0]).code == 0
    assert run("verify", at / "after.zip", "--trust", at / "trust.txt").code == 0
    asked_too(0, at / "after.zip", "--trust", at / "trust.txt")
    value = run("evidence", "audit", at / "b.zip", at / "c", at / "a.zip", "--trust", at / "trust.txt", "--json").json
    assert value["sound"] is True
    run("evidence", "answer", at / "c", at / "b.zip", at / "less.zip", "--home", *home, "--profile", "counts")
    assert run("evidence", "audit", at / "b.zip", at / "c", at / "less.zip", "--trust", at / "trust.txt").code == 1


def test_bodies_are_read_again_on_site(run, home, challenged):
    """Wire, recognizers, facts and decision over the kept bodies; of two no body was kept, and that is told."""
    at = challenged
    told = run(
        "evidence", "open", at / "c", at / "b.zip", "--home", home, "--json", "--key", at / "key", "--note", at / "n"
    )
    assert told.code == 0
    assert (told.json["asked"], told.json["opened"], told.json["without_body"]) == (6, 4, 2)
    assert (told.json["replies"], told.json["replies_opened"], told.json["replies_without_body"]) == (5, 4, 1)
    assert told.json["wrong"] == told.json["left"] == []
    assert (told.json["never_kept"], told.json["kept_their_time"]) == (3, 0)
    assert (
        told.json["sentence"]
        == "of 11 bodies drawn 8 were read again; 3 were not to be there, and stay untested: all hold"
    )
    note = (at / "n").read_text()
    assert "opened 4\n" in note
    assert "anna" not in note


def test_a_body_that_was_to_be_kept_and_is_gone_counts_as_refused(run, home, challenged):
    """So does the reply to it, which cannot be read without."""
    with dishonest(home, "request"):
        told = run("evidence", "open", challenged / "c", challenged / "b.zip", "--home", home)
    assert told.code == 1
    said = " ".join(told.out.split())
    assert "2 records do not hold or were refused" in said
    assert "its request was to be kept, and is not there: that counts as refused" in said


def test_a_body_that_was_exchanged_and_facts_that_were_false_show(run, home, challenged):
    """The operator puts another body in place, sealed under the right key: it is not the one committed to."""
    with dishonest(home, "request", b"Draft", b"Write"):
        told = run("evidence", "open", challenged / "c", challenged / "b.zip", "--home", home, "--json")
    assert told.code == 1
    assert [why for _, why in told.json["wrong"]] == ["the body is not the one that was committed to"]
    assert LedgerReader(open_home(home).ledger).size() > 8


def test_a_reply_that_was_exchanged_shows(run, home, challenged):
    """The operator puts another reply in place, sealed under the right key."""
    with dishonest(home, "reply", b"Hello", b"Hullo"):
        told = run("evidence", "open", challenged / "c", challenged / "b.zip", "--home", home, "--json")
    assert told.code == 1
    assert [why for _, why in told.json["wrong"]] == ["the reply is not the one that was committed to"]


@pytest.mark.parametrize("profile", ["audit", "none"])
def test_a_vault_whose_key_of_a_record_was_changed_lets_nothing_leave(run, home, tmp_path, profile):
    """Before release every salt is made again from the record's own key: the commitments bind that key, so another one does
    not fit, whatever the profile opens."""
    vault = home / "vault" / "000"
    kept = vault.read_bytes()
    at = kept.index(b'"key":"') + len(b'"key":"')
    vault.write_bytes(kept[:at] + (b"1" if kept[at : at + 1] != b"1" else b"2") + kept[at + 1 :])
    try:
        ran = run("evidence", "export", tmp_path / "b.zip", "--home", home, "--profile", profile)
    finally:
        vault.write_bytes(kept)
    assert ran.code == 1
    assert "what opens it does not derive from its key, so it could carry a message out" in " ".join(ran.err.split())
    assert not (tmp_path / "b.zip").exists()


def test_a_bundle_that_commits_to_nothing_cannot_be_challenged(run, home, challenged):
    at = challenged
    assert run("evidence", "export", at / "bare.zip", "--home", home, "--no-challenge").code == 0
    assert run("evidence", "challenge", at / "bare.zip", at / "c2", "--key", at / "key").code == 2
