"""The command line, composed: one file a noun, named here.

The outermost edge: the one place where an error that nobody foresaw is caught, said without a traceback (set
CAVEAT_DEBUG=1 to see it) and turned into exit code 3.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from caveat import __version__
from caveat.cli.output import err, fail
from caveat.cli.sections import Sections, examples
from caveat.errors import CaveatError

VERBS = {
    "Start": {
        "up": "serving:up",
        "tour": "tour:tour",
        "init": "serving:init",
        "serve": "serving:serve_home",
        "doctor": "doctor:doctor",
    },
    "Agree": {"party": "party:app", "terms": "terms:app", "waiver": "waiver:app", "hold": "hold:app"},
    "Use": {
        "keys": "keys:app",
        "models": "models:app",
        "calls": "calls:app",
        "explain": "explain:explain",
        "recognize": "recognize:recognize",
        "coverage": "coverage:coverage",
        "console": "console:app",
    },
    "Prove": {
        "ledger": "ledger:app",
        "evidence": "evidence:app",
        "verify": "evidence:verify",
        "witness": "witness:app",
        "seal": "seal:app",
    },
}
"""Where each stands: a module of this room and its name there.  Its module is loaded when it is asked for, not before."""


class Verbs(Sections):
    """All of them, in this order: typer by itself lists groups after verbs."""

    order = tuple(name for verbs in VERBS.values() for name in verbs)


def line(words: Sequence[str] = ()) -> typer.Typer:
    """The command line; for the words of a command, only as much of it as they need."""
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
    app.callback(invoke_without_command=True)(_version)
    needed = set(words[:1]) if words[:1] and (words[0] in Verbs.order or words[0] == "--version") else set(Verbs.order)
    for heading, verbs in VERBS.items():
        for name, where in verbs.items():
            if name not in needed:
                continue
            module, _, inside = where.partition(":")
            verb = getattr(import_module(f"caveat.cli.{module}"), inside)
            if isinstance(verb, typer.Typer):
                app.add_typer(verb, name=name, rich_help_panel=heading)
            else:
                app.command(name, rich_help_panel=heading)(verb)
    return app


def _version(*, version: bool = typer.Option(False, "--version", help="Show the version and leave.")) -> None:
    if version:
        typer.echo(f"caveat {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; leaves with one of the exit codes of output.py."""
    try:
        line(sys.argv[1:])(prog_name="caveat")
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
