"""`caveat explain CALL`: why a call was decided as it was, in sentences."""

import os
from typing import Annotated

import typer

from caveat.cli.ledger import reader_of
from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where
from caveat.errors import BadInput, NotVerified, Refused
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.index.follow import Index
from caveat.gateway.proof.explaining import ENDED, Explained
from caveat.gateway.proof.explaining import explained as explained_call


def explain(
    call: Annotated[str, typer.Argument(help="The call's id, from the header x-caveat-call.")],
    home: Where = None,
    *,
    language: Annotated[str, typer.Option("--language", "-l", help="en or fr.")] = "en",
    as_json: Json = False,
) -> None:
    """Say why a call was allowed, denied or held: clauses, facts, duties, and how it ended."""
    made = open_home(home or home_path(os.environ))
    try:
        found = explained_call(Index(made.index, reader_of(made)), Documents(made.control), call, language)
    except Refused as error:
        raise BadInput(error.message, hint=error.hint) from None
    if found.first.closed:
        raise NotVerified(f"what opens record {found.first.index} was destroyed, so it can no longer be explained")
    if found.decision is None:
        say_refused(found, as_json=as_json)
        return
    if as_json:
        told = {"decision": found.decision, "facts": found.facts, "ending": found.ending, "sentences": found.sentences}
        emit({"call": call, **told})
        return
    for sentence in found.sentences:
        say(sentence)
    say(f"It ended: {ENDED[found.ending]}." if found.ending else "It has not ended.")


def say_refused(found: Explained, *, as_json: bool) -> None:
    """A call that never came to a decision."""
    if as_json:
        emit({"call": found.call, "decision": None, "request": found.first.values.get("request")})
    else:
        say("The call was refused before a decision" + (f": `{found.refused}`." if found.refused else "."))
