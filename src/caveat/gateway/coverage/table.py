"""The matrix laid out: a block for each wire format, in it a column of cells for each way of asking; as text, too."""

from itertools import groupby

from msgspec import Struct

from caveat.errors import BadInput
from caveat.gateway.coverage.cells import LETTERS, PLACES, Cell
from caveat.gateway.coverage.matrix import STATES, Matrix, Row

BEGINS, ENDS = "<!-- coverage: begin -->", "<!-- coverage: end -->"
"""Between these a document holds a matrix that the tool wrote (docs/coverage.md)."""


class Column(Struct, frozen=True):
    """Cells that stand side by side under one head; `cells` are indices into the matrix's."""

    head: str
    cells: tuple[int, ...]


class Block(Struct, frozen=True):
    """Everything about one wire format."""

    dialect: str
    columns: tuple[Column, ...]


def blocks(matrix: Matrix) -> list[Block]:
    """The matrix's cells, laid out."""
    found = []
    for dialect, of_dialect in groupby(range(len(matrix.cells)), key=lambda i: matrix.cells[i].dialect):
        heads: dict[str, list[int]] = {}
        for index in of_dialect:
            heads.setdefault(head(matrix.cells[index]), []).append(index)
        found.append(Block(dialect, tuple(Column(name, tuple(cells)) for name, cells in heads.items())))
    return found


def head(cell: Cell) -> str:
    """What stands over a cell's column: `whole`, `stream`, `n>1`, `n>1 stream`, `fallback`, `worker`."""
    if cell.path != "direct":
        return cell.path
    words = [*(["n>1"] if cell.many else []), *(["stream"] if cell.stream else [])]
    return " ".join(words) or "whole"


def letters(matrix: Matrix, column: Column) -> str:
    """The head's second line: a letter for each part."""
    return "".join(LETTERS[matrix.cells[index].place] for index in column.cells)


def states(row: Row, column: Column) -> str:
    """A row's letters under a column."""
    return "".join(STATES[row.results[index].state][0] for index in column.cells)


def as_text(matrix: Matrix) -> str:
    """The matrix in plain text, less than 120 characters wide for clauses of usual length."""
    wide = max((len(row.clause) for row in matrix.rows), default=6)
    lines: list[str] = []
    for block in blocks(matrix):
        lines += [block.dialect, *(line.rstrip() for line in _lines(matrix, block, wide)), ""]
    return "\n".join([*lines, *legend(matrix)])


def _lines(matrix: Matrix, block: Block, wide: int) -> list[str]:
    widths = [max(len(column.head), len(column.cells)) for column in block.columns]

    def line(first: str, cells: list[str]) -> str:
        return "  ".join([first.ljust(wide), *(c.ljust(w) for c, w in zip(cells, widths, strict=True))])

    heads = [line("", [c.head for c in block.columns]), line("", [letters(matrix, c) for c in block.columns])]
    return heads + [line(row.clause, [states(row, c) for c in block.columns]) for row in matrix.rows]


def legend(matrix: Matrix) -> list[str]:
    """What the letters mean, those that occur."""
    counts = matrix.counts()
    said = [f"{letter}  {counts[state]:>5}  {says}" for state, (letter, says) in STATES.items() if counts[state]]
    return [*said, "", *(f"{LETTERS[place]}  {says}" for place, says in PLACES.items())]


def into(document: str, matrix: Matrix) -> str:
    """The document with the matrix between its marks.  Raises BadInput where it has none."""
    before, begins, rest = document.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise BadInput(f"the document has no place for a matrix: expected a line `{BEGINS}` and a line `{ENDS}`")
    return f"{before}{BEGINS}\n\n```\n{as_text(matrix)}\n```\n\n{ENDS}{after}"
