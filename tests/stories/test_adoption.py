"""Terms change while calls run: the old hold until the new do, nobody decides under old ones afterwards, and only what
both parties signed comes into force."""

import json
import socket
import threading

import pytest
from tests.gateway.running import MODEL, eventually, scripted_gateway

from caveat.canon import b64, unb64
from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.gateway.scripted.script import Answer, Reply, always, says
from caveat.keys import new_signing_key
from caveat.talks.draft import read_draft
from caveat.terms.samples import sample_terms
from caveat.terms.sign import sign_terms

PATH = "/v1/chat/completions"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}


@pytest.fixture
def governed(tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello there.")) as pair:
        yield pair


def version(number, **changes):
    """The sample terms as a later version, with some of their text changed."""
    text = sample_terms().decode().replace("\nversion: 1\n", f"\nversion: {number}\n")
    for before, after in changes.values():
        assert before in text
        text = text.replace(before, after)
    return text.encode()


STRICT = {"ceiling": ("when: context.labelRank > 4 || context.labelRankOut > 4", "when: context.labelRank >= 0")}


def post(gateway, envelope):
    return gateway.http(gateway.operator_key).post("/caveat/v1/terms", content=envelope)


def test_the_same_call_changes_its_outcome_with_the_terms(gateway, upstream):
    first = gateway.http().post(PATH, json=ASK)
    assert (first.status_code, first.headers["x-caveat-terms"]) == (200, "institutional-use@1")
    adopted = post(gateway, gateway.signed(version(2, **STRICT)).raw)
    assert adopted.json()["adopted"] == "institutional-use@2"
    second = gateway.http().post(PATH, json=ASK)
    assert (second.status_code, second.headers["x-caveat-terms"]) == (403, "institutional-use@2")
    assert len(upstream.received) == 1


def test_while_calls_run_each_is_decided_under_what_is_in_force_at_its_index(gateway, upstream):
    """Four callers, five versions: the ledger shows for every call the pair that was in force at its own index."""
    stop = threading.Event()
    answered: list[tuple[str, str]] = []

    def calling():
        client = gateway.http()
        while not stop.is_set():
            reply = client.post(PATH, json=ASK)
            answered.append((reply.headers["x-caveat-call"], reply.headers["x-caveat-terms"]))
            assert reply.status_code == (200 if reply.headers["x-caveat-terms"][-1] in "135" else 403)

    callers = [threading.Thread(target=calling, daemon=True) for _ in range(4)]
    for caller in callers:
        caller.start()
    for number in range(2, 6):
        eventually(lambda: answered)
        gateway.adopt(version(number, **(STRICT if number % 2 == 0 else {})))
        answered.clear()
    eventually(lambda: len(answered) > 3)
    stop.set()
    for caller in callers:
        caller.join()
    in_force = ""
    pairs: dict[str, set[str]] = {}
    for one in gateway.records():
        if one.leaf.what == "terms.adopted":
            in_force = one.leaf.id
        elif one.leaf.k == "opened":
            pairs.setdefault(in_force, set()).add(one.leaf.terms)
            assert pairs[in_force] == {one.leaf.terms}, "decided under terms that were not in force any more"
    assert len({digest for digests in pairs.values() for digest in digests}) == len(pairs) == 5


def test_a_decision_made_under_old_terms_is_made_anew(gateway, upstream):
    """A worker that slept through an adoption: what it decides cannot be recorded, so it decides again."""
    old = gateway.house.view
    gateway.adopt(version(2, **STRICT))
    gateway.house.view = old
    reply = gateway.http().post(PATH, json=ASK)
    assert (reply.status_code, reply.headers["x-caveat-terms"]) == (403, "institutional-use@2")
    assert upstream.received == []
    assert gateway.house.view.fence == gateway.house.view.register.fence != old.fence
    assert [r.leaf.k for r in gateway.call(reply.headers["x-caveat-call"])] == ["opened", "settled"]


def test_a_key_revoked_while_its_call_was_decided_does_not_get_through(gateway, upstream):
    text = gateway.key("leaver")
    old = gateway.house.view
    gateway.run(gateway.house.revoke_key("leaver"))
    gateway.house.view = old
    reply = gateway.http(text).post(PATH, json=ASK)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_key")
    assert upstream.received == []


def test_a_key_revoked_while_its_body_came_does_not_get_through(gateway, upstream):
    text = gateway.key("slow")
    body = json.dumps(ASK).encode()
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nx-api-key: {text}\r\ncontent-type: application/json\r\n"
        wire.sendall(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body[:10])
        gateway.run(gateway.house.revoke_key("slow"))
        wire.sendall(body[10:])
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 401")
    assert upstream.received == []


def test_a_stream_that_runs_ends_under_the_terms_that_it_began_under(gateway, upstream):
    upstream.play(always(Reply(answer=Answer("Word by word. " * 60), pause_ms=10)))
    with gateway.http().stream("POST", PATH, json={**ASK, "stream": True}) as reply:
        pieces = reply.iter_raw()
        next(pieces)
        gateway.http(gateway.operator_key).delete("/caveat/v1/terms/institutional-use")
        assert gateway.http().post(PATH, json=ASK).status_code == 503
        assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
    opened, settled = gateway.call(reply.headers["x-caveat-call"])
    assert (settled.leaf.o, settled.leaf.terms) == ("completed", opened.leaf.terms)


def test_a_call_in_flight_finishes_under_the_terms_it_began_with_and_its_records_say_so(gateway, upstream):
    """A later version comes into force while the reply streams: the next call is decided under it, this one is not."""
    upstream.play(always(Reply(answer=Answer("Word by word. " * 60), pause_ms=10)))
    with gateway.http().stream("POST", PATH, json={**ASK, "stream": True}) as reply:
        pieces = reply.iter_raw()
        next(pieces)
        first = gateway.house.view.register.terms["institutional-use"].digest
        second = gateway.adopt(version(2, **STRICT))
        after = gateway.http().post(PATH, json=ASK)
        assert (after.status_code, after.headers["x-caveat-terms"]) == (403, "institutional-use@2")
        assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
    opened, settled = gateway.call(reply.headers["x-caveat-call"])
    assert (opened.leaf.terms, settled.leaf.terms, settled.leaf.o) == (first, first, "completed")
    assert settled.index > next(r.index for r in gateway.records() if r.leaf.id == "institutional-use@2")
    assert gateway.call(after.headers["x-caveat-call"])[0].leaf.terms == second


def resigned(gateway, yaml, *names):
    """Terms signed by the sample parties named."""
    return sign_terms(read_draft(yaml), *(party_key(gateway.home, name) for name in names)).raw


def tampered(gateway):
    envelope = json.loads(gateway.signed(version(2)).raw)
    envelope["payload"] = b64(unb64(envelope["payload"]).replace(b"> 4", b"> 9"))
    return json.dumps(envelope).encode()


def unsigned(gateway):
    return json.dumps({**json.loads(gateway.signed(version(2)).raw), "signatures": []}).encode()


def by_strangers(gateway):
    keys = [new_signing_key("somebody.example"), new_signing_key("other.example")]
    return sign_terms(read_draft(version(2)), *keys).raw


def one_flipped(gateway):
    envelope = json.loads(gateway.signed(version(2)).raw)
    signature = bytearray(unb64(envelope["signatures"][0]["sig"]))
    signature[-1] ^= 1
    envelope["signatures"][0]["sig"] = b64(bytes(signature))
    return json.dumps(envelope).encode()


BAD = {
    "signed by the vendor alone": lambda g: resigned(g, version(2), SAMPLES["vendor"]),
    "signed by the operator alone": lambda g: resigned(g, version(2), SAMPLES["operator"]),
    "signed twice by one side": lambda g: resigned(g, version(2), SAMPLES["vendor"], SAMPLES["vendor"]),
    "signed by strangers": by_strangers,
    "not signed": unsigned,
    "changed after signing": tampered,
    "a signature changed": one_flipped,
    "the text alone": lambda _: version(2),
    "nothing": lambda _: b"",
    "no JSON": lambda _: b"{",
    "deep": lambda _: b"[" * 10_000,
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_what_is_not_signed_by_both_is_not_adopted(shared, make):
    gateway, _ = shared
    before, fence = len(gateway.records()), gateway.house.view.fence
    reply = post(gateway, make(gateway))
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] in {"not_verified", "bad_input"}
    assert gateway.house.view.fence == fence
    assert len(gateway.records()) == before
    assert gateway.http().post(PATH, json=ASK).headers["x-caveat-terms"] == "institutional-use@1"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("adoption") / "home", says("Hello there.")) as pair:
        yield pair


def test_two_agreements_do_not_cover_one_model(gateway, upstream):
    """Else one of them would be dropped without a word."""
    other = version(1, name=("\nid: institutional-use\n", "\nid: another-agreement\n"))
    reply = post(gateway, gateway.signed(other).raw)
    assert reply.status_code == 400
    assert "institutional-use" in reply.json()["error"]["message"]
    assert gateway.http().post(PATH, json=ASK).headers["x-caveat-terms"] == "institutional-use@1"


def test_after_a_restart_the_same_is_in_force(tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello.")) as (gateway, _):
        digest = gateway.adopt(version(2, **STRICT))
        text = gateway.key("stays")
        fence = gateway.house.view.fence
    with scripted_gateway(tmp_path / "home", says("Hello.")) as (gateway, _):
        assert gateway.house.view.fence == fence
        reply = gateway.http(text).post(PATH, json=ASK)
        assert reply.headers["x-caveat-terms"] == "institutional-use@2"
        assert gateway.last("opened").leaf.terms == digest
