"""How fast a bundle is written and verified, by redaction profile.

    python bench/verify.py [--records 100000] [--profiles none,counts,audit,full] [--json]

The log is made first, in memory: calls of all outcomes under the sample terms, two records each, decided by the real
decision point, with real salted commitments (about 1 kB a record).  Then each profile is exported and verified once, in
one process on one core; the verifier reads the file from memory.  Seconds are of the processor, so that a busy machine
does not matter.  `decisions` says how many were made again by replay: equal facts, as far as the clauses look at them, are
evaluated once (decide/policy.py), so the cost of `audit` depends on how many different ones there are.
"""

import argparse
import hashlib
import io
import json
import os
import platform
import random
import resource
import sys
import time

import msgspec

from caveat import record
from caveat.canon import digest
from caveat.decide.decide import decide
from caveat.decide.policy import ENGINE, Policy
from caveat.evidence.export import Order, Source, export
from caveat.evidence.trust import read_trust
from caveat.evidence.verify import verify
from caveat.facts import Facts
from caveat.facts.seen import over
from caveat.keys import new_signing_key
from caveat.ledger.checkpoint import new_log_keys, sign_checkpoint
from caveat.ledger.tiles import Edge, TreeReader
from caveat.note import TreeHead
from caveat.register import PartyKey
from caveat.talks.draft import read_draft
from caveat.terms.document import SignedTerms
from caveat.terms.samples import sample_terms
from caveat.terms.sign import open_terms, sign_terms
from caveat.wire.reply import Usage

ORIGIN = "bench.example.test/log"
HAZARDS = ("x_inj", "x_cyb", "x_sur", "prv")


