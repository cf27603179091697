"""kill -9 in the midst of calls, again and again: what a caller was told is on record, and every call has its two records."""

import contextlib
import random
import threading
import time
from base64 import b64decode

import httpx
import pytest
from tests.gateway.process import served
from tests.gateway.running import HEAD, MODEL, eventually, running, upstream_text

from caveat import record
from caveat.gateway.home.directory import open_home
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.scripted.script import Answer, Reply, Rule, Script
from caveat.gateway.scripted.server import serve
from caveat.ledger.fsck import fsck
from caveat.ledger.reader import LedgerReader
from caveat.ledger.receipt import open_ticket
from caveat.ledger.tree import leaf_hash

PLAY = Script(
    (
        Rule(Reply(answer=Answer("Slowly. " * 40), pause_ms=5), contains="slow"),
        Rule(Reply(head=False, end="hang"), contains="never"),
        Rule(Reply(answer=Answer("Hello there."))),
    )
)
SAID = ("Hello.", "slow", "never", "TOP SECRET//SI//NOFORN\nHello.", "Hello again.")
CALLERS = 6


class Told:
    """What callers were told: the tickets that came with answers' heads."""

    def __init__(self) -> None:
        self.tickets: list[bytes] = []
        self.completed: set[str] = set()

    def call(self, url: str, key: str, rng: random.Random, stop: threading.Event) -> None:
        with httpx.Client(base_url=url, headers={"x-api-key": key}, timeout=2, verify=False) as client:
            while not stop.is_set():
                path = rng.choice(["/v1/chat/completions", "/v1/messages"])
                turns = [{"role": "user", "content": rng.choice(SAID)}]
                body = {"model": MODEL, "max_tokens": 9, "messages": turns, "stream": rng.random() < 0.5}
                with contextlib.suppress(httpx.HTTPError):
                    self._ask(client, path, body)

    def _ask(self, client: httpx.Client, path: str, body: dict[str, object]) -> None:
        with client.stream("POST", path, json=body) as reply:
            self.tickets.append(b64decode(reply.headers["x-caveat-ticket"]))
            reply.read()
        self.completed.add(reply.headers["x-caveat-call"])


@contextlib.contextmanager
def under_load(url, key, rng, seconds):
    """Calls of which the first was answered whole so long ago, and which go on until the block ends, however it ends; what
    the callers were told."""
    told, stop = Told(), threading.Event()
    callers = [
        threading.Thread(target=told.call, args=(url, key, random.Random(rng.random()), stop), daemon=True)
        for _ in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    try:
        eventually(lambda: told.completed)
        time.sleep(seconds)
        yield told
    finally:
        stop.set()
        for caller in callers:
            caller.join()


def endings(reader):
    """Kinds of each call's records, in order."""
    calls: dict[str, list[str]] = {}
    for _, entry in reader.entries():
        leaf = record.read_leaf(entry.leaf)
        if leaf.call:
            calls.setdefault(leaf.call, []).append(leaf.o or leaf.k)
    return calls


def check(home, told):
    """Every ticket is kept, every call has two records, a completed answer is no `unknown` one, the ledger is sound."""
    keys = house_keys(home, "localhost/caveat/test")[0]
    assert fsck(home.ledger, keys.verify_keys, home.vault).findings == ()
    reader = LedgerReader(home.ledger, home.vault, keys.verify_keys)
    entries = dict(reader.entries())
    for raw in told.tickets:
        ticket = open_ticket(raw, [keys.plain.verify_key])
        assert leaf_hash(entries[ticket.index].leaf) == ticket.leaf_hash
    calls = endings(reader)
    assert {tuple(kinds[:1]) for kinds in calls.values()} <= {("opened",), ("denied",)}
    assert {len(kinds) for kinds in calls.values() if kinds[0] == "opened"} == {2}
    assert all("unknown" not in calls[call] for call in told.completed)
    return calls


def kill_rounds(path, rounds, seed):
    rng = random.Random(seed)
    with serve(PLAY) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(path, text) as gateway:
            key = gateway.caller_key
        (path / "caveat.toml").write_text(text)
        home, everything = open_home(path), Told()
        for _ in range(rounds):
            with served(path) as process, under_load(process.url, key, rng, rng.uniform(0.1, 1.0)) as told:
                process.kill()
            everything.tickets += told.tickets
            everything.completed |= told.completed
            with served(path) as process:
                assert process.told["ready"]
                calls = check(home, everything)
                process.stop()
                assert "Traceback" not in process.errors
        assert "unknown" in {kinds[-1] for kinds in calls.values()}
        assert everything.completed


def test_three_kills(tmp_path):
    kill_rounds(tmp_path / "home", 3, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills(tmp_path, slow_rounds):
    kill_rounds(tmp_path / "home", slow_rounds(10, 100), seed=2)
