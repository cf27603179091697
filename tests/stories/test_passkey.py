"""Persons approve with passkeys, as a page of the console lets them; both verifiers check it offline."""

import msgspec
import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.gateway.running import scripted_gateway
from tests.stories.persons import asked, chat, send, staffed, verified
from tests.waivers.authenticator import Authenticator

from caveat.gateway.scripted.script import says
from caveat.waivers import hold, signed
from caveat.waivers.approvers import asserted, challenge_of

KEY = "The key is AKIAIOSFODNN7EXAMPLQ, is it well made?"
TOOLS = [{"type": "function", "function": {"name": "send_message", "parameters": {"type": "object"}}}]


@pytest.fixture
def office(tmp_path, run):  # noqa: F811
    with scripted_gateway(tmp_path / "home", says("Hello there.")) as (gateway, upstream):
        made = staffed(tmp_path, run, gateway, upstream)
        made.passkeys = {
            "dora": named(made, "dora", -7),
            "emil": named(made, "emil", -257),
            "fay": named(made, "fay", -8),
        }
        yield made


def named(office, person, algorithm):
    """The ministry names a person by the line of their passkey."""
    authenticator = Authenticator(person, algorithm, rp_id="localhost")
    file = office.folder / f"{person}.json"
    party = office.home / "keys" / "party-example-ministry.sample"
    line = authenticator.passkey.text
    office.do("waiver", "approver", "name", person, "--vkey", line, "--side", "operator", "--key", party, "--out", file)
    office.do("waiver", "approver", "add", file, "--home", office.home)
    return authenticator


def by_passkey(office, person, kind, raw):
    authenticator = office.passkeys[person]
    assertion = authenticator.sign(challenge_of(kind, raw), origin="http://localhost:8484")
    return asserted(kind, raw, authenticator.passkey, assertion)


def post(office, path, content):
    return office.gateway.http(office.gateway.operator_key).post(f"/caveat/v1/{path}", content=content)


def test_two_passkeys_grant_a_waiver(office):
    raw = asked(office).read_bytes()
    for person in ("dora", "emil"):
        raw = by_passkey(office, person, signed.KIND, raw)
    granted = post(office, "waivers", raw)
    assert granted.json()["approvers"] == ["dora", "emil"]
    assert send(office, chat(KEY)).status_code == 200
    report = verified(office)
    assert report.verified, report.sentences()
    assert any("0 by key files, 2 by passkeys" in sentence for sentence in report.sentences())


def test_a_passkey_releases_a_held_call(office):
    data = chat("Send a note of thanks.", tools=TOOLS)
    waits = send(office, data).headers["x-caveat-call"]
    shown = office.gateway.http(office.gateway.operator_key).get(f"/caveat/v1/holds/{waits}").json()
    done = post(office, "holds", by_passkey(office, "fay", hold.KIND, shown["sign"].encode()))
    assert done.json() == {"released": waits}
    assert send(office, data, waits).status_code == 200
    assert verified(office).verified


def test_one_person_with_a_key_file_and_a_passkey_counts_once(office):
    line = Authenticator("anna", rp_id="localhost")
    office.passkeys["anna"] = line
    file = office.folder / "anna-too.json"
    party = office.home / "keys" / "party-example-ministry.sample"
    words = ("--vkey", line.passkey.text, "--side", "operator", "--key", party, "--out", file)
    office.do("waiver", "approver", "name", "anna", *words)
    office.do("waiver", "approver", "add", file, "--home", office.home)
    path = asked(office)
    office.do("waiver", "approve", path, "--key", office.folder / "anna" / "key")
    raw = by_passkey(office, "anna", signed.KIND, path.read_bytes())
    refused = post(office, "waivers", raw)
    assert "and has 1" in refused.json()["error"]["message"]
    listed = office.do("waiver", "approver", "list", "--home", office.home).out
    assert f"passkey anna+{line.passkey.id.hex()} of localhost" in listed


def test_an_assertion_that_was_changed_puts_nothing_in_force(office):
    raw = by_passkey(office, "dora", signed.KIND, asked(office).read_bytes())
    envelope = msgspec.json.decode(by_passkey(office, "emil", signed.KIND, raw))
    first, second = envelope["signatures"]
    first["sig"], second["sig"] = second["sig"], first["sig"]
    refused = post(office, "waivers", msgspec.json.encode(envelope))
    assert refused.status_code == 400
    assert send(office, chat(KEY)).status_code == 403
