"""The command line, composed: one file a noun, registered here.

The outermost edge: the one place where an error that nobody foresaw is caught, said without a traceback (set
CAVEAT_DEBUG=1 to see it) and turned into exit code 3.
"""

import os
import sys
from collections.abc import Callable

import typer

from caveat import __version__
from caveat.cli import (
    calls,
    console,
    coverage,
    evidence,
    hold,
    keys,
    ledger,
    models,
    party,
    seal,
    serving,
    terms,
    waiver,
    witness,
)
from caveat.cli.doctor import doctor
from caveat.cli.explain import explain
from caveat.cli.output import err, fail
from caveat.cli.recognize import recognize
from caveat.cli.sections import Sections, examples
from caveat.cli.tour import tour
from caveat.errors import CaveatError

VERBS: dict[str, dict[str, typer.Typer | Callable[..., None]]] = {
    "Start": {
        "up": serving.up,
        "tour": tour,
        "init": serving.init,
        "serve": serving.serve_home,
        "doctor": doctor,
    },
    "Agree": {"party": party.app, "terms": terms.app, "waiver": waiver.app, "hold": hold.app},
    "Use": {
        "keys": keys.app,
        "models": models.app,
        "calls": calls.app,
        "explain": explain,
        "recognize": recognize,
        "coverage": coverage.coverage,
        "console": console.app,
    },
    "Prove": {
        "ledger": ledger.app,
        "evidence": evidence.app,
        "verify": evidence.verify,
        "witness": witness.app,
        "seal": seal.app,
    },
}


class Verbs(Sections):
    """All of them, in this order: typer by itself lists groups after verbs."""

    order = tuple(name for verbs in VERBS.values() for name in verbs)


app = typer.Typer(
    name="caveat",
    cls=Verbs,
    help="An AI gateway whose usage terms both sides have signed: enforced on every call, provable from outside.",
    epilog=examples(
        "caveat up        a gateway to try, with a small model and sample terms",
        "caveat tour      the whole story, unattended",
        "caveat doctor    what is missing or doubtful here, and what to do about it",
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

for heading, verbs in VERBS.items():
    for name, verb in verbs.items():
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name, rich_help_panel=heading)
        else:
            app.command(name, rich_help_panel=heading)(verb)


@app.callback(invoke_without_command=True)
def _version(*, version: bool = typer.Option(False, "--version", help="Show the version and leave.")) -> None:
    if version:
        typer.echo(f"caveat {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; leaves with one of the exit codes of output.py."""
    try:
        app(prog_name="caveat")
    except CaveatError as error:
        sys.exit(fail(error, as_json="--json" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("CAVEAT_DEBUG"):
            raise
        err.print(f"[bold red]caveat failed in a way that nobody foresaw ({type(error).__name__})[/bold red]")
        err.print("  [dim]→[/dim] set CAVEAT_DEBUG=1 and run it again to see where; then please report it")
        sys.exit(3)
