"""`caveat coverage`: every enforced clause, tried in every way in which words can reach the model, on this build."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from caveat.cli.files import read_bytes, write_new
from caveat.cli.output import Json, emit, out, progress, say
from caveat.cli.remote import Where, at_home
from caveat.cli.terms_file import draft_of
from caveat.cli.trial import trial_of
from caveat.errors import BadInput
from caveat.gateway.coverage.matrix import STATES, Matrix, to_document
from caveat.gateway.coverage.page import page
from caveat.gateway.coverage.run import measure
from caveat.gateway.coverage.table import Block, Column, blocks, legend, letters
from caveat.gateway.coverage.table import into as put_into
from caveat.gateway.home.directory import Home, home_path, open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.tables import RecognizerSettings, Settings
from caveat.gateway.house.past import read_past
from caveat.ledger.reader import LedgerReader
from caveat.terms.document import Draft
from caveat.vocabulary import HAZARDS

STYLES = {
    "green": "green",
    "red": "bold white on red",
    "learned": "yellow",
    "refused": "blue",
    "inexpressible": "dim",
    "absent": "dim",
    "apart": "dim",
}


def coverage(
    file: Annotated[
        Path | None, typer.Argument(help="Terms as YAML or signed; those in force in the home where it is not given.")
    ] = None,
    home: Where = None,
    *,
    html: Annotated[Path | None, typer.Option("--html", help="Write the matrix to this file as one page.")] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="Put the matrix into this text, between its coverage marks.")
    ] = None,
    record: Annotated[bool, typer.Option(help="Put the measurement into the home's ledger.")] = True,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out fallbacks and workers; what is left is not put on record.")
    ] = False,
    learned: Annotated[
        bool, typer.Option("--learned", help="For a file: on a gateway that reads with the learned recognizer too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try every enforced clause against every wire format, streamed or not, and every part; exit code 1 if any is red.

    The terms are put in force on a gateway of their own, before a scripted upstream, in a home that is thrown away.
    What is measured for terms in force goes on record in the home, and so into evidence.
    """
    matrices = _of_file(file, quick=quick, learned=learned) if file else _in_force(home, record=record, quick=quick)
    for matrix in matrices:
        if not as_json:
            _print(matrix)
    if html or into:
        _write(matrices, html, into)
    if as_json:
        emit({"measured": matrices, "red": sum(len(matrix.reds()) for matrix in matrices)})
    if any(matrix.reds() for matrix in matrices):
        raise typer.Exit(1)


def _write(matrices: list[Matrix], html: Path | None, text: Path | None) -> None:
    if len(matrices) != 1:
        raise BadInput("several terms are in force, and a page is about one", hint="name a file of terms")
    if html:
        write_new(html, page(matrices[0]).encode(), replacing=html.exists())
        progress(f"the page is {html}")
    if text:
        document = read_bytes(text).decode("utf-8", "replace")
        write_new(text, put_into(document, matrices[0]).encode(), replacing=True)
        progress(f"the matrix stands in {text}")


def _of_file(file: Path, *, quick: bool, learned: bool) -> list[Matrix]:
    return [_measured(draft_of(file), Settings(recognizer=RecognizerSettings(learned=learned)), quick=quick)]


def _in_force(home: Path | None, *, record: bool, quick: bool) -> list[Matrix]:
    made = open_home(home or home_path(os.environ))
    drafts = _adopted(made)
    if not drafts:
        raise BadInput("no terms are in force", hint="`caveat terms adopt FILE`, or name a file of terms")
    matrices = [_measured(draft, made.settings(), quick=quick) for draft in drafts]
    if record and not quick:
        operations = at_home(made.path)
        for matrix in matrices:
            name = operations.keep_coverage(to_document(matrix))
            progress(f"the measurement of {name} is on record")
    return matrices


def _adopted(home: Home) -> list[Draft]:
    past = read_past(LedgerReader(home.ledger, home.vault), Documents(home.control))
    return [terms.draft for terms in past.register.terms.values()]


def _measured(draft: Draft, settings: Settings, *, quick: bool) -> Matrix:
    sees = frozenset(HAZARDS) if settings.recognizer.learned or draft.recognizer else trial_of(draft).sees
    return measure(draft, sees, settings, progress, quick=quick)


def _print(matrix: Matrix) -> None:
    wide = max((len(row.clause) for row in matrix.rows), default=6)
    out.print(f"\n[bold]{escape(matrix.terms.name)}[/bold]  [dim]{escape(matrix.terms.digest)}[/dim]")
    for block in blocks(matrix):
        out.print(f"\n[bold]{escape(block.dialect)}[/bold]")
        _print_block(matrix, block, wide)
    say("")
    for line in legend(matrix):
        say(line)
    reds = matrix.reds()
    for clause, cell, why in reds:
        out.print(f"[red]red[/red]  {escape(clause)}, {escape(cell.says)}: {escape(why)}")
    say(f"\n{len(reds)} red of {matrix.counts()['green'] + len(reds)} cells that could be tried to the end")


def _print_block(matrix: Matrix, block: Block, wide: int) -> None:
    widths = [max(len(column.head), len(column.cells)) for column in block.columns]
    heads = zip(block.columns, widths, strict=True)
    out.print(" " * wide + "".join(f"  {escape(column.head.ljust(width))}" for column, width in heads))
    heads = zip(block.columns, widths, strict=True)
    out.print(" " * wide + "".join(f"  [dim]{letters(matrix, c).ljust(w)}[/dim]" for c, w in heads))
    for row in matrix.rows:
        cells = (
            _painted(tuple(row.results[i].state for i in c.cells), c, w)
            for c, w in zip(block.columns, widths, strict=True)
        )
        out.print(escape(row.clause.ljust(wide)) + "".join(cells))


def _painted(found: tuple[str, ...], column: Column, width: int) -> str:
    letters_of = {state: letter for state, (letter, _) in STATES.items()}
    painted = "".join(f"[{STYLES[state]}]{letters_of[state]}[/{STYLES[state]}]" for state in found)  # type: ignore[index]
    return f"  {painted}{' ' * (width - len(column.cells))}"
