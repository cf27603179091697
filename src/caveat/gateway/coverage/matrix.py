"""The matrix as a value: each enforced clause against each cell, with what was measured there and why.

It is a control document (`coverage.measured`), so it is canonical JSON, it goes into evidence bundles, and whoever gets
one can read it without this program:

    {"coverage": 1, "at_ms": 1795351642000, "terms": {"name": "institutional-use@1", "digest": "sha256:..."},
     "build": {"version": "0.1.0", "digest": "sha256:...", ...}, "detector": "none",
     "cells": [{"dialect": "openai_chat", "stream": false, "many": false, "place": "user", "path": "direct"}, ...],
     "rows": [{"clause": "marking.ceiling", "effect": "forbid", "title": "...", "results": [{"state": "green"}, ...]}]}
"""

from collections import Counter
from typing import Literal

import msgspec
from msgspec import Struct

from caveat.canon import canonical
from caveat.errors import NotVerified
from caveat.gateway.coverage.cells import Cell
from caveat.gateway.home.build import Build

State = Literal["green", "red", "learned", "refused", "inexpressible", "absent", "apart"]

STATES: dict[State, tuple[str, str]] = {
    "green": (
        "G",
        "enforced: what should trip was denied, held, stopped or labelled as the clause says, and what should pass did",
    ),
    "red": ("R", "not enforced as the clause says"),
    "learned": ("L", "needs a learned recognizer, and none runs here: nothing finds what the clause is about"),
    "refused": ("x", "the gateway refuses every such call under these terms, so nothing can pass there"),
    "inexpressible": ("-", "cannot be probed: the format has no such part, or no call can trip the clause"),
    "absent": ("0", "not in this build"),
    "apart": (".", "no concern of the clause"),
}
"""A letter and a sentence for each."""


class Result(Struct, frozen=True, omit_defaults=True):
    """What was measured in one cell; `why` says what was seen where it is not green."""

    state: State
    why: str = ""


class Row(Struct, frozen=True):
    """One enforced clause; `results` in the order of the matrix's cells."""

    clause: str
    effect: str
    title: str
    results: tuple[Result, ...]


class Measured(Struct, frozen=True):
    """Which terms: id@version and the pair's digest."""

    name: str
    digest: str


class Matrix(Struct, frozen=True):
    """One measurement.  `coverage` is the format's version."""

    coverage: Literal[1]
    at_ms: int
    terms: Measured
    build: Build
    detector: str
    cells: tuple[Cell, ...]
    rows: tuple[Row, ...]

    def counts(self) -> dict[State, int]:
        """How many cells are in each state."""
        counted = Counter(result.state for row in self.rows for result in row.results)
        return {state: counted[state] for state in STATES}

    def reds(self) -> list[tuple[str, Cell, str]]:
        """Clause, cell and reason of every red."""
        return [
            (row.clause, cell, result.why)
            for row in self.rows
            for cell, result in zip(self.cells, row.results, strict=True)
            if result.state == "red"
        ]


def to_document(matrix: Matrix) -> bytes:
    """The control document."""
    return canonical(msgspec.to_builtins(matrix))


def read_document(document: bytes) -> Matrix:
    """A measurement again.  Raises NotVerified where the bytes are none."""
    try:
        matrix = msgspec.json.decode(document, type=Matrix)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotVerified(f"this is no measurement of coverage: {error}", step="control") from None
    if any(len(row.results) != len(matrix.cells) for row in matrix.rows):
        raise NotVerified("a measurement of coverage has a row that is not full", step="control")
    return matrix
