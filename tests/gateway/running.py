"""A real gateway for tests: on a loopback port, over a home of its own, in a thread with an event loop of its own.

What it serves is what `caveat serve` serves (gateway/serving/serve.py); only the process is shared with the test.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anthropic
import httpx
import msgspec
import openai
import uvloop

from caveat import record
from caveat.facts import Caller
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import Home, create
from caveat.gateway.home.housekeys import OPERATOR_KEY
from caveat.gateway.home.settings import read
from caveat.gateway.house.callers import new_key_text, secret_digest
from caveat.gateway.house.founding import CALLER_KEY, SAMPLES, found, found_sample, key_text, party_key, trust_party
from caveat.gateway.house.house import House
from caveat.gateway.model.store import SMOLLM2
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import Script
from caveat.gateway.scripted.server import Scripted
from caveat.gateway.serving.serve import Server, application, bind, url_of
from caveat.gateway.serving.startup import open_house
from caveat.ledger.reader import LedgerReader
from caveat.record import Leaf
from caveat.register import CallerKey
from caveat.talks.draft import read_draft
from caveat.terms.document import SignedTerms
from caveat.terms.sign import sign_terms

T = TypeVar("T")

WAIT = 60.0
"""Seconds that a test waits for what another process or thread does; a loaded machine is slow, and waiting costs nothing
where it comes."""

IDENTITY = f"weights:sha256:{SMOLLM2.sha256}"
"""What the sample terms name, and what the settings below say of the scripted upstream."""

MODEL = SMOLLM2.alias

HEAD = """
[gateway]
address = "127.0.0.1:0"
origin = "localhost/caveat/test"
max_body_bytes = 2097152
max_reply_bytes = 2097152
[ledger]
checkpoint_interval_ms = 50
min_free_mb = 1
"""


def upstream_text(address: str, name: str = "scripted", *, model: str = MODEL, there: str = MODEL, **more: str) -> str:
    """`[upstream.NAME]` for a scripted upstream that claims to serve the sample terms' weights."""
    lines = {
        "base_url": f'"{address}"',
        "dialects": '["openai_chat", "anthropic_messages"]',
        "models": f'{{ "{model}" = "{there}" }}',
        "identity": f'"{IDENTITY}"',
        **more,
    }
    return f"[upstream.{name}]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items()) + "\n"


class Record(msgspec.Struct, frozen=True):
    """One record of the ledger with what opens it."""

    index: int
    leaf: Leaf
    opened: dict[str, Any]


