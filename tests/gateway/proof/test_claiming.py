"""Claims over the control API and the command line: on record, shown beside what they are about, and without effect."""

import json

import pytest
from tests.cli.conftest import run  # noqa: F401 - a fixture
from tests.evidence.second import verified
from tests.gateway.house.test_leasing import ask
from tests.gateway.running import MODEL, scripted_gateway
from tests.stories.test_evidence import exported, trust_of

from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.gateway.scripted.script import says
from caveat.terms.claim import Claim, claim_bytes, sign_claim

PATH = "/v1/chat/completions"
SECRET = {"model": MODEL, "messages": [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise."}]}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("claims") / "home", says("Hello there.")) as pair:
        yield pair[0]


def claim(**more):
    plain = {"about": "institutional-use", "clause": "marking.ceiling", "says": "The ceiling was lifted."}
    return Claim(1, **{**plain, "how": "paraphrased", "said": "2026-02-14", **more})


def put(gateway, document):
    return ask(gateway, "POST", "/caveat/v1/claims", content=document)


def test_a_claim_that_a_restriction_was_lifted_lifts_nothing(gateway):
    """Reported, stated, and even signed by the vendor: the same call is denied by the same clause under the same fence."""
    before, fence = gateway.http().post(PATH, json=SECRET), gateway.house.view.fence
    wire = claim(by="An Official", through=("Example Wire", "Daily"), standing="reported", review="Was it lifted?")
    again = claim(by="An Official", through=("Example Wire", "Weekly"), standing="reported", says="It was lifted.")
    vendor = claim(by="Example Labs", standing="stated")
    rows = [put(gateway, claim_bytes(one)).json() for one in (wire, again, vendor)]
    signed = put(gateway, sign_claim(vendor, party_key(gateway.home, SAMPLES["vendor"]))).json()
    assert [row["standing"] for row in (*rows, signed)] == ["reported", "reported", "stated", "signed"]
    after = gateway.http().post(PATH, json=SECRET)
    assert gateway.house.view.fence == fence
    assert (before.status_code, after.status_code) == (403, 403)
    assert before.json()["error"]["message"] == after.json()["error"]["message"]
    told = ask(gateway, "GET", "/caveat/v1/claims").json()
    assert told["counts"] == [{"about": "institutional-use", "clause": "marking.ceiling", "claims": 4, "sources": 3}]
    assert told["waiting"] == [rows[0]["id"]]
    done = ask(gateway, "POST", f"/caveat/v1/claims/{rows[0]['id']}/review", content=b"The vendor knows nothing of it.")
    assert (done.status_code, done.json()["waits"]) == (200, False)
    report = verified(exported(gateway)[1], trust_of(gateway))
    assert report.verified, report.sentences()
    (step,) = [step for step in report.steps if step.number == 19]
    assert "4 claims that go back to 3 sources: 1 signed, 1 stated, 2 reported" in step.says


def test_callers_neither_claim_nor_read_claims(gateway):
    for method, path in (("GET", "/caveat/v1/claims"), ("POST", "/caveat/v1/claims")):
        assert gateway.http().request(method, path).status_code == 403


def test_at_a_terminal(gateway, run, tmp_path):  # noqa: F811
    home = str(gateway.home.path)
    words = ["terms", "claim", "institutional-use", "All is permitted now.", "--said", "2026-02-15", "--home", home]
    made = run(*words, "--by", "A Paper", "--clause", "office.work", "--quoted", "--review", "Look.", "--json")
    id_ = json.loads(made.out)["id"]
    shown = run("terms", "show", "--home", home).out
    assert f"said, not agreed: unverified: {id_} on `office.work`: “All is permitted now.”" in shown
    listed = run("terms", "claims", "--home", home).out
    assert f"waiting for a person: {id_}" in listed
    assert "waits no more" in run("terms", "review", id_, "Nobody said so.", "--home", home).out
    refused = run(*words, "--standing", "signed")
    assert refused.code == 2
    assert "only a signature" in refused.err
