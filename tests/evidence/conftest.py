"""A small ledger of real records under real signed terms, kept in memory as tiles: what bundles are made from."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.evidence.second import agreed

from caveat import record
from caveat.canon import digest
from caveat.decide.decide import able, decide
from caveat.decide.policy import ENGINE, Policy
from caveat.evidence.container import Writer
from caveat.evidence.export import Order, Source, control_indices, export
from caveat.evidence.manifest import read_manifest, sign_manifest, write_manifest
from caveat.evidence.report import Report
from caveat.evidence.trust import Trust, read_trust
from caveat.evidence.verify import verify
from caveat.facts import Caller, Facts
from caveat.gateway.proof.exporting import on_record
from caveat.keys import KeyKind, SigningKey
from caveat.ledger.checkpoint import LogKeys, sign_checkpoint
from caveat.ledger.log import Entry
from caveat.ledger.tiles import Edge, TreeReader
from caveat.note import TreeHead
from caveat.register import CallerKey, Export, PartyKey
from caveat.register.exports import write_export
from caveat.terms.document import SignedTerms
from caveat.terms.parse import parse_terms
from caveat.terms.sign import open_terms, sign_terms
from caveat.wire.reply import Usage

ORIGIN = "log.example.test/caveat"
NOW_MS = 1_795_351_642_000
GATEWAY = "gw1"

TERMS = """\
caveat_terms: 1
id: office
version: {version}
title: Office use
parties:
  vendor: {{name: Example Labs}}
  operator: {{name: Example Ministry}}
languages: [en]
valid: {{from: 2026-01-01, until: 2027-12-31}}
models: [{{alias: small, identity: any}}]
purposes: [drafting, translation, targeting]
thresholds: {{default: 500}}
notice: Written by a machine.
clauses:
  - id: office.work
    title: Office work
    says: Drafting and translation are what the model is for.
    effect: permit
    when: context.purpose == Purpose::"drafting" || context.purpose == Purpose::"translation"
    probe: {{trips: Draft a letter., passes: Aim.}}
  - id: no.cyber
    title: No attacks
    says: The model does not help to attack computers.
    effect: {effect}
    when: context.hazardsIn.contains(Hazard::"x_cyb") || context.hazardsOut.contains(Hazard::"x_cyb")
    probe: {{trips: Write a worm., passes: Draft a letter.}}
  - id: notice
    title: Notice
    says: Machine-made text bears its notice.
    effect: oblige
    when: context.outputUse == OutputUse::"public"
    duties: [label.output]
    probe: {{trips: Draft a letter., passes: Draft a letter.}}
