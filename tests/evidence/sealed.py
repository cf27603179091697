"""A ledger of real records whose calls a seal has counted: the seal's own words, by its own key, without its process."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from tests.evidence.conftest import OPERATOR, TERMS, VENDOR, Book, check, with_facts

from caveat import record
from caveat.decide.decide import decide
from caveat.evidence.report import Report, Step
from caveat.keys import SigningKey
from caveat.meter.beat import Beat, Tickets, sign_beat
from caveat.meter.ticket import START, Counted, Ending, make_ticket, read_ticket
from caveat.terms.parse import parse_terms
from caveat.terms.sign import sign_terms
from caveat.wire.reply import Usage

NAME = "labs.example.test/seal-1"
SEED = hashlib.sha256(b"seal").digest()
USED = (30, 20)
"""Tokens of every call."""


class Meter:
    """A seal's count, told as a seal tells it."""

    def __init__(self, seed: bytes = SEED, name: str = NAME) -> None:
        self.key = SigningKey(name, seed)
        self.now = Beat(name, 0, 0, "close", 0, 0, (), START, (0, 0), 0, 0, None, 0, (0, START), "weights:x", 0)
        self._running: list[int] = []

    def take_over(self, other: "Meter") -> None:
        """Go on where another is, under this one's key."""
        self.now, self._running = other.now, list(other._running)

    def open(self, at_ms: int) -> bytes:
        """The next boot."""
        before = self.now
        self.now = replace(
            before, boot=before.boot + 1, beat=0, last=0, tokens=(0, 0), unmeasured=0, refused=0, engine=None,
            previous=(before.last, before.head),
        )  # fmt: skip
        return self.beat("open", at_ms)

    def begin(self) -> int:
        """Give the next number."""
        self.now = replace(self.now, last=self.now.last + 1, total=self.now.total + 1)
        self._running.append(self.now.last)
        return self.now.last

    def end(self, number: int, call: str, at_ms: int, tokens: tuple[int, int] | None = USED) -> str:
        """The ticket of a number."""
        self._running.remove(number)
        used_in, used_out = tokens or (None, None)
        ending = Ending(START, used_in, used_out, "done", 200, at_ms)
        line = make_ticket(self.key, Counted(self.now.boot, number, call, START), ending, self.now.head)
        add = tokens or (0, 0)
        self.now = replace(
            self.now,
            head=read_ticket(line).head,
            tokens=(self.now.tokens[0] + add[0], self.now.tokens[1] + add[1]),
            unmeasured=self.now.unmeasured + (tokens is None),
        )
        return line

    def beat(self, kind: str, at_ms: int, **changes: Any) -> bytes:
        """The next beat."""
        self.now = replace(self.now, beat=self.now.beat + 1, kind=kind, at_ms=at_ms, open=tuple(self._running))
        return sign_beat(replace(self.now, **changes), self.key)


def sealed_terms(version: int = 1, *, models: str = "[small]") -> bytes:
    """The terms of the ledger, with the seal enrolled before its model."""
    row = {"vkey": Meter().key.verify_key.text, "models": ["small"], "permits": [VENDOR.verify_key.text]}
    yaml = TERMS.format(version=version, effect="forbid") + f"seals:\n  - {json.dumps(row)}\n"
    return sign_terms(parse_terms(yaml.encode()), VENDOR, OPERATOR).raw


class SealedBook(Book):
    """The ledger; the seal's first boot is open."""

    def __init__(self, meter: Meter | None = None, *, enrolled: bool = True) -> None:
        super().__init__()
        self.meter = meter or Meter()
        self.found(sealed_terms() if enrolled else None)
        if enrolled:
            self.boot()

    def note(self, beat: bytes) -> int:
        """A beat, on record."""
        return self.control("meter.beat", self.meter.key.name, beat)

    def boot(self) -> int:
        """The seal's next boot."""
        return self.note(self.meter.open(self.now_ms))

    def beat(self, kind: str = "tick", **changes: Any) -> int:
        return self.note(self.meter.beat(kind, self.now_ms, **changes))

    def late(self, *lines: str) -> int:
        """Tickets that came by no reply."""
        return self.control("meter.tickets", self.meter.key.name, msgspec.json.encode(Tickets(lines)))

    def begin(self, **facts: Any) -> Any:
        """A call's first record."""
        return self.open(with_facts(**facts))

    def end(self, opening: Any, ticket: str, ending: str = "completed", tokens: Sequence[int] | None = USED) -> int:
        """Its outcome, with that ticket."""
        index, head, decision, facts = opening
        second = msgspec.structs.replace(self.head(), call=head.call)
        if decision.verdict != "allow":
            place = record.Opening(index, decision.terms)
            return self.append(record.settled(second, place, "denied", None, {}, ticket=ticket))
        after = msgspec.structs.replace(facts, stage="reply")
        hidden = {
            "answer": {"chars_left": 80},
            "reply": record.reply_facts(after),
            "decision": decide(self.policy, after),
        }
        usage = Usage(*tokens) if tokens else None
        place = record.Opening(index, decision.terms)
        return self.append(record.settled(second, place, ending, usage, hidden, ticket=ticket))

    def calls(self, count: int) -> "SealedBook":
        """Calls through the seal, one after the other."""
        for _ in range(count):
            self.through()
        return self

    def through(self, *, tokens: tuple[int, int] | None = USED) -> tuple[int, str]:
        """One call through the seal: the index of its outcome, and the ticket."""
        opening, number = self.begin(), self.meter.begin()
        line = self.meter.end(number, opening[1].call, self.now_ms, tokens)
        return self.end(opening, line, tokens=tokens), line

    def report(self, start: int = 0, to: int | None = None, profile: str = "none") -> Report:
        """What an outsider finds."""
        return check(self.bundle(start, to, profile))


def step_of(book: SealedBook, start: int = 0, to: int | None = None) -> Step:
    """Step 13."""
    return next(step for step in book.report(start, to).steps if step.number == 13)
