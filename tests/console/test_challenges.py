"""The Evidence page: a bundle that was let go is challenged and verified; what came in and what was answered stands there."""

import io
import re
import time

import msgspec
import pytest
from tests.console.browser import visitor
from tests.console.visiting import send, visiting
from tests.gateway.running import eventually
from typer.testing import CliRunner

from caveat.canon import digest
from caveat.cli.main import line
from caveat.errors import BadInput
from caveat.evidence.bundle import open_bundle
from caveat.evidence.challenge import Challenge, write_challenge
from caveat.evidence.verdict import Verdict, write_verdict
from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.gateway.proof.answering import Answering
from caveat.gateway.proof.challenges import write_answered
from caveat.keys import new_signing_key

AUDITOR = new_signing_key("auditor.example")


@pytest.fixture(scope="module")
def bundle(gateway):
    """A bundle that the console made and let go: its id there, and its bytes."""
    with visiting(gateway, "operator") as client:
        made = send(client, "/console/evidence", receiver="the-auditor", profile="audit")
        id_ = made.headers["location"].rpartition("/")[2]
        assert send(client, f"/console/evidence/{id_}/verify").status_code == 403  # it was not let go yet
        assert send(client, f"/console/evidence/{id_}/release").status_code == 303
        return id_, client.get(f"/console/evidence/{id_}/bundle").content


def asked(bundle, due_s, origin=""):
    manifest = open_bundle(io.BytesIO(bundle))
    assert manifest.manifest.share
    return write_challenge(
        Challenge(origin or manifest.manifest.origin, digest(manifest.manifest_bytes), bytes(32), 5, due_s), AUDITOR
    )


def test_a_challenge_comes_in_and_is_answered(chromium, gateway, bundle):
    note = asked(bundle[1], int(time.time()) + 86_400)
    with visitor(chromium, gateway, "operator") as page:
        page.goto("/console/evidence")
        page.get_by_label("A challenge that came in, its text").fill(note.decode())
        page.get_by_role("button", name="Put it on record").click()
        card = page.locator("article", has_text="auditor.example")
        card.get_by_text("waits for an answer").wait_for()
        assert "About the bundle the-auditor, 1" in card.inner_text()
        assert "5 records are asked for" in card.inner_text()
        answering, out = Answering(gateway.home, io.BytesIO(bundle[1]), note), io.BytesIO()
        opened = answering.answer(out, "audit")
        said = write_answered(note, out.getvalue(), "audit", len(answering.indices), opened)
        operator = gateway.http(gateway.operator_key)
        assert operator.post("/caveat/v1/answers", content=said).status_code == 200
        page.reload()
        card.get_by_text("answered", exact=True).wait_for()
        assert f"{opened} of {len(answering.indices)} records drawn were opened" in card.inner_text()
        assert operator.post("/caveat/v1/challenges", content=note).status_code == 200
        page.reload()
        assert card.count() == 1
    acts = [r.leaf.what for r in gateway.records() if r.leaf.k == "control"]
    assert (acts.count("evidence.challenged"), acts.count("evidence.answered")) == (2, 1)


def test_what_is_overdue_says_so_and_what_is_none_is_refused(gateway, bundle):
    before = len(gateway.records())
    late, other = asked(bundle[1], 1_000_000_000), asked(bundle[1], 2_000_000_000, "elsewhere.example/log")
    never = asked(bundle[1], 10**15)
    with visiting(gateway, "operator") as client:
        for wrong in (other, never, b"caveat-challenge/v1", late.replace(b"caveat-challenge", b"caveat-other")):
            assert send(client, "/console/evidence/challenges", note=wrong.decode()).status_code in {400, 409}
        assert len(gateway.records()) == before
        assert send(client, "/console/evidence/challenges", note=late.decode()).status_code == 303
        assert "overdue" in client.get("/console/evidence").text
    with visiting(gateway, "auditor") as client:
        assert "overdue" in client.get("/console/evidence").text
        assert send(client, "/console/evidence/challenges", note=late.decode()).status_code == 403
    operator = gateway.http(gateway.operator_key)
    for body in (b"", b"{}", b'{"format":"caveat-answered/v1"}', b"\xff"):
        assert operator.post("/caveat/v1/answers", content=body).status_code == 400


