"""What an outsider learns of a day at a real gateway: exported while it runs, verified with a trust file alone."""

import io
import json
import shutil
import subprocess
import sys
from typing import Any

import msgspec
import openai
import pytest
from tests.evidence.second import PATH as SECOND
from tests.evidence.second import asked_too, verified
from tests.gateway.running import HEAD, MODEL, eventually, running, scripted_gateway, upstream_text

from caveat.canon import unb64
from caveat.decide.policy import ENGINE
from caveat.evidence.export import Order, export
from caveat.evidence.trust import read_trust
from caveat.evidence.verify import verify
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.proof.trusting import source_of, trust_text
from caveat.gateway.scripted.script import says
from caveat.ledger.log import Placed
from caveat.ledger.reader import LedgerReader
from caveat.ledger.receipt import make_ticket, open_ticket
from caveat.terms.samples import sample_terms

SECRET: list[Any] = [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise the report."}]
PLAIN: list[Any] = [{"role": "user", "content": "Draft a short note of thanks."}]
ODD: list[Any] = [{"role": "user", "content": 7}]
LEAK = "The banner was TOP SECRET//SI//NOFORN and the rest is as follows. " * 8


def log_of(gateway):
    return house_keys(gateway.home, gateway.house.log.origin)[0]


def source(gateway):
    """Where an export reads, once a checkpoint covers everything."""
    reader = LedgerReader(gateway.home.ledger, gateway.home.vault)
    eventually(lambda: reader.head().size == reader.size())
    return source_of(gateway.home, reader)


def exported(gateway, profile="audit", start=0, to=None, previous=b""):
    out = io.BytesIO()
    order = Order(start, to, profile, ENGINE, previous=previous)
    return export(source(gateway), order, log_of(gateway).plain, out), out


def trust_of(gateway):
    return read_trust(trust_text(log_of(gateway).verify_keys, gateway.house.view.register).encode())


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Calls in both dialects, streamed and whole; refusals; a reply that a clause stops; new terms; the end of terms."""
    with scripted_gateway(tmp_path_factory.mktemp("day") / "home", says("Hello there.")) as (gateway, upstream):
        chat = gateway.openai().chat.completions
        chat.create(model=MODEL, messages=PLAIN)
        list(chat.create(model=MODEL, messages=PLAIN, stream=True))
        gateway.anthropic().messages.create(model=MODEL, max_tokens=20, messages=PLAIN)
        with pytest.raises(openai.PermissionDeniedError):
            chat.create(model=MODEL, messages=SECRET)
        with pytest.raises(openai.BadRequestError):
            chat.create(model=MODEL, messages=ODD)
        gateway.http().post("/v1/chat/completions", content=b'{"model": 1')
        upstream.play(says(LEAK))
        list(chat.create(model=MODEL, messages=PLAIN, stream=True))
        upstream.play(says("Hello there."))
        gateway.adopt(sample_terms().replace(b"\nversion: 1\n", b"\nversion: 2\n"))
        chat.create(model=MODEL, messages=PLAIN)
        gateway.ending()
        yield gateway


@pytest.mark.parametrize("profile", ["full", "audit", "counts", "none"])
def test_a_day_is_verified_from_outside(day, profile):
    manifest, bundle = exported(day, profile)
    report = verified(bundle, trust_of(day))
    assert report.verified, report.sentences()
    assert manifest.counts == report.counts
    assert manifest.counts.endings["stopped"] == 1
    assert manifest.counts.endings["denied"] == 1
    assert manifest.counts.refused == 2
    assert [span.id for span in manifest.terms] == ["institutional-use"] * 2


def test_every_decision_of_the_gateway_follows(day):
    """Those over replies too; none is left out but for want of facts."""
    report = verified(exported(day)[1], trust_of(day))
    decisions = report.steps[9]
    assert (decisions.outcome, decisions.limits) == ("proved", ())
    assert decisions.says.startswith("11 decisions were made again")
    assert report.steps[10].limits == ()


def test_the_next_bundle_goes_on_from_the_last(day):
    _, first = exported(day, to=8)
    kept = msgspec.json.decode(verify(first, trust_of(day)).json())["manifest"]
    checkpoint = source(day).checkpoint
    day.openai().chat.completions.create(model=MODEL, messages=PLAIN)
    day.ending()
    _, second = exported(day, start=kept["to"], previous=checkpoint)
    report = verified(second, trust_of(day), checkpoint)
    assert report.verified, report.sentences()
    assert report.steps[2].outcome == "proved"


def test_a_copy_that_is_verified_elsewhere_needs_only_the_package(day, tmp_path):
    """The command line, in an empty directory, with no home; then with one byte changed."""
    _, bundle = exported(day)
    (tmp_path / "day.zip").write_bytes(bundle.getvalue())
    (tmp_path / "trust.txt").write_text(trust_text(log_of(day).verify_keys, day.house.view.register))
    command = [sys.executable, "-m", "caveat", "verify", "day.zip", "--trust", "trust.txt", "--json"]
    environment = {"PATH": "/nonexistent", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verified"] is True
    data = bytearray(bundle.getvalue())
    data[len(data) // 2] ^= 1
    (tmp_path / "day.zip").write_bytes(data)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert any(step["outcome"] == "failed" for step in json.loads(done.stdout)["steps"])
    asked_too(1, tmp_path / "day.zip", "--trust", tmp_path / "trust.txt")


def test_the_ticket_of_a_caller_is_honoured(day, tmp_path):
    """The header as it came, put to the command line; and a ticket for another record, signed by the same log."""
    reply = day.http().post("/v1/chat/completions", json={"model": MODEL, "messages": PLAIN})
    ticket = reply.headers["x-caveat-ticket"]
    _, out = exported(day)
    trust = trust_text(log_of(day).verify_keys, day.house.view.register)
    promised = open_ticket(unb64(ticket), log_of(day).verify_keys)
    other = Placed(promised.index - 1, promised.leaf_hash, promised.at_ms)
    false = make_ticket(log_of(day).plain, promised.origin, other)
    (tmp_path / "day.zip").write_bytes(out.getvalue())
    (tmp_path / "trust").write_text(trust)
    for name, data, code, words in (
        ("kept", ticket.encode(), 0, "1 of 1 tickets stand for the records that the log has there"),
        ("false", false, 1, f"the log promised another record {promised.index - 1} than it has"),
    ):
        (tmp_path / name).write_bytes(data)
        line = ["-m", "caveat", "verify", "day.zip", "--trust", "trust", "--ticket", name, "--json"]
        done = subprocess.run([sys.executable, *line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, words in done.stdout) == (code, True), done.stdout + done.stderr
        again = [sys.executable, str(SECOND), "day.zip", "trust", "--ticket", name]
        assert subprocess.run(again, cwd=tmp_path, capture_output=True, check=False).returncode == code


def test_a_restored_backup_shows(tmp_path):
    """The operator goes back to yesterday's copy of the home; the outsider has today's checkpoint."""
    home = tmp_path / "home"
    with scripted_gateway(home, says("Hello there.")) as (gateway, _):
        gateway.openai().chat.completions.create(model=MODEL, messages=PLAIN)
        gateway.ending()
        source(gateway)
    shutil.copytree(home, tmp_path / "backup")
    with running(home, HEAD + upstream_text("http://127.0.0.1:9")) as gateway:
        gateway.key("another")
        newest = source(gateway).checkpoint
        trust = trust_of(gateway)
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "backup", home)
    with running(home, HEAD + upstream_text("http://127.0.0.1:9")) as gateway:
        gateway.key("yet-another")
        gateway.key("and-another")
        report = verified(exported(gateway)[1], trust, newest)
    assert [step.number for step in report.failed] == [3]
    assert "rewritten" in report.failed[0].says
