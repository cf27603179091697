"""`caveat doctor`: what is well with this home, what is doubtful, what is wrong, and what to do about it."""

import os

import httpx
import typer
from rich.markup import escape

from caveat.cli.output import Json, emit, out
from caveat.cli.remote import NO_TLS, Where
from caveat.errors import CaveatError, Unavailable
from caveat.gateway.checkup.looks import Noted, at_rest, measured, read_counters, unevaluated
from caveat.gateway.home.directory import Home, home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import OPERATOR_KEY
from caveat.gateway.house.past import read_past
from caveat.ledger.reader import LedgerReader

STYLES = {"good": "green", "doubt": "yellow", "bad": "red"}
SECONDS = 10.0


def doctor(home: Where = None, *, as_json: Json = False) -> None:
    """Look at everything that a gateway needs; exit code 1 if something is wrong (doubts alone do not count)."""
    made = open_home(home or home_path(os.environ))
    noted = [*at_rest(made), *measured(made), *_running(made)]
    bad = sum(1 for one in noted if one.level == "bad")
    if as_json:
        emit({"bad": bad, "doubts": sum(1 for one in noted if one.level == "doubt"), "noted": noted})
    else:
        _print(noted)
    if bad:
        raise typer.Exit(1)


def _running(home: Home) -> list[Noted]:
    """What the gateway that uses the home says of itself, if one runs."""
    try:
        with home.locked():
            return [Noted("gateway", "doubt", "no gateway runs on this home", "`caveat serve`")]
    except Unavailable as error:
        if error.code != "home_in_use":
            return [Noted("gateway", "bad", error.message, error.hint)]
    try:
        return _asked(home)
    except (httpx.HTTPError, CaveatError) as error:
        said = error.message if isinstance(error, CaveatError) else "a process uses this home, and no gateway answers"
        return [Noted("gateway", "bad", said, "it may be starting or stopping: wait a moment and try again")]


def _asked(home: Home) -> list[Noted]:
    url = home.announced() or f"http://{home.settings().gateway.address}"
    headers = {"authorization": f"Bearer {home.read_key(OPERATOR_KEY).decode().strip()}"}
    with httpx.Client(headers=headers, timeout=SECONDS, trust_env=False, verify=NO_TLS) as client:
        ready = client.get(f"{url}/readyz").json()
        counted = read_counters(client.get(f"{url}/metrics").text)
    register = read_past(LedgerReader(home.ledger, home.vault), Documents(home.control)).register
    return [*_readiness(url, ready), *unevaluated(register, counted)]


def _readiness(url: str, ready: dict[str, object]) -> list[Noted]:
    problems = ready.get("problems")
    if ready.get("ready"):
        return [Noted("gateway", "good", f"the gateway at {url} is ready")]
    listed = problems if isinstance(problems, list) and problems else ["it does not say why"]
    return [Noted("gateway", "bad", f"the gateway at {url} is not ready: {problem}") for problem in listed]


def _print(noted: list[Noted]) -> None:
    for one in noted:
        style = STYLES[one.level]
        out.print(f"[{style}]{one.level:<6}[/{style}]{one.check:<11}{escape(one.says)}")
        if one.hint and one.level != "good":
            out.print(f"      [dim]→ {escape(one.hint)}[/dim]")
