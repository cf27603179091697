"""How every verb speaks: sentences and tables for a person, one JSON object for a program, never both.

Exit codes: 0 done or verified, 1 refused or not verified, 2 wrong use, 3 the system is at fault.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from caveat.errors import CaveatError

Json = Annotated[bool, typer.Option("--json", help="Write one JSON object instead of text.")]

err = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A sentence for a person, on standard output.  `text` is data, not markup."""
    out.print(escape(text))


def progress(text: str) -> None:
    """A line about work under way, on standard error."""
    err.print(f"[dim]{escape(text)}[/dim]")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """A table for a person."""
    grid = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    out.print(grid)


def emit(value: Any) -> None:
    """One JSON object, for a program."""
    sys.stdout.write(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()  # a program at the other end of a pipe waits for it


def fail(error: CaveatError, *, as_json: bool) -> int:
    """Say what went wrong and what to do next; the exit code."""
    if as_json:
        emit({"error": type(error).__name__, "message": error.message, "hint": error.hint})
    else:
        err.print(f"[bold red]{escape(error.message)}[/bold red]")
        if error.hint:
            err.print(f"  [dim]→[/dim] {escape(error.hint)}")
    return error.exit_code
