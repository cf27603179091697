"""`caveat explain CALL`: why a call was decided as it was, in sentences."""

import os
from typing import Annotated, Any

import msgspec
import typer

from caveat import record
from caveat.cli.ledger import reader_of
from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where
from caveat.decide.decision import Decision
from caveat.decide.explain import explain as explain_decision
from caveat.errors import BadInput, NotVerified
from caveat.facts import ungrouped
from caveat.gateway.documents import Documents
from caveat.gateway.home import Home, home_path, open_home
from caveat.gateway.index import Index
from caveat.gateway.past import all_terms
from caveat.ledger.reader import LedgerReader
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


def explain(
    call: Annotated[str, typer.Argument(help="The call's id, from the header x-caveat-call.")],
    home: Where = None,
    *,
    language: Annotated[str, typer.Option("--language", "-l", help="en or fr.")] = "en",
    as_json: Json = False,
) -> None:
    """Say why a call was allowed, denied or held: clauses, facts, duties, and how it ended."""
    made = open_home(home or home_path(os.environ))
    reader = reader_of(made)
    opened, settled = _records(made, reader, call)
    if "decision" not in opened:
        say_refused(call, opened, as_json=as_json)
        return
    decision = msgspec.convert(opened["decision"], Decision)
    facts = ungrouped({k: v for k, v in opened.items() if k not in ("decision", "request", "leaf")})
    terms = _terms(made, reader, decision.terms)
    sentences = explain_decision(decision, terms, language, facts)
    ending = settled["leaf"].o if settled else ""
    if settled.get("decision") and settled["decision"] != opened["decision"]:
        sentences += explain_decision(msgspec.convert(settled["decision"], Decision), terms, language)
    if as_json:
        emit({"call": call, "decision": decision, "facts": facts, "ending": ending, "sentences": sentences})
        return
    for sentence in sentences:
        say(sentence)
    say(f"It ended: {ENDED[ending]}." if ending else "It has not ended.")


def say_refused(call: str, opened: dict[str, Any], *, as_json: bool) -> None:
    """A call that never came to a decision."""
    if as_json:
        emit({"call": call, "decision": None, "request": opened.get("request")})
    else:
        say("The call was refused before a decision: it could not be read, or no terms cover what it asked for.")


def _records(home: Home, reader: LedgerReader, call: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the call's first and second record hold, opened; `leaf` is the record itself."""
    at = Index(home.index, reader).find(call).at
    if not at:
        raise BadInput(f"the ledger has no call `{call}`", hint="its id stands in the answer's header x-caveat-call")
    first = _opened(reader, at.get("opened", at.get("refused", -1)))
    return first, _opened(reader, at["settled"]) if "settled" in at else {}


def _opened(reader: LedgerReader, index: int) -> dict[str, Any]:
    entry = reader.entry(index)
    leaf = record.read_leaf(entry.leaf)
    if leaf.c and not entry.aside:
        raise NotVerified(f"what opens record {index} was destroyed, so it can no longer be explained")
    values = record.disclosed(leaf, record.read_aside(entry.aside).d) if entry.aside else {}
    return {**values, "leaf": leaf}


def _terms(home: Home, reader: LedgerReader, digest: str) -> Terms:
    """The terms that the decision names, from the ledger's own control records."""
    for terms in all_terms(reader, Documents(home.control)):
        if terms.digest == digest:
            return terms
    raise NotVerified(f"no terms with the digest `{digest}` were ever adopted here")
