"""How every verb speaks: sentences and tables for a person, one JSON object for a program, never both.

Exit codes: 0 done or verified, 1 refused or not verified, 2 wrong use, 3 the system is at fault.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from caveat.errors import BadInput, CaveatError
from caveat.sentences.said import LANGUAGES

Json = Annotated[bool, typer.Option("--json", help="Write one JSON object instead of text.")]

err = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A sentence for a person, on standard output.  `text` is data, not markup."""
    out.print(escape(text))


def progress(text: str) -> None:
    """A line about work under way, on standard error."""
    err.print(f"[dim]{escape(text)}[/dim]")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", whole: str = "") -> None:
    """A table for a person; the column `whole` is never cut, however narrow the terminal."""
    rows = list(rows)
    longest = [max((len(row[n]) for row in rows), default=0) for n in range(len(columns))]
    heads = [
        Column(name, no_wrap=name == whole, min_width=most if name == whole else None)
        for name, most in zip(columns, longest, strict=True)
    ]
    grid = Table(*heads, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    out.print(grid)


def hang(head: str, text: str, style: str = "") -> None:
    """A head and a text whose later lines stand under its first; in one line where no terminal is."""
    if not out.is_terminal:
        out.print(f"{head} {f'[{style}]{escape(text)}[/]' if style else escape(text)}")
        return
    rows = Table.grid(padding=(0, 1))
    rows.add_row(head, Text(text, style=style))
    out.print(rows, soft_wrap=False)


def spoken_language(wanted: str, environ: Mapping[str, str]) -> str:
    """The language of what is told to a person: the wanted one, else the environment's (POSIX: LC_ALL, LC_MESSAGES,
    LANG), else English.  Raises BadInput for a wanted one that there is not."""
    if wanted and wanted not in LANGUAGES:
        raise BadInput(f"`--language`: expected {' or '.join(LANGUAGES)}, got `{wanted}`")
    set_ = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return wanted or (set_[:2] if set_[:2] in LANGUAGES else LANGUAGES[0])


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
