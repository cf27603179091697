"""A stage for cheats: a real gateway, a real seal in its own process before a model, and whoever owns the machines.

The vendor's seal stands between gateway and model; the terms enrol it.  The operator owns the gateway's home with all its
keys, and may rewrite the ledger before it is exported (`Stage.report`): what they do not have is the seal's key.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tests.evidence.conftest import in_tiles
from tests.evidence.second import verified
from tests.gateway.running import HEAD, IDENTITY, MODEL, Running, eventually, running, upstream_text
from tests.seal.sealing import RunningSeal, make_folder, permit, running_seal, seeded

from caveat import record
from caveat.canon import digest
from caveat.decide.policy import ENGINE
from caveat.evidence.export import Order, Source, export
from caveat.evidence.report import Report, Step
from caveat.evidence.trust import read_trust
from caveat.facts import Caller
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import Home, create
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.home.settings import read
from caveat.gateway.house.callers import secret_digest
from caveat.gateway.index.follow import Index
from caveat.gateway.model.ownseal import permit_key
from caveat.gateway.proof.collecting import Collector
from caveat.gateway.proof.trusting import trust_text
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import Answer, Reply, Rule, Script
from caveat.gateway.scripted.server import Scripted
from caveat.gateway.upstream.client import HttpUpstream
from caveat.gateway.upstream.endpoint import Endpoint
from caveat.gateway.upstream.sealing import Sealer
from caveat.ledger.checkpoint import sign_checkpoint
from caveat.ledger.log import Entry
from caveat.ledger.reader import LedgerReader
from caveat.ledger.tiles import Edge, TreeReader
from caveat.meter.ticket import Ticket, read_ticket
from caveat.note import TreeHead
from caveat.record import Leaf
from caveat.register import CallerKey
from caveat.seal.permit import Permit, issue
from caveat.terms.samples import sample_terms

ORIGIN = "localhost/caveat/test"
SEAL = seeded("labs.example.test/seal-1")
PLAIN: list[Any] = [{"role": "user", "content": "Draft a short note of thanks."}]
SECRET: list[Any] = [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise the report."}]
SCRIPT = Script(
    (
        Rule(Reply(answer=Answer("never the end of it"), end="hang"), contains="for ever"),
        Rule(Reply(answer=Answer("Thank you for your letter."))),
    )
)
Entries = list[tuple[Entry, Leaf]]
Change = Callable[[Entries], Entries]


class Stage:
    """What stands on the stage; `model` is reached straight by whoever is on the model's machine."""

    def __init__(self, gateway: Running, model: Scripted, folder: Path, seals: ExitStack) -> None:
        self.gateway = gateway
        self.model = model
        self.seal: RunningSeal
        self._folder = folder
        self._seals = seals

    def call(self, words: list[Any] | None = None, **more: Any) -> httpx.Response:
        """A chat call through the gateway."""
        body = {"model": MODEL, "messages": words or PLAIN, "max_tokens": 40, **more}
        return self.gateway.http().post("/v1/chat/completions", json=body)

    def calls(self, count: int) -> "Stage":
        for _ in range(count):
            assert self.call().status_code == 200
        return self

    def upstream(self) -> HttpUpstream:
        """The gateway's client of the sealed model."""
        (route,) = self.gateway.house.view.routes[MODEL]
        assert isinstance(route.upstream, HttpUpstream)
        return route.upstream

    def sealer(self) -> Sealer:
        """Its side of the seal."""
        sealer = self.upstream().sealer
        assert sealer is not None
        return sealer

    def settled(self) -> "Stage":
        """Wait until every call has its outcome, under a checkpoint."""
        home = self.gateway.home

        def done() -> bool:
            reader = LedgerReader(home.ledger, home.vault)
            leaves = [leaf for _, leaf in self.entries()]
            begun, ended = ({x.call for x in leaves if x.k == kind} for kind in ("opened", "settled"))
            return begun == ended and reader.head().size == reader.size()

        eventually(done)
        return self

    def hand_in(self) -> None:
        """Let the seal see the newest checkpoint, as the gateway does beside its calls."""
        self.settled()
        self.gateway.run(self.sealer().hand_in())

    def stop_seal(self, *, kill: bool = False) -> None:
        """End the seal's process, in order or not."""
        if kill:
            self.seal.process.kill()
        self.seal.process.terminate()
        self.seal.process.wait(60)

    def start_seal(self) -> None:
        """Start a seal over the same folder; the gateway's calls go to it."""
        self.seal = self._seals.enter_context(running_seal(self._folder))
        self.upstream().move(Endpoint(self.seal.address))

    def restart_seal(self, *, kill: bool = False) -> None:
        """Both."""
        self.stop_seal(kill=kill)
        self.start_seal()

    def collect(self) -> None:
        """Let the seal beat, and take on record what it says, as the gateway does every few seconds."""
        house, home = self.gateway.house, self.gateway.home
        reader = LedgerReader(home.ledger, home.vault)
        collector = Collector(house, Index(home.index, reader), reader)
        self.gateway.run(collector.collect(self.upstream(), beat=True))

    def entries(self) -> Entries:
        """The ledger as it is."""
        reader = LedgerReader(self.gateway.home.ledger, self.gateway.home.vault)
        return [(entry, record.read_leaf(entry.leaf)) for _, entry in reader.entries()]

    def report(self, change: Change = list, profile: str = "none") -> Report:
        """What an outsider finds who trusts the parties' keys and the log's, once the operator has changed what they like."""
        home = self.gateway.home
        keys, _ = house_keys(home, ORIGIN)
        entries = [entry for entry, _ in change(self.entries())]
        documents = {digest(file.read_bytes()): file.read_bytes() for file in home.control.iterdir()}
        edge = Edge()
        files = dict(edge.grow([entry.leaf for entry in entries]))
        head = TreeHead(ORIGIN, len(entries), TreeReader(files.get, len(entries)).root())
        source = Source(
            sign_checkpoint(head, keys, 1), files.get, in_tiles([e.aside for e in entries]), documents.__getitem__, None
        )
        out = io.BytesIO()
        export(source, Order(0, len(entries), profile, ENGINE), keys.plain, out)
        trust = read_trust(trust_text(keys.verify_keys, self.gateway.house.view.register).encode())
        return verified(io.BytesIO(out.getvalue()), trust)

    def permit(self, body: bytes, call: str, **changes: Any) -> str:
        """A permit that the operator, who holds the gateway's permit key, issues by hand."""
        home = self.gateway.home
        key = permit_key(home, self.gateway.house.settings)
        return issue(by_hand(key.name, body, call, self.sealer()._claim, **changes), key)