class Running:
    """A gateway that runs.  `upstream` is the scripted upstream behind it, where it has that one."""

    def __init__(self, home: Home, house: House, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.home = home
        self.house = house
        self.url = url
        self._loop = loop
        self._clients = ExitStack()
        self.caller_key = key_text(home, CALLER_KEY)
        self.operator_key = key_text(home, OPERATOR_KEY)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the gateway's own event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT)

    def key(self, name: str, role: str = "caller", **caller: Any) -> str:
        """Make a key, live from here on."""
        text = new_key_text()
        holder = Caller(**{"id": name, "purpose": "drafting", **caller})
        document = msgspec.json.encode(CallerKey(role, secret_digest(text), holder))
        self.run(self.house.add_key(document))
        return text

    def openai(self, key: str = "", **options: Any) -> openai.OpenAI:
        """The official SDK as it comes."""
        client = openai.OpenAI(api_key=key or self.caller_key, base_url=f"{self.url}/v1", **options)
        return self._clients.enter_context(client)

    def anthropic(self, key: str = "", **options: Any) -> anthropic.Anthropic:
        """The official SDK as it comes."""
        client = anthropic.Anthropic(api_key=key or self.caller_key, base_url=self.url, **options)
        return self._clients.enter_context(client)

    def http(self, key: str = "", **headers: str) -> httpx.Client:
        """A plain client that bears a key ("" the caller's, "none" for none at all)."""
        bears = {} if key == "none" else {"authorization": f"Bearer {key or self.caller_key}"}
        client = httpx.Client(
            base_url=self.url, headers={**bears, **headers}, timeout=WAIT, trust_env=False, verify=False
        )
        return self._clients.enter_context(client)

    @contextmanager
    def asking(self, path: str, body: dict[str, Any]) -> Iterator[None]:
        """A caller who has asked; at the block's end it hangs up, whatever has come."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        raw = msgspec.json.encode(body)
        head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {self.caller_key}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=WAIT) as wire:
            wire.sendall(head.encode() + raw)
            yield

    def close(self) -> None:
        """Hang up, so that nothing keeps the gateway from its end."""
        self._clients.close()

    def records(self) -> list[Record]:
        """Everything in the ledger, read from its files by the reader that outsiders use."""
        reader = LedgerReader(self.home.ledger, self.home.vault)
        found = []
        for index, entry in reader.entries():
            leaf = record.read_leaf(entry.leaf)
            opened = record.disclosed(leaf, record.read_aside(entry.aside).d) if entry.aside else {}
            found.append(Record(index, leaf, opened))
        return found

    def call(self, id_: str) -> list[Record]:
        """A call's records, in order."""
        return [one for one in self.records() if one.leaf.call == id_]

    def last(self, kind: str) -> Record:
        """The newest record of a kind."""
        return [one for one in self.records() if one.leaf.k == kind][-1]

    def ending(self, call: str = "", seconds: float = WAIT) -> Record:
        """The outcome of a call (of the newest without an id), waited for."""

        def settled() -> Record | None:
            found = [
                r for r in self.records() if r.leaf.k in ("opened", "settled") and r.leaf.call == (call or r.leaf.call)
            ]
            return found[-1] if found and found[-1].leaf.k == "settled" else None

        return eventually(settled, seconds)

    def adopt(self, yaml: bytes) -> str:
        """Let both sample parties sign terms, and put them in force; the pair's digest."""
        return self.run(self.house.adopt(self.signed(yaml).raw)).digest

    def signed(self, yaml: bytes) -> SignedTerms:
        """Terms that both sample parties signed."""
        return sign_terms(read_draft(yaml), *(party_key(self.home, name) for name in SAMPLES.values()))


def eventually(look: Callable[[], T | None], seconds: float = WAIT) -> T:
    """What `look` finds, asked again and again; fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@contextmanager
def running(path: Path, settings_text: str, *, sample: bool = True, parties: bool = True) -> Iterator[Running]:
    """A gateway over the home at `path`, made if there is none; `sample` puts the sample terms in force.  Without,
    `parties` still lets the sample parties' signatures count."""
    home, _ = create(path, default_text("localhost/caveat/test"))
    settings = read(settings_text)
    listener = bind(settings)
    loop = uvloop.new_event_loop()
    ready: list[House] = []
    servers: list[Server] = []
    up = threading.Event()

    async def serve() -> None:
        async with open_house(home, settings) as house:
            await found(house, home)
            if sample:
                await found_sample(house, home)
            elif parties:
                for role, name in SAMPLES.items():
                    await trust_party(house, role, party_key(home, name), sample=True)
            home.announce(url_of(listener))
            ready.append(house)
            servers.append(Server(application(home, house)))
            up.set()
            await servers[0].serve(sockets=[listener])

    failed: list[BaseException] = []

    def main() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            up.set()

    thread = threading.Thread(target=main, name="gateway", daemon=True)
    thread.start()
    up.wait(WAIT)
    try:
        if failed:
            raise failed[0]
        gateway = Running(home, ready[0], url_of(listener), loop)
        with closing(gateway):
            yield gateway
    finally:
        if servers:
            servers[0].should_exit = True
        thread.join(WAIT)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        listener.close()
    if failed:
        raise failed[0]


@contextmanager
def scripted_gateway(path: Path, script: Script, more: str = "") -> Iterator[tuple[Running, Scripted]]:
    """A gateway with the sample terms, and the scripted upstream behind it."""
    with scripted.serve(script) as upstream, running(path, HEAD + upstream_text(upstream.address) + more) as gateway:
        yield gateway, upstream
