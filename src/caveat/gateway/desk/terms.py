"""The console's port for terms: versions by the ledger's word, measurements, talks, and what a change would do.

The two long questions run in processes of their own, as the command line's verbs: no call waits for them.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from caveat.console.values import Version
from caveat.errors import CaveatError
from caveat.gateway.coverage.cells import LETTERS, PLACES
from caveat.gateway.coverage.matrix import STATES, Matrix, read_document
from caveat.gateway.coverage.table import blocks
from caveat.gateway.desk.verbs import Verbs
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.house.house import House
from caveat.gateway.house.leasing import leases
from caveat.gateway.house.past import all_terms
from caveat.gateway.index.ask import Lists
from caveat.gateway.index.follow import Index
from caveat.talks.analyse import Answered
from caveat.talks.impact import Impact
from caveat.talks.say import described, outcome, proved, sentence, title
from caveat.talks.state import Talk, derive
from caveat.talks.steps import Taken, open_step


class Agreements:
    """Over one house."""

    def __init__(self, home: Home, house: House, index: Index, lists: Lists, verbs: Verbs) -> None:
        self._home = home
        self._house = house
        self._index = index
        self._lists = lists
        self._verbs = verbs
        self._documents = Documents(home.control)

    def versions(self) -> Sequence[Version]:
        """Every version that was ever adopted, newest first."""
        lines = {line.doc: line for line in reversed(self._lists.controls(("terms.adopted",), most=500))}
        register, found = self._house.view.register, []
        adopted = list(all_terms(self._index.reader, self._documents, self._index.controls()))
        places = sorted((line for line in lines.values()), key=lambda line: line.at)
        for terms, line in zip(adopted, places, strict=False):
            live = register.terms.get(terms.draft.id)
            state = "in force" if live and live.digest == terms.digest else "replaced" if live else "ended"
            found.append(Version(terms, line.at, line.at_ms, state))
        return tuple(reversed(found))

    def matrices(self) -> dict[str, Any]:
        """The newest measurement of each terms in force, laid out, by the pair's digest."""
        register, found = self._house.view.register, {}
        for terms in register.terms.values():
            doc = register.coverage.get(terms.draft.name)
            if doc:
                matrix = read_document(self._house.document(doc))
                found[matrix.terms.digest] = _laid_out(matrix)
        return found

    def talks(self) -> Sequence[Talk]:
        """Where talks stand whose steps are on record here."""
        register = self._house.view.register
        steps: dict[str, list[Taken]] = {}
        for line in reversed(self._lists.controls(("talks.step",), most=500)):
            raw = self._documents.read(line.doc)
            for role, keys in register.trust().items():
                seen = register.repositories.get(role)
                try:
                    taken = open_step(raw, seen.repository.ever if seen else keys)
                except CaveatError:
                    continue
                if taken.step.by == role:
                    steps.setdefault(taken.step.talk, []).append(taken)
                    break
        return [derive(talk, taken, self._house.now_ms()) for talk, taken in steps.items()]

    async def leases(self) -> Sequence[dict[str, Any]]:
        """Each lease in force: its bounds, what is used, its phase."""
        return await leases(self._house)

    async def semantic(self, before: bytes, after: bytes) -> dict[str, Any]:
        """The semantic diff, in sentences."""
        with tempfile.TemporaryDirectory(prefix="caveat-") as folder:
            old, new = Path(folder) / "before.yaml", Path(folder) / "after.yaml"
            old.write_bytes(before)
            new.write_bytes(after)
            told = await self._verbs.ask("terms", "diff", str(old), str(new), "--semantic")
        solvers = told["solvers"]
        answers = []
        for raw in told["answers"]:
            one = msgspec.convert(raw, Answered, strict=False)
            answers.append(
                {
                    "title": title(one),
                    "says": one.says,
                    "sentence": sentence(one, solvers, "the version before", "the version after"),
                    "request": described(one.request) if one.request else [],
                    "before": outcome(one.before) if one.before else "",
                    "after": outcome(one.after) if one.after else "",
                    "quiet": one.question.duty is not None and one.says == "none",
                    "proved": proved(one, solvers),
                }
            )
        return {"answers": answers, "idle": told["idle"]}

    async def replay(self, terms: bytes, since: str, until: str) -> Impact:
        """The recorded calls of a period, decided again."""
        with tempfile.TemporaryDirectory(prefix="caveat-") as folder:
            file = Path(folder) / "proposal.yaml"
            file.write_bytes(terms)
            period = [*(("--from", since) if since else ()), *(("--to", until) if until else ())]
            told = await self._verbs.ask("terms", "replay", str(file), *period, "--home", str(self._home.path))
        return msgspec.convert(told, Impact)


def _laid_out(matrix: Matrix) -> dict[str, Any]:
    """The matrix as a page shows it."""
    return {
        "at_ms": matrix.at_ms,
        "counts": {state: n for state, n in matrix.counts().items() if n},
        "states": {state: (letter, says) for state, (letter, says) in STATES.items()},
        "places": {LETTERS[place]: says for place, says in PLACES.items()},
        "blocks": [
            {
                "dialect": block.dialect,
                "columns": [(column.head, len(column.cells)) for column in block.columns],
                "cells": [
                    (LETTERS[matrix.cells[i].place], matrix.cells[i].says) for c in block.columns for i in c.cells
                ],
                "rows": [
                    {
                        "clause": row.clause,
                        "title": row.title,
                        "results": [
                            (row.results[i].state, STATES[row.results[i].state][0], row.results[i].why)
                            for c in block.columns
                            for i in c.cells
                        ],
                    }
                    for row in matrix.rows
                ],
            }
            for block in blocks(matrix)
        ],
    }
