"""Why a call was decided as it was: from its records, opened and checked, to sentences, for the command line, the control
API and the console alike."""

from typing import Any

import msgspec
from msgspec import Struct

from caveat import record
from caveat.decide.decision import Decision
from caveat.decide.explain import explain
from caveat.errors import NotVerified, Refused
from caveat.facts import Facts, ungrouped
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.past import all_terms
from caveat.gateway.index.follow import Index
from caveat.ledger.log import Entry
from caveat.record import Leaf
from caveat.terms.document import Terms

ENDED = {
    "completed": "the reply left whole",
    "denied": "nothing was sent to the model",
    "held": "nothing was sent to the model; it waits for an approval",
    "stopped": "a clause ended the reply midway",
    "withheld": "the reply waits in the vault until persons release it",
    "broken": "the model's server failed, or its reply could not be read",
    "aborted": "the client went away",
    "unknown": "the gateway stopped while it ran, so nobody can say",
}


class Opened(Struct, frozen=True):
    """A record of the ledger with what opens it; `closed` where that was destroyed."""

    index: int
    leaf: Leaf
    entry: Entry
    values: dict[str, Any]
    closed: bool = False


class Explained(Struct, frozen=True):
    """A call, explained.  `decision` is None for one that never came to a decision, or whose record is closed."""

    call: str
    first: Opened
    last: Opened | None
    decision: Decision | None = None
    reply: Decision | None = None
    facts: Facts | None = None
    terms: Terms | None = None
    sentences: tuple[str, ...] = ()

    @property
    def refused(self) -> str:
        """By which code it was refused before a decision, "" where it was decided, or no record says."""
        request = self.first.values.get("request", {})
        return str(request.get("refused", "")) if self.decision is None and isinstance(request, dict) else ""

    @property
    def ending(self) -> str:
        """How it ended, "" while it runs."""
        return self.last.leaf.o if self.last else self.first.leaf.o


def explained(index: Index, documents: Documents, call: str, language: str) -> Explained:
    """Raises Refused `not_found` where the ledger has no such call, NotVerified where its records do not hold."""
    at = index.find(call).at
    if not at:
        raise Refused(
            f"the ledger has no call `{call[:80]}`",
            code="not_found",
            status=404,
            hint="its id stands in the answer's header x-caveat-call",
        )
    first = opened_record(index, at.get("opened", at.get("refused", -1)))
    last = opened_record(index, at["settled"]) if "settled" in at else None
    if "decision" not in first.values:
        return Explained(call, first, last)
    decision = msgspec.convert(first.values["decision"], Decision)
    facts = ungrouped({k: v for k, v in first.values.items() if k not in ("decision", "request")})
    terms = _terms(index, documents, decision.terms)
    sentences = explain(decision, terms, language, facts)
    reply = last.values.get("decision") if last else None
    told = msgspec.convert(reply, Decision) if reply and reply != first.values["decision"] else None
    if told is not None:
        sentences += explain(told, terms, language)
    return Explained(call, first, last, decision, told, facts, terms, tuple(sentences))


def opened_record(index: Index, at: int) -> Opened:
    """The record at an index, with what opens it.  Raises NotVerified."""
    entry = index.reader.entry(at)
    leaf = record.read_leaf(entry.leaf)
    if not entry.aside:
        return Opened(at, leaf, entry, {}, closed=bool(leaf.c))
    return Opened(at, leaf, entry, record.disclosed(leaf, record.read_aside(entry.aside).d))


def _terms(index: Index, documents: Documents, digest: str) -> Terms:
    """The terms that the decision names, from the ledger's own control records."""
    for controls in (index.controls(), None):  # the index may lag behind by a moment
        for terms in all_terms(index.reader, documents, controls):
            if terms.digest == digest:
                return terms
    raise NotVerified(f"no terms with the digest `{digest}` were ever adopted here")