def by_hand(issuer: str, body: bytes, call: str, claim: str, **changes: Any) -> Permit:
    return msgspec.structs.replace(permit(body, iss=issuer, jti=call, mdl=IDENTITY, chk=claim), **changes)


def finding(report: Report) -> Step:
    """Step 13 of the report."""
    return next(step for step in report.steps if step.number == 13)


def tickets(entries: Entries) -> list[Ticket]:
    """Those that outcomes bear."""
    return [read_ticket(leaf.m) for _, leaf in entries if leaf.m]


def with_leaf(leaf: Leaf, entry: Entry, **changes: Any) -> tuple[Entry, Leaf]:
    """The record with other clear fields."""
    value = {**json.loads(entry.leaf), **changes}
    value = {name: v for name, v in value.items() if v is not None}
    data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return Entry(data, entry.aside), record.read_leaf(data)


def places(entries: Entries, wanted: Callable[[Leaf], object]) -> list[int]:
    return [index for index, (_, leaf) in enumerate(entries) if wanted(leaf)]


def without(entries: Entries, gone: set[int]) -> Entries:
    """The ledger without some records; outcomes name the new places of what they settle."""
    kept = [index for index in range(len(entries)) if index not in gone]
    moved = {old: new for new, old in enumerate(kept)}
    out: Entries = []
    for index in kept:
        entry, leaf = entries[index]
        if leaf.k == "settled" and leaf.at >= 0 and leaf.at in moved:
            out.append(with_leaf(leaf, entry, at=moved[leaf.at]))
        else:
            out.append((entry, leaf))
    return out


def document_of(stage: Stage, index: int) -> bytes:
    """The control document that a record names."""
    return stage.gateway.house.document(stage.entries()[index][1].doc)


def seal_text(home: Home, model: str) -> str:
    """`seal.toml` of the vendor's seal before the model at that address."""
    keys, _ = house_keys(home, ORIGIN)
    settings = read(HEAD)
    lines = {
        "model": IDENTITY,
        "permits": [permit_key(home, settings).verify_key.text],
        "log": [key.text for key in keys.verify_keys],
        "address": "127.0.0.1:0",
    }
    return "".join(f"{k} = {json.dumps(v)}\n" for k, v in lines.items()) + f'[engine]\naddress = "{model}"\n'


def sealed_terms(home: Home) -> bytes:
    """The sample terms, with the vendor's seal enrolled."""
    row = {
        "vkey": SEAL.verify_key.text,
        "models": [MODEL],
        "permits": [permit_key(home, read(HEAD)).verify_key.text],
    }
    return sample_terms() + b"\nseals:\n  - " + json.dumps(row).encode() + b"\n"


@contextmanager
def staged(path: Path, script: Script = SCRIPT, *, counters: str = "") -> Iterator[Stage]:
    """The stage, with the terms in force."""
    home, _ = create(path / "home", default_text(ORIGIN))
    with ExitStack() as stack:
        model = stack.enter_context(scripted.serve(script))
        more = f'counters = "{counters}"\n' if counters else ""
        folder = make_folder(path / "seal", seal_text(home, model.address) + more, SEAL)
        seal = stack.enter_context(running_seal(folder))
        text = HEAD + upstream_text(seal.address, seal=f'{{ vkey = "{SEAL.verify_key.text}" }}')
        gateway = stack.enter_context(running(path / "home", text, sample=False))
        gateway.adopt(sealed_terms(home))
        person = Caller(id="sample-caller", purpose="drafting", clearance_rank=4, language="en")
        gateway.run(
            gateway.house.add_key(
                msgspec.json.encode(CallerKey("caller", secret_digest(gateway.caller_key), person, sample=True))
            )
        )
        made = Stage(gateway, model, folder, stack)
        made.seal = seal
        yield made
