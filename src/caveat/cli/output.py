"""How every verb speaks: sentences and tables for a person, one JSON object for a program, never both.

Exit codes: 0 done or verified, 1 refused or not verified, 2 wrong use, 3 the system is at fault.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from caveat.errors import BadInput, CaveatError
from caveat.sentences.said import LANGUAGES

Json = Annotated[bool, typer.Option("--json", help="Write one JSON object instead of text.")]

HEAD: Final = 28
"""How far to the right a line's text may begin, behind what stands before it in columns."""
BEGINS: Final = re.compile(r".*?(?: {2,}|(?<=  )(?:→|-|\+|│|\d+\.) )(?=\S)|\s*")
KEPT: Final = "\ue000"
UNBOUNDED: Final = 100_000


class Screen(Console):
    """In a terminal a line that is too long goes on under where its text began, and what stands between back-ticks is not
    broken; where no terminal is, lines stay whole."""

    def print(self, *objects: Any, **more: Any) -> None:
        """As rich's, for strings with markup."""
        if not self.is_terminal or len(objects) != 1 or not isinstance(objects[0], str) or more:
            super().print(*objects, **more)
            return
        for line in objects[0].split("\n"):
            super().print(self.hung(Text.from_markup(line)))

    def hung(self, text: Text, begin: int = -1) -> Text:
        """The text, broken between words to this screen's width; later lines `begin` to the right, -1: as the first."""
        begin = indent_of(text.plain) if begin < 0 else begin
        if text.cell_len <= self.width or begin > self.width // 2:
            return text
        text.plain = re.sub("`[^`]*`", lambda own: own[0].replace(" ", KEPT), text.plain)
        head, body = text[:begin], text[begin:]
        lines = body.wrap(self, self.width - begin, overflow="fold")
        for line in lines:
            line.plain = line.plain.replace(KEPT, " ").rstrip()
        under = "".join(letter if letter == "│" else " " for letter in head.plain)
        return head + Text(f"\n{under}").join(lines)


def indent_of(line: str) -> int:
    """Where a line's text begins: behind what stands in columns before it, or behind its spaces."""
    at = 0
    while (found := BEGINS.match(line, at)) and found.end() > at and found.end() <= HEAD:
        at = found.end()
    return at


err = Screen(stderr=True, highlight=False, soft_wrap=True)
out = Screen(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A sentence for a person, on standard output.  `text` is data, not markup."""
    out.print(escape(text))


def progress(text: str) -> None:
    """A line about work under way, on standard error."""
    err.print(f"[dim]{escape(text)}[/dim]")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", whole: str = "") -> None:
    """A table for a person.  Where no terminal is, each row is one line; in a narrow one words go on below, and the column
    `whole` does not."""
    rows = list(rows)
    longest = [max((len(row[n]) for row in rows), default=0) for n in range(len(columns))]
    heads = [
        Column(name, no_wrap=name == whole, min_width=most if name == whole else None, overflow="fold")
        for name, most in zip(columns, longest, strict=True)
    ]
    grid = Table(*heads, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    if out.is_terminal:
        out.print(grid, soft_wrap=False)
    else:
        Screen(highlight=False, width=UNBOUNDED).print(grid)


def hang(head: str, text: str, style: str = "") -> None:
    """A head and a text whose later lines stand under its first; in one line where no terminal is."""
    begun = Text.from_markup(f"{head} ")
    line = begun + Text(text, style=style)
    out.print(out.hung(line, begun.cell_len) if out.is_terminal else line)


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