def test_a_bundle_is_verified_as_its_receiver_would(chromium, gateway, bundle):
    id_, data = bundle
    kept = gateway.home.console / "bundles" / f"{id_}.zip"
    with visitor(chromium, gateway, "operator") as page:
        page.goto("/console/evidence")
        assert report_of(page) == "Verified here"
        with page.expect_download() as download:
            page.get_by_role("link", name="The report").click()
        assert b"the-auditor" in download.value.path().read_bytes()
        kept.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        try:
            assert report_of(page) == "Not verified"
        finally:
            kept.write_bytes(data)


def test_a_verdict_made_elsewhere_comes_in_and_stands_there(chromium, gateway, bundle, tmp_path):
    """An outsider verifies with the command line, signs what they found; the operator puts it on record; the page says whose
    word it is only where the key is on record."""
    data = bundle[1]
    (tmp_path / "b.zip").write_bytes(data)
    (tmp_path / "key").write_text(AUDITOR.text)
    with visiting(gateway, "operator") as client:
        (tmp_path / "trust").write_text(client.get("/console/evidence/trust").text)
    made = tmp_path / "verdict"
    words = ["verify", str(tmp_path / "b.zip"), "--trust", str(tmp_path / "trust"), "--json"]
    told = CliRunner().invoke(line(), [*words, "--verdict", str(made)])
    assert isinstance(told.exception, BadInput), told.output  # nobody signs
    told = CliRunner().invoke(line(), [*words, "--verdict", str(made), "--key", str(tmp_path / "key")])
    assert told.exit_code == 0, told.output
    with visitor(chromium, gateway, "operator") as page:
        page.goto("/console/evidence")
        page.get_by_label("A verdict that came in, its text").fill(made.read_text())
        page.get_by_role("button", name="Put the verdict on record").click()
        card = page.locator("section", has=page.locator("#judged-h")).locator("article", has_text="auditor.example")
        card.get_by_text("it holds", exact=True).wait_for()
        assert "About the bundle the-auditor, 1" in card.inner_text()
        assert "no key on record here has signed it" in card.inner_text()
    found = open_bundle(io.BytesIO(data))
    theirs = Verdict(found.manifest.origin, digest(found.manifest_bytes), "bundle", holds=False, at_s=1, failed=(13,))
    vendor = party_key(gateway.home, SAMPLES["vendor"])
    operator = gateway.http(gateway.operator_key)
    assert operator.post("/caveat/v1/verdicts", content=write_verdict(theirs, vendor)).status_code == 200
    elsewhere = write_verdict(msgspec.structs.replace(theirs, origin="elsewhere.example"), vendor)
    for wrong in (b"", b"caveat-verdict/v1", elsewhere, made.read_bytes().replace(b"holds", b"fails", 1)[:-9]):
        assert operator.post("/caveat/v1/verdicts", content=wrong).status_code in {400, 409}
    with visiting(gateway, "auditor") as client:
        page = client.get("/console/evidence").text
        assert "These steps failed: 13." in " ".join(page.split())
        assert "Signed by a key on record: vendor: " in page
        assert send(client, "/console/evidence/verdicts", note=made.read_text()).status_code == 403
    rows = operator.get("/caveat/v1/bundles").json()["verdicts"]
    assert [(row["holds"], bool(row["known"])) for row in rows] == [(False, True), (True, False)]


def report_of(page):
    """What the page says once the verification that it began is over."""
    with page.expect_navigation():
        page.get_by_role("button", name="Verify it here").first.click()

    def over():
        page.wait_for_timeout(200)
        page.goto("/console/evidence")
        return page.get_by_text("A verification runs").count() == 0

    eventually(over, seconds=60)
    said = page.locator("article .notice").first.inner_text()
    found = re.match("Verified here|Not verified|The last verification", said)
    assert found, said
    return found[0]
