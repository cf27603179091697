"""`caveat console`: a link that lets a person into the web console once."""

import os
from typing import Annotated

import msgspec
import typer

from caveat.cli.output import Json, emit, say
from caveat.cli.remote import Where, at_home
from caveat.cli.sections import Sections
from caveat.gateway.home.directory import home_path, open_home

app = typer.Typer(cls=Sections, help="The web console: a link to log in with.", no_args_is_help=True)


@app.command("link")
def link(
    home: Where = None,
    *,
    role: Annotated[str, typer.Option(help="viewer, approver, operator or auditor.")] = "operator",
    person: Annotated[str, typer.Option(help="The word by which records name who logs in.")] = "operator",
    as_json: Json = False,
) -> None:
    """Make a link that lets a person into the console, once, within an hour."""
    done = at_home(home).ask("POST", "/console/links", msgspec.json.encode({"person": person, "role": role}))
    made = open_home(home or home_path(os.environ))
    settings = made.settings()
    base = settings.console.url or made.announced() or f"http://{settings.gateway.address}"
    url = base.rstrip("/") + str(done["path"])
    if as_json:
        emit({"url": url, "person": person, "role": role})
    else:
        say(url)
