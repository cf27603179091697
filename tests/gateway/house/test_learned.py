"""Terms name the recognizer that reads calls: a gateway with other weights does not answer under them."""

import pytest
from tests.gateway.running import MODEL, eventually, scripted_gateway

from caveat.gateway.scripted.script import says
from caveat.recognize.learned import shipped
from caveat.terms.samples import sample_terms

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Which day comes after Tuesday?"}]}
PATH = "/v1/chat/completions"


def with_weights(digest: str) -> bytes:
    """The sample terms with a recognizer, as a next version."""
    block = f"\nrecognizer: {{name: caveat-learned, version: '1', weights: 'sha256:{digest}'}}\n"
    return (
        sample_terms()
        .replace(b"\nversion: ", b"\nversion: 1", 1)
        .replace(b"\nclauses:", block.encode() + b"\nclauses:", 1)
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("learned"), says("Wednesday.")) as made:
        yield made


def test_the_agreed_weights_read_every_call_and_stand_in_its_record(both):
    gateway, _ = both
    gateway.adopt(with_weights(shipped().sha256))
    assert gateway.http().get("/readyz").status_code == 200
    reply = gateway.http().post(PATH, json=ASK)
    assert reply.status_code == 200
    opened = gateway.call(reply.headers["x-caveat-call"])[0].opened
    assert opened["content"]["detector"] == "learned"
    read_by = opened["request"]["recognizers"]
    assert shipped().name in read_by["names"]
    assert read_by["learned"][shipped().name] == {
        "weights": f"sha256:{shipped().sha256}",
        "card": f"sha256:{shipped().card_sha256}",
    }


def test_other_weights_than_agreed_and_the_gateway_is_not_ready(both):
    gateway, upstream = both
    gateway.adopt(with_weights("0" * 64).replace(b"\nversion: 1", b"\nversion: 2", 1))
    received = len(upstream.received)
    assert gateway.http().get("/readyz").status_code == 503
    details = gateway.http(gateway.operator_key).get("/readyz").json()
    (problem,) = details["problems"]
    assert "weights `000000000000`" in problem and f"this gateway has `{shipped().sha256[:12]}`" in problem
    reply = gateway.http().post(PATH, json=ASK)
    assert reply.status_code == 503
    assert "name the recognizer `caveat-learned@1`" in reply.json()["error"]["message"]
    assert len(upstream.received) == received
    assert eventually(lambda: gateway.last("refused")).opened["who"]["caller"]
