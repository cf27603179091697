"""What was said in calls: shown to who may see it, once the look is on record; a held call, read and released or refused."""

import msgspec
import pytest
from tests.console.browser import visitor
from tests.console.conftest import ask
from tests.console.people import named, trusted
from tests.console.visiting import send, token_of, visiting
from tests.gateway.running import HEAD, IDENTITY, MODEL, running, upstream_text
from tests.making import ANYTHING, clause, document
from tests.waivers.authenticator import Authenticator

from caveat.canon import b64url, unb64, unb64url
from caveat.cli.hold import HoldFile
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import says
from caveat.keys import new_signing_key
from caveat.waivers.hold import approve, open_refusal, refuse

PATH = "/v1/chat/completions"
SECRET = "The words <b>that</b> were said."


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Terms under which everything is kept, and calls about analysis are held."""
    with scripted.serve(says("An answer.")) as upstream:
        home = tmp_path_factory.mktemp("held") / "home"
        with running(home, HEAD + upstream_text(upstream.address), sample=False) as gateway:
            gateway.adopt(
                document(
                    ANYTHING,
                    clause("kept", "oblige", "context.labelRank <= 15", duties=["log.full"]),
                    clause("analysis.held", "hold", 'context.purpose == Purpose::"analysis"'),
                    models=[{"alias": MODEL, "identity": IDENTITY}],
                )
            )
            gateway.caller_key = gateway.key("anna-caller", purposes=("drafting", "analysis"), purpose="drafting")
            yield gateway


def noted(gateway, call):
    return [r.leaf for r in gateway.records() if r.leaf.what == "content.viewed" and r.leaf.id == call]


def test_content_is_shown_once_the_look_is_on_record(chromium, gateway):
    call = gateway.http().post(PATH, json=ask(SECRET)).headers["x-caveat-call"]
    gateway.ending(call)
    with visitor(chromium, gateway, "approver", "olga") as page:
        page.goto(f"/console/calls/{call}")
        assert SECRET not in page.content()
        assert noted(gateway, call) == []
        page.get_by_role("button", name="Show what was sent").click()
        page.get_by_text(SECRET).wait_for()
        assert page.locator("main pre b").count() == 0
    (leaf,) = noted(gateway, call)
    assert b'"person":"olga"' in gateway.house.document(leaf.doc)
    assert b'"which":"request"' in gateway.house.document(leaf.doc)


def test_content_over_the_control_api_is_a_look_on_record_too(gateway):
    call = gateway.http().post(PATH, json=ask(SECRET)).headers["x-caveat-call"]
    gateway.ending(call)
    operator = gateway.http(gateway.operator_key)
    assert operator.post(f"/caveat/v1/calls/{call}/content/nothing").status_code == 400
    assert operator.post(f"/caveat/v1/calls/{'0' * 32}/content/request").status_code == 400
    assert gateway.http().post(f"/caveat/v1/calls/{call}/content/request").status_code == 403
    assert noted(gateway, call) == []
    told = operator.post(f"/caveat/v1/calls/{call}/content/request").json()
    assert SECRET.encode() in unb64(told["body"])
    (leaf,) = noted(gateway, call)
    assert b'"person":"operator"' in gateway.house.document(leaf.doc)


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_others_see_no_content_and_leave_no_look(gateway, role):
    call = gateway.http().post(PATH, json=ask(SECRET)).headers["x-caveat-call"]
    gateway.ending(call)
    with visiting(gateway, role) as client:
        page = client.get(f"/console/calls/{call}")
        assert "Your role does not see what was said" in page.text
        assert "that" not in page.text.partition("Content")[2].partition("</section>")[0] or SECRET not in page.text
        reply = client.post(f"/console/calls/{call}/content", data={"csrf": token_of(client), "which": "request"})
        assert reply.status_code == 403
        assert SECRET not in reply.text
    assert noted(gateway, call) == []


def held(gateway):
    reply = gateway.http().post(PATH, json=ask(SECRET), headers={"caveat-purpose": "analysis"})
    assert reply.status_code == 403
    return reply.headers["x-caveat-call"]


def test_a_held_call_is_read_signed_and_released(chromium, gateway):
    key, hold = named(gateway, "petra"), held(gateway)
    with visitor(chromium, gateway, "approver", "petra") as page:
        page.goto("/console/now")
        page.get_by_role("link", name="1 held call waits for an answer").wait_for(timeout=60_000)
        page.get_by_role("link", name="1 held call waits for an answer").click()
        page.get_by_role("link", name="A call by anna-caller").click()
        assert SECRET not in page.content()
        page.get_by_role("button", name="Show the words").click()
        page.get_by_text("The words <b>that</b> were said.").wait_for()
        assert len(noted(gateway, hold)) == 1
        with page.expect_download() as download:
            page.get_by_role("link", name="Download what is to be signed").click()
        assert len(noted(gateway, hold)) == 2
        file = msgspec.json.decode(download.value.path().read_bytes(), type=HoldFile)
        signed = msgspec.structs.replace(file, sign=approve(file.sign.encode(), key).decode())
        page.get_by_label("The signed file, its text").fill(msgspec.json.encode(signed).decode())
        page.get_by_role("button", name="Add the signature").click()
        page.wait_for_url("**/console/lifts?done=1")
    headers = {"caveat-purpose": "analysis", "caveat-hold": hold}
    assert gateway.http().post(PATH, json=ask(SECRET), headers=headers).status_code == 200


def test_a_held_call_is_refused(gateway):
    hold = held(gateway)
    with visiting(gateway, "approver") as client:
        assert send(client, f"/console/lifts/{hold}/deny").status_code == 303
        assert client.get(f"/console/lifts/{hold}").status_code == 404
    assert hold in gateway.house.view.register.decided


def test_a_passkey_refuses_a_held_call(gateway):
    """What it signs to refuse is not what it signs to approve, and neither is taken for the other."""
    dora, hold = Authenticator("dora"), held(gateway)
    trusted(gateway, "dora", dora.passkey.text)

    def signed(client, asks):
        asked = client.get(f"/console/lifts/{hold}/challenge{asks}").json()
        assert b64url(dora.passkey.credential) in {key["id"] for key in asked["keys"]}
        assertion = msgspec.json.encode(dora.sign(unb64url(asked["challenge"]))).decode()
        return {"credential": b64url(dora.passkey.credential), "assertion": assertion}

    with visiting(gateway, "approver", "dora") as client:
        approval, refusal = signed(client, ""), signed(client, "?refuse=1")
        assert send(client, f"/console/lifts/{hold}/refuse", **approval).status_code == 409
        assert send(client, f"/console/lifts/{hold}/sign", **refusal).status_code == 409
        assert send(client, f"/console/lifts/{hold}/refuse", **refusal).status_code == 303
    leaf = [r.leaf for r in gateway.records() if r.leaf.what == "hold.decided" and r.leaf.id == hold][-1]
    assert open_refusal(gateway.house.document(leaf.doc), gateway.house.view.register.approvers)[1] == ("dora",)


def test_a_held_call_is_refused_with_a_signature(chromium, gateway):
    key, hold, other = named(gateway, "rosa"), held(gateway), held(gateway)
    with visitor(chromium, gateway, "approver", "rosa") as page:
        page.goto(f"/console/lifts/{hold}")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download what is to be signed").click()
        file = msgspec.json.decode(download.value.path().read_bytes(), type=HoldFile)
        signed = msgspec.structs.replace(file, sign=refuse(file.sign.encode(), key).decode())
        page.get_by_label("The signed refusal, its text").fill(msgspec.json.encode(signed).decode())
        page.get_by_role("button", name="Refuse with this signature").click()
        page.wait_for_url("**/console/lifts")
    leaf = [r.leaf for r in gateway.records() if r.leaf.what == "hold.decided" and r.leaf.id == hold][-1]
    assert open_refusal(gateway.house.document(leaf.doc), gateway.house.view.register.approvers)[1] == ("rosa",)
    headers = {"caveat-purpose": "analysis", "caveat-hold": hold}
    assert gateway.http().post(PATH, json=ask(SECRET), headers=headers).status_code != 200
    with visiting(gateway, "approver") as client:
        for wrong in (signed.sign, approve(file.sign.encode(), key).decode(), "{}"):
            assert send(client, f"/console/lifts/{other}/refuse", file=wrong).status_code == 409
        stranger = refuse(client.get(f"/console/lifts/{other}/file").json()["sign"].encode(), new_signing_key("nobody"))
        assert send(client, f"/console/lifts/{other}/refuse", file=stranger.decode()).status_code == 409
    assert other not in gateway.house.view.register.decided