class Log:
    """A log of made-up calls: leaves and asides, documents, tiles."""

    def __init__(self, seed: int) -> None:
        self.asides: list[bytes] = []
        self.files: dict[str, bytes] = {}
        self.begin(seed)

    def begin(self, seed: int) -> None:
        """The first records; whoever keeps `asides` and `files` elsewhere has set them before."""
        self.rng = random.Random(seed)
        self.keys = new_log_keys(ORIGIN)
        self.parties = {
            "vendor": new_signing_key("labs.example.test"),
            "operator": new_signing_key("ministry.example.test"),
        }
        self.documents: dict[str, bytes] = {}
        self._edge = Edge()
        self._waiting: list[bytes] = []
        signed = self._found()
        trust = {role: [key.verify_key] for role, key in self.parties.items()}
        terms = open_terms(SignedTerms(signed), trust)
        self.policy, self.draft = Policy(terms), terms.draft
        self.at_ms = max(1_790_000_000_000, terms.draft.valid_from_ms)

    def _found(self) -> bytes:
        signed = sign_terms(read_draft(sample_terms()), *self.parties.values()).raw
        acts = [("party.trusted", role, msgspec.json.encode(PartyKey(role, key.name, key.verify_key.text)))
                for role, key in self.parties.items()]  # fmt: skip
        for what, of, document in (*acts, ("terms.adopted", "sample", signed)):
            self.documents[digest(document)] = document
            self.add(record.control(what=what, of=of, doc=digest(document), gateway="gw1", at_ms=1))
        return signed

    def add(self, *entries) -> int:
        self._waiting += [entry.leaf for entry in entries]
        self.asides += [entry.aside for entry in entries]
        if len(self._waiting) >= 256:
            self.settle()
        return len(self.asides) - len(entries)

    def settle(self) -> None:
        self.files.update(self._edge.grow(self._waiting))
        self._waiting = []

    def facts(self) -> Facts:
        """One call's: a hundred callers, lengths and times that hardly repeat, a hazard in one of ten."""
        rng = self.rng
        pm = {rng.choice(HAZARDS): rng.randrange(1, 1001)} if rng.random() < 0.1 else {}
        self.at_ms += rng.randrange(1, 200)
        return Facts(
            caller=f"clerk-{rng.randrange(100)}", operation="chat", model=self.draft.models[0].alias, caller_kind="human",
            clearance_rank=2, model_kind="weights", streaming=rng.random() < 0.5, choices=1,
            chars_in=rng.randrange(1, 20_000), tokens_out_max=rng.choice((0, 256, 1024)), modalities=("text",),
            structured=False, fields=(), unknown_fields=0, unread_parts=0, purpose=rng.choice(self.draft.purposes),
            output_use="internal", effect="informs-human", regulated_area="none", oversight="none", case_given=False,
            label_rank=rng.randrange(2), label_source="floor", caveats=(), personal_data="none", secrets_in=False,
            hazards_in=over(pm, self.draft), voiced_in=(), hazard_permille=max(pm.values(), default=0), hidden_text=(),
            language_uncovered=False, detector="none", tools=(), unlisted_tools=0, side_effect="none", network="enclave",
            posture="normal", epoch=self.at_ms // 1000, pm=pm,
        )  # fmt: skip

    def call(self, number: int) -> None:
        facts = self.facts()
        decision = decide(self.policy, facts)
        first = record.Head(f"{number:032x}", "gw1", self.at_ms, hashlib.sha256(b"a%d" % number).digest())
        second = msgspec.structs.replace(first, key=hashlib.sha256(b"b%d" % number).digest())
        body = b"x" * self.rng.randrange(100, 5000)
        request = {
            "dialect": "openai_chat",
            "model": self.draft.models[0].identity,
            **record.body_digest(body, first.key),
        }
        opened = record.opened(first, facts, decision, request)
        if decision.verdict != "allow":
            ending = "held" if decision.verdict == "hold" else "denied"
            self.add(opened, record.settled(second, record.Opening(-1, decision.terms), ending, None, {}))
            return
        index = self.add(opened)
        after = msgspec.structs.replace(facts, stage="reply")
        hidden = {
            "answer": {"chars_left": 400, **record.body_digest(body, second.key)},
            "duties": [],
            "upstream": {"name": "embedded", "status": 200},
            "reply": record.reply_facts(after),
            "decision": decide(self.policy, after),
        }
        usage = Usage(len(body) // 4, 100)
        self.add(record.settled(second, record.Opening(index, decision.terms), "completed", usage, hidden))

    def source(self) -> Source:
        self.settle()
        size = len(self.asides)
        head = TreeHead(ORIGIN, size, TreeReader(self.files.get, size).root())
        checkpoint = sign_checkpoint(head, self.keys, self.at_ms // 1000)
        asides = self.asides
        return Source(
            checkpoint, self.files.get, lambda n: asides[256 * n : 256 * n + 256], self.documents.__getitem__, (0, 1, 2)
        )

    def trust(self):
        logs = [f"log {key.text}" for key in self.keys.verify_keys]
        parties = [f"party {role} {key.verify_key.text}" for role, key in self.parties.items()]
        return read_trust("\n".join([*logs, *parties, "quorum none", ""]).encode())


def measure(log: Log, profile: str) -> dict:
    out = io.BytesIO()
    started = time.process_time()
    export(log.source(), Order(0, None, profile, ENGINE), log.keys.plain, out)
    exported = time.process_time() - started
    size = out.tell()
    started = time.process_time()
    report = verify(out, log.trust())
    verified = time.process_time() - started
    if not report.verified:
        sys.exit("\n".join(report.sentences()))
    return {
        "profile": profile,
        "bundle_mb": round(size / 1e6, 1),
        "export_s": round(exported, 2),
        "verify_s": round(verified, 2),
        "records_per_s": round(len(log.asides) / verified),
        "decisions": report.steps[9].says or "none",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--profiles", default="none,counts,audit,full")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    log = Log(options.seed)
    number = 0
    while len(log.asides) < options.records:
        log.call(number)
        number += 1
    rows = [measure(log, profile) for profile in options.profiles.split(",")]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    machine = {"python": platform.python_version(), "cpu": platform.machine(), "cores": os.cpu_count()}
    result = {
        "records": len(log.asides),
        "calls": number,
        "peak_mb_with_the_log": peak_mb,
        "machine": machine,
        "rows": rows,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{result['records']} records, {number} calls; {machine}")
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
