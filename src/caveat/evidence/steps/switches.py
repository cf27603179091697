"""Step 18: once an alias had moved to another vendor's terms, no call for it went to the first."""

from typing import Any

from msgspec import Struct

from caveat.evidence.step import Case, Step
from caveat.evidence.watch import Watch
from caveat.record import Leaf
from caveat.register.switches import served_under

NUMBER = 18


class _Move(Struct):
    """An alias that moved at a record, from one pair to another.  `last` is the last call under the first, before it."""

    alias: str
    at: int
    first: str
    to: str
    last: int = -1


class Switches(Watch):
    """Sees every record; knows which terms an alias must not be served under any more."""

    def __init__(self, case: Case) -> None:
        self.moves: list[_Move] = []
        self.unsure = 0
        self._case = case
        self._under: dict[str, str] = {}
        self._last: dict[str, int] = {}

    def control(self, index: int, _leaf: Leaf, _document: bytes) -> None:
        """Whether an alias has moved, once the record was folded."""
        register, history = self._case.walk.history.register, self._case.walk.history
        for alias, target in register.moved.items():
            if target.at == index:
                first, to = self._under.get(alias, ""), register.terms[target.terms].digest
                self.moves = [move for move in self.moves if move.alias != alias]
                if first and first != to:
                    self.moves.append(_Move(alias, index, first, to, self._last.get(first, -1)))
        aliases = {model.alias for terms in history.terms.values() for model in terms.draft.models}
        for alias in aliases | register.moved.keys():
            terms = register.terms.get(served_under(register, alias))
            if terms is not None:
                self._under[alias] = terms.digest

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """A call's first record, looked at for every alias that has moved."""
        if leaf.k != "opened":
            return
        self._last[leaf.terms] = index
        for move in self.moves:
            if move.first == leaf.terms:
                self._after(move, index, values)

    def _after(self, move: _Move, index: int, values: dict[str, Any]) -> None:
        """A call under the terms that the alias left: it must be for another of their models."""
        terms = self._case.walk.history.terms[move.first]
        model = values.get("what", {}).get("model", "")
        if all(one.alias != move.alias for one in terms.draft.models):
            return  # the alias went there by an earlier move: the model's own alias may still be called
        others = [one.alias for one in terms.draft.models if one.alias != move.alias]
        if model == move.alias or not others:
            why = f"record {index}: a call for `{move.alias}` under `{terms.draft.name}`, after it had moved"
            self._case.findings.fail(NUMBER, why, index)
        elif not model:
            self.unsure += 1


def _take(case: Case) -> None:
    watch = case.watches[NUMBER]
    assert isinstance(watch, Switches)
    if not watch.moves:
        case.findings.proved(NUMBER, "no alias moved")
        return
    terms = case.walk.history.terms
    told = [
        f"`{move.alias}` moved to `{terms[move.to].draft.name}` at record {move.at}; the last call under "
        f"`{terms[move.first].draft.name}` before that "
        + (f"is record {move.last}" if move.last >= 0 else "is not in the range")
        for move in watch.moves
    ]
    case.findings.proved(NUMBER, "; ".join(told))
    if watch.unsure:
        case.findings.limit(
            NUMBER, f"for which model {watch.unsure} calls were that the first terms also cover: it is withheld"
        )


STEP = Step(NUMBER, "no call went back to the terms that an alias had left", _take, watch=Switches)
