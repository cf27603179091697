"""`caveat calls`: found by what is on record of them; what was said in one, where the vault keeps it."""

import os
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from caveat.canon import unb64
from caveat.cli.ledger import reader_of
from caveat.cli.output import Json, emit, say, table
from caveat.cli.remote import Where, at_home
from caveat.cli.sections import Sections
from caveat.console.values import Wanted
from caveat.errors import BadInput
from caveat.gateway.home.directory import home_path, open_home
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.follow import Index
from caveat.terms.moment import moment_text

app = typer.Typer(cls=Sections, help="Calls on record: list, content.", no_args_is_help=True)


@app.command("list")
def list_calls(
    home: Where = None,
    *,
    caller: Annotated[str, typer.Option(help="The key's name.")] = "",
    purpose: Annotated[str, typer.Option(help="The purpose.")] = "",
    clause: Annotated[str, typer.Option(help="A clause that held.")] = "",
    outcome: Annotated[
        str, typer.Option(help="How it ended: completed, denied, held, withheld, stopped, broken, aborted, unknown")
    ] = "",
    model: Annotated[str, typer.Option(help="The model's alias.")] = "",
    why: Annotated[str, typer.Option(help="Why it was decided so: permit, forbid, hold, error, unreadable, ...")] = "",
    case: Annotated[str, typer.Option(help="The case that the caller named, in its own words.")] = "",
    since: Annotated[str, typer.Option(help="From this day or time on (UTC).")] = "",
    until: Annotated[str, typer.Option(help="Before this day or time (UTC).")] = "",
    before: Annotated[int, typer.Option(help="Only calls before this record: the next page.", min=0)] = 0,
    most: Annotated[int, typer.Option(help="How many at most.", min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """Calls that fit, newest first, from the derived index."""
    made = open_home(home or home_path(os.environ))
    wanted = Wanted(caller, purpose, clause, outcome, model, case, _moment(since), _moment(until), before, most, why)
    page = Lists(Index(made.index, reader_of(made))).calls(wanted)
    if as_json:
        emit({"calls": page.lines, "more": page.more})
        return
    rows = [
        (one.call, moment_text(one.at_ms), one.outcome, one.rule, one.caller, one.purpose, one.model)
        for one in page.lines
    ]
    table(("call", "when", "outcome", "why", "caller", "purpose", "model"), rows, whole="call")
    if page.more:
        say(f"older ones: `--before {page.lines[-1].at}`")


@app.command("content")
def content(
    call: Annotated[str, typer.Argument(help="The call's id.")],
    which: Annotated[str, typer.Argument(help="request or reply.")] = "request",
    home: Where = None,
    *,
    as_json: Json = False,
) -> None:
    """What was said in a call, where the vault keeps it.  The look is put on record first (`content.viewed`)."""
    told = at_home(home).ask("POST", f"/calls/{call}/content/{which}")
    if as_json:
        emit(told)
    else:
        sys.stdout.buffer.write(unb64(told["body"]))


def _moment(text: str) -> int:
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"`{text}` is no day and no time", hint="write 2026-11-26 or 2026-11-26T12:00") from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
