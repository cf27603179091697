"""Records: what is durable before what, and that every call leaves its trace but never its words."""

import asyncio
import socket
import time
from base64 import b64decode

import httpx
import pytest
from tests.gateway.running import MODEL, eventually

from caveat.errors import NotVerified, Unavailable
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.scripted.script import Answer, Reply, always
from caveat.ledger.fsck import fsck
from caveat.ledger.receipt import open_ticket, parse_receipt, verify_receipt
from caveat.ledger.tree import leaf_hash

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}
DENIED = {"model": MODEL, "messages": [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nHello."}]}
PATH = "/v1/chat/completions"


@pytest.fixture
def log_keys(gateway):
    return house_keys(gateway.home, gateway.house.log.origin)[0]


def test_the_first_record_is_durable_before_anything_goes_upstream(gateway, upstream):
    """While the model still thinks, the ledger's files hold the call, and nothing of its outcome."""
    upstream.play(always(Reply(answer=Answer("Slowly."), delay_ms=400)))
    with gateway.http().stream("POST", PATH, json={**ASK, "stream": True}) as reply:
        reply.read()
    call = reply.headers["x-caveat-call"]
    opened, settled = gateway.call(call)
    assert settled.leaf.t - opened.leaf.t >= 350
    before = len(gateway.records())
    upstream.play(always(Reply(head=False, end="hang")))
    with gateway.asking(PATH, ASK):
        eventually(lambda: upstream.received)
        assert [one.leaf.k for one in gateway.records()[before:]] == ["opened"]


def test_nothing_goes_upstream_before_the_append_returns(gateway, upstream):
    """The log is made slow: the upstream has heard nothing until it is done."""
    log = gateway.house.log
    gateway.house.log = Slow(log, 0.4)
    try:
        began = time.monotonic()
        with httpx.Client(base_url=gateway.url, timeout=60) as client:
            client.post(PATH, json=ASK, headers={"x-api-key": gateway.caller_key})
        assert time.monotonic() - began > 0.7  # two appends: before the call leaves, and before its last byte does
    finally:
        gateway.house.log = log
    assert len(upstream.received) == 1


class Through:
    """A log that does as another does."""

    def __init__(self, log):
        self._log = log

    def __getattr__(self, name):
        return getattr(self._log, name)


class Slow(Through):
    """A log whose appends take so many seconds more."""

    def __init__(self, log, seconds):
        super().__init__(log)
        self._seconds = seconds

    async def append(self, *entries_and_fence):
        await asyncio.sleep(self._seconds)
        return await self._log.append(*entries_and_fence)


class Refusing(Through):
    """A log that takes so many appends and then no more, as with a full disk."""

    def __init__(self, log, takes):
        super().__init__(log)
        self._takes = takes

    async def append(self, *entries_and_fence):
        if self._takes == 0:
            raise Unavailable("the disk is full", code="ledger_unavailable")
        self._takes -= 1
        return await self._log.append(*entries_and_fence)


@pytest.fixture
def refusing(gateway):
    """`refusing(n)`: the gateway's log takes n more appends."""
    log = gateway.house.log

    def change(takes):
        gateway.house.log = Refusing(log, takes)

    yield change
    gateway.house.log = log


@pytest.mark.parametrize("path", [PATH, "/v1/messages"])
@pytest.mark.parametrize("streams", [True, False])
def test_no_record_no_call(gateway, upstream, refusing, path, streams):
    refusing(0)
    for body in (ASK, DENIED):
        reply = gateway.http().post(path, json={**body, "max_tokens": 9, "stream": streams})
        assert reply.status_code == 503
        error = reply.json()["error"]
        assert (error.get("code") or error["details"]["error_code"]) == "ledger_unavailable"
    assert upstream.received == []
    assert gateway.http().get("/readyz").status_code == 503


@pytest.mark.parametrize("path", [PATH, "/v1/messages"])
def test_no_outcome_on_record_no_answer(gateway, upstream, refusing, path):
    """The model has answered, the outcome cannot be recorded: its words do not leave."""
    refusing(1)
    reply = gateway.http().post(path, json={**ASK, "max_tokens": 9})
    assert reply.status_code == 503
    assert "Hello there" not in reply.text


@pytest.mark.parametrize(("path", "terminator"), [(PATH, b"[DONE]"), ("/v1/messages", b"message_stop")])
def test_no_outcome_on_record_no_end_of_stream(gateway, upstream, refusing, path, terminator):
    refusing(1)
    got = b""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        gateway.http().stream("POST", path, json={**ASK, "max_tokens": 9, "stream": True}) as reply,
    ):
        for piece in reply.iter_raw():
            got += piece
    assert terminator not in got


def test_a_denied_call_has_both_records_at_once(gateway, upstream):
    reply = gateway.http().post(PATH, json=DENIED)
    opened, settled = gateway.call(reply.headers["x-caveat-call"])
    assert (opened.leaf.k, settled.leaf.k, settled.leaf.o) == ("opened", "settled", "denied")
    assert settled.index == opened.index + 1
    assert opened.opened["decision"]["verdict"] == "deny"


def test_an_unreadable_body_has_its_record(gateway, upstream):
    reply = gateway.http().post(PATH, content=b'{"a": 1, "a": 2}', headers={"content-type": "application/json"})
    (refused,) = gateway.call(reply.headers["x-caveat-call"])
    assert refused.leaf.k == "refused"
    assert refused.opened["who"] == {"caller": "sample-caller"}
    assert refused.opened["request"]["len"] == 16


def test_a_body_too_large_has_its_record(gateway, upstream):
    headers = {"content-type": "application/json"}
    reply = gateway.http().post(PATH, content=b" " * 3_000_000, headers=headers)
    assert reply.status_code == 413
    assert [r.leaf.k for r in gateway.call(reply.headers["x-caveat-call"])] == ["refused"]
    assert gateway.http().post(PATH, json=ASK).status_code == 200


def test_a_caller_that_goes_in_the_middle_of_its_body_has_its_record(gateway, upstream):
    before = len(gateway.records())
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as wire:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.caller_key}\r\n"
        wire.sendall(f"{head}content-type: application/json\r\ncontent-length: 5000\r\n\r\n{{".encode())
        time.sleep(0.1)
    fresh = eventually(lambda: gateway.records()[before:])
    assert [r.leaf.k for r in fresh] == ["refused"]
    assert upstream.received == []


