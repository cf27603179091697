"""The command line, composed: one file a noun, registered here.

The outermost edge: the one place where an error that nobody foresaw is caught, said without a traceback (set
CAVEAT_DEBUG=1 to see it) and turned into exit code 3.
"""

import os
import sys

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
from caveat.cli.tour import tour
from caveat.errors import CaveatError

app = typer.Typer(
    name="caveat",
    help="An AI gateway whose usage terms both sides have signed: enforced on every call, provable from outside.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

app.command("up")(serving.up)
app.command("serve")(serving.serve_home)
app.command("tour")(tour)
app.command("init")(serving.init)
app.add_typer(party.app, name="party")
app.add_typer(terms.app, name="terms")
app.add_typer(waiver.app, name="waiver")
app.add_typer(hold.app, name="hold")
app.add_typer(keys.app, name="keys")
app.add_typer(calls.app, name="calls")
app.add_typer(models.app, name="models")
app.add_typer(ledger.app, name="ledger")
app.add_typer(seal.app, name="seal")
app.add_typer(evidence.app, name="evidence")
app.add_typer(witness.app, name="witness")
app.command("verify")(evidence.verify)
app.add_typer(console.app, name="console")
app.command("doctor")(doctor)
app.command("coverage")(coverage.coverage)
app.command("explain")(explain)
app.command("recognize")(recognize)


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