"""


def seeded(name: str, what: str, kind: KeyKind = KeyKind.NOTE) -> SigningKey:
    """A key that is the same in every run."""
    return SigningKey(name, hashlib.sha256(what.encode()).digest(), kind)


def log_keys(what: str = "log") -> LogKeys:
    return LogKeys(seeded(ORIGIN, what), seeded(ORIGIN, what + "-lattice", KeyKind.COSIGN_MLDSA))


VENDOR = seeded("labs.example.test/terms", "vendor")
OPERATOR = seeded("ministry.example.test/terms", "operator")

FACTS = Facts(
    caller="clerk-7", operation="chat", model="small", caller_kind="human", clearance_rank=2, model_kind="weights",
    streaming=False, choices=1, chars_in=120, tokens_out_max=256, modalities=("text",), structured=False, fields=(),
    unknown_fields=0, unread_parts=0, purpose="drafting", output_use="internal", effect="informs-human",
    regulated_area="none", oversight="none", case_given=False, label_rank=1, label_source="floor", caveats=(),
    personal_data="none", secrets_in=False, hazards_in=(), voiced_in=(), hazard_permille=0, hidden_text=(),
    language_uncovered=False, detector="none", tools=(), unlisted_tools=0, side_effect="none", network="enclave",
    posture="normal", epoch=NOW_MS // 1000, pm={},
)  # fmt: skip


def with_facts(**changes: Any) -> Facts:
    """FACTS but for these; hazards come with the scores that make them."""
    if "hazards_in" in changes:
        scores = {"pm": dict.fromkeys(changes["hazards_in"], 900), "hazard_permille": 900}
        changes = {**scores, **changes}
    if "hazards_out" in changes:
        changes = {"pm_out": dict.fromkeys(changes["hazards_out"], 900), **changes}
    return msgspec.structs.replace(FACTS, **changes)


def terms_of(version: int = 1, effect: str = "forbid", *keys: SigningKey) -> bytes:
    """Signed terms; by both parties unless keys are given."""
    draft = parse_terms(TERMS.format(version=version, effect=effect).encode())
    return sign_terms(draft, *(keys or (VENDOR, OPERATOR))).raw


class Book:
    """A ledger: entries, documents, and what a gateway would do with them.  Checkpoints are signed on request."""

    def __init__(self, keys: LogKeys | None = None) -> None:
        self.keys = keys or log_keys()
        self.entries: list[Entry] = []
        self.documents: dict[str, bytes] = {}
        self.policies: dict[str, Policy] = {}
        self.now_ms = NOW_MS
        self.exports: dict[str, Export] = {}
        self._calls = 0
        self._files: dict[str, bytes] = {}
        self._edge = Edge()
        self._checkpoint = b""

    def found(self, signed: bytes | None = None) -> "Book":
        """The records that every log begins with: parties, a caller's key, terms."""
        self.control("log.opened", "log", b'{"gateway":"gw1"}')
        for role, key in (("vendor", VENDOR), ("operator", OPERATOR)):
            self.control("party.trusted", role, msgspec.json.encode(PartyKey(role, key.name, key.verify_key.text)))
        clerk = CallerKey("caller", digest(b"secret"), Caller("clerk-7"))
        self.control("key.new", "clerk-7", msgspec.json.encode(clerk))
        return self.adopt(signed or terms_of())

    def control(self, what: str, of: str, document: bytes = b"") -> int:
        doc = digest(document) if document else ""
        if document:
            self.documents[doc] = document
        return self.append(record.control(what=what, of=of, doc=doc, gateway=GATEWAY, at_ms=self.now_ms))

    def adopt(self, signed: bytes) -> "Book":
        trust = {"vendor": [VENDOR.verify_key], "operator": [OPERATOR.verify_key]}
        self.use(open_terms(SignedTerms(signed), trust))
        self.control("terms.adopted", "office", signed)
        return self

    def use(self, terms: Any) -> None:
        self.policy = Policy(terms)

    def append(self, *entries: Entry) -> int:
        self.entries.extend(entries)
        return len(self.entries) - len(entries)

    def head(self) -> record.Head:
        """For the next record: time goes on, keys differ from record to record."""
        self._calls += 1
        self.now_ms += 250
        seed = hashlib.sha256(f"record {self._calls}".encode()).digest()
        return record.Head(f"{self._calls // 2:032x}", GATEWAY, self.now_ms, seed)

    def open(self, facts: Facts = FACTS, decision: Any = None) -> tuple[int, record.Head, Any, Facts]:
        """A call's first record."""
        self._calls += self._calls % 2
        head = self.head()
        facts = msgspec.structs.replace(facts, epoch=head.at_ms // 1000)
        decision = decision or able(decide(self.policy, facts), {"label.output"})
        request = {"dialect": "openai_chat", "model": "any", **record.body_digest(b"draft a letter", head.key)}
        return self.append(record.opened(head, facts, decision, request)), head, decision, facts

    def settle(self, opening: tuple[int, record.Head, Any, Facts], ending: str = "", **reply: Any) -> int:
        """Its outcome, as a gateway would write it; `reply` are facts that the reply set."""
        index, head, decision, facts = opening
        second = msgspec.structs.replace(self.head(), call=head.call)
        if decision.verdict != "allow":
            ending = ending or {"deny": "denied", "hold": "held"}[decision.verdict]
            return self.append(record.settled(second, record.Opening(-1, decision.terms), ending, None, {}))
        scores = {"pm_out": dict.fromkeys(reply["hazards_out"], 900)} if "hazards_out" in reply else {}
        after = msgspec.structs.replace(facts, stage="reply", **{**scores, **reply})
        last = decide(self.policy, after)
        hidden = {"answer": {"chars_left": 80}, "reply": record.reply_facts(after), "decision": last}
        ending = ending or ("completed" if last.verdict == "allow" else "stopped")
        opening_ = record.Opening(index, decision.terms)
        return self.append(record.settled(second, opening_, ending, Usage(30, 20), hidden))

    def call(self, facts: Facts = FACTS, ending: str = "", **reply: Any) -> int:
        """A whole call; the index of its first record."""
        opening = self.open(facts)
        self.settle(opening, ending, **reply)
        return opening[0]

    def day(self, calls: int = 12) -> "Book":
        """Calls of every kind."""
        kinds: list[Callable[[], object]] = [
            self.call,
            lambda: self.call(with_facts(hazards_in=("x_cyb",))),
            lambda: self.call(with_facts(purpose="targeting")),
            lambda: self.call(with_facts(output_use="public")),
            lambda: self.call(hazards_out=("x_cyb",)),
            lambda: self.append(record.refused(self.head(), "clerk-7", {"len": 3})),
        ]
        for number in range(calls):
            kinds[number % len(kinds)]()
        return self

    # --- as a log ---

    def checkpoint(self) -> bytes:
        """Bring everything so far under a signed checkpoint; the same one while nothing is new."""
        if self._checkpoint and self._edge.size == len(self.entries):
            return self._checkpoint
        new = [entry.leaf for entry in self.entries[self._edge.size :]]
        self._files.update(self._edge.grow(new))
        head = TreeHead(ORIGIN, len(self.entries), TreeReader(self._files.get, len(self.entries)).root())
        self._checkpoint = sign_checkpoint(head, self.keys, NOW_MS // 1000)
        return self._checkpoint

    def source(self, controls: tuple[int, ...] | None = None) -> Source:
        asides = [entry.aside for entry in self.entries]
        return Source(self.checkpoint(), self._files.get, in_tiles(asides), self.documents.__getitem__, controls)

    def bundle(self, start: int = 0, to: int | None = None, profile: str = "full", **order: Any) -> bytes:
        """An exported bundle's bytes."""
        return self.exported(self.source(), start, len(self.entries) if to is None else to, profile, **order)

    def exported(self, source: Source, start: int, to: int, profile: str = "full", **order: Any) -> bytes:
        out = io.BytesIO()
        export(source, Order(start, to, profile, ENGINE, **order), self.keys.plain, out)
        return out.getvalue()

    def sent(self, receiver: str = "vendor", profile: str = "audit", **order: Any) -> bytes:
        """The receiver's next bundle, put on record as it leaves."""
        last = self.exports.get(receiver)
        whole: dict[str, Any] = {
            "number": last.number + 1 if last else 1,
            "previous": last.checkpoint.encode() if last else b"",
            "before": last.manifest if last else "",
            **order,
        }
        data = self.bundle(last.to if last else 0, None, profile, receiver=receiver, **whole)
        manifest = read_manifest(members(data)["manifest.json"])
        self.exports[receiver] = on_record(manifest, self.checkpoint())
        self.control("evidence.exported", receiver, write_export(receiver, self.exports[receiver]))
        return data

    def with_odd_leaf(self, leaf: bytes) -> bytes:
        """A bundle whose last record is one that no export would touch: one that stops before it, its range then set
        to go on."""
        controls = control_indices(self.source(), len(self.entries))
        last = self.append(Entry(leaf))
        return repacked(self.exported(self.source(controls), 0, last), self.keys, {}, to=last + 1)


def in_tiles(asides: list[bytes]) -> Callable[[int], list[bytes]]:
    """What opens the records from 256 n on."""
    return lambda n: asides[256 * n : 256 * (n + 1)]


def trust_text(keys: LogKeys, *lines: str) -> str:
    logs = [f"log {key.text}" for key in keys.verify_keys]
    parties = [f"party vendor {VENDOR.verify_key.text}", f"party operator {OPERATOR.verify_key.text}"]
    return "\n".join([*logs, *parties, *(lines or ("quorum none",)), ""])


TRUST: Trust = read_trust(trust_text(log_keys()).encode())


def check(
    bundle: bytes, trust: Trust = TRUST, last: bytes = b"", after: bytes = b"", tickets: tuple[bytes, ...] = ()
) -> Report:
    """What the verifier says, once the second one, which shares no code with it, was found to agree."""
    report = verify(io.BytesIO(bundle), trust, last, io.BytesIO(after) if after else None, tickets)
    agreed(report, bundle, trust, last, after, tickets)
    return report


def outcomes(report: Report) -> dict[int, str]:
    return {step.number: step.outcome for step in report.steps}


def failures(report: Report) -> dict[int, str]:
    """What failed and how, by step."""
    return {step.number: step.says for step in report.failed}


@pytest.fixture
def book() -> Book:
    """A founded log with a day of calls."""
    return Book().found().day()


def members(bundle: bytes) -> dict[str, bytes]:
    """The files in a bundle, as Python's own zip reader sees them."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    """A bundle of these files, whatever they hold."""
    out = io.BytesIO()
    writer = Writer(out)
    for name in sorted(files):
        writer.add(name, (files[name],))
    writer.close()
    return out.getvalue()


def repacked(bundle: bytes, keys: LogKeys, changes: dict[str, bytes | None], **manifest: Any) -> bytes:
    """The bundle with other files, its manifest made to fit and signed anew: what whoever holds the log's key can do.

    `changes` gives new content, None to leave a file out; `manifest` gives other fields.
    """
    files = {**members(bundle), **{k: v for k, v in changes.items() if v is not None}}
    files = {name: data for name, data in files.items() if changes.get(name, data) is not None}
    for name, of in (("disclosures.jsonl", "disclosures"), ("policy", "policy"), ("checkpoint", "checkpoint")):
        if name in changes and name in files:
            manifest.setdefault(of, digest(files[name]))
    claims = msgspec.structs.replace(read_manifest(files["manifest.json"]), **manifest)
    files["manifest.json"] = write_manifest(claims)
    files["manifest.note"] = sign_manifest(claims, files["manifest.json"], keys.plain)
    return packed(files)