@pytest.mark.parametrize("name", ["caveat-purpose", "content-type", "x-api-key"])
def test_a_header_that_came_twice_is_refused_and_on_record(gateway, upstream, name):
    bears = "authorization" if name == "x-api-key" else "x-api-key"
    key = f"Bearer {gateway.caller_key}" if bears == "authorization" else gateway.caller_key
    pairs = [(bears, key), ("content-type", "application/json"), (name, "drafting"), (name, "analysis")]
    with httpx.Client(base_url=gateway.url, timeout=60) as client:
        reply = client.post(PATH, content=b"{}", headers=pairs)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unreadable")
    assert [r.leaf.k for r in gateway.call(reply.headers["x-caveat-call"])] == ["refused"]
    assert upstream.received == []


def test_who_is_not_known_leaves_no_record(gateway, upstream):
    before = len(gateway.records())
    assert gateway.http("none").post(PATH, json=ASK).status_code == 401
    assert gateway.http("cav-wrong").post(PATH, json=ASK).status_code == 401
    assert len(gateway.records()) == before


@pytest.mark.parametrize("path", [PATH, "/v1/messages"])
def test_a_method_that_is_none_of_the_calls(gateway, upstream, path):
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert gateway.http().request(method, path).status_code == 405


def test_the_ticket_opens_under_the_logs_key(gateway, upstream, log_keys):
    for body in (ASK, DENIED):
        reply = gateway.http().post(PATH, json=body)
        raw = b64decode(reply.headers["x-caveat-ticket"], validate=True)
        ticket = open_ticket(raw, [log_keys.plain.verify_key])
        opened = gateway.call(reply.headers["x-caveat-call"])[0]
        entry = gateway.run(gateway.house.log.entry(opened.index))
        assert (ticket.origin, ticket.index) == ("localhost/caveat/test", opened.index)
        assert ticket.leaf_hash == leaf_hash(entry.leaf)


def test_the_receipt_proves_the_record(gateway, upstream, log_keys):
    reply = gateway.http().post(PATH, json=ASK)
    call = reply.headers["x-caveat-call"]

    def receipt():
        found = gateway.http().get(f"/caveat/v1/receipts/{call}")
        return found.content if found.status_code == 200 else None

    raw = eventually(receipt)
    opened = gateway.call(call)[0]
    leaf = gateway.run(gateway.house.log.entry(opened.index)).leaf
    assert parse_receipt(raw).index == opened.index
    assert verify_receipt(raw, leaf_hash(leaf), log_keys.verify_keys, gateway.house.log.origin).size > opened.index
    with pytest.raises(NotVerified):
        verify_receipt(raw, leaf_hash(leaf + b" "), log_keys.verify_keys, gateway.house.log.origin)


def test_the_ledger_is_sound_after_all_this(gateway, upstream, log_keys):
    gateway.http().post(PATH, json=ASK)
    report = fsck(gateway.home.ledger, log_keys.verify_keys, gateway.home.vault)
    assert report.findings == ()
