"""The two solvers, both of the extra `caveat[analysis]`: the same SMT-LIB text in, sat, unsat or unknown out.

Rules of this file: a solver is imported when it is first needed; `unknown`, a time-out and anything unforeseen that a
solver says are "unknown", never "unsat".

    pip install "caveat[analysis]"       z3-solver (90 MB), cvc5 (46 MB)
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, Final, Literal

from caveat.errors import BadInput
from caveat.talks.symbols import Variable

Answer = Literal["sat", "unsat", "unknown"]
Values = dict[str, int]
"""Symbol -> its value in one request; a Boolean is 0 or 1."""
PATIENCE_MS: Final = 10_000
"""How long a solver thinks about one question."""
SMALLEST_MS: Final = 500
"""How long Z3 looks for a smaller example than the first one, a question."""
HINT = "install the extra `caveat[analysis]`: the packages z3-solver and cvc5"


@cache
def z3() -> ModuleType:
    """Z3.  Raises BadInput where it is not installed."""
    try:
        return import_module("z3")
    except ImportError:
        raise BadInput("the semantic diff needs the solver Z3, which is not installed", hint=HINT) from None


@cache
def cvc5() -> ModuleType | None:
    """cvc5, None where it is not installed."""
    try:
        return import_module("cvc5")
    except ImportError:
        return None


def names() -> dict[str, str]:
    """Solver -> its version, for those that are here."""
    found: dict[str, str] = {}
    for name, package in (("Z3", "z3-solver"), ("cvc5", "cvc5")):
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found


class Z3:
    """A text with named Boolean questions, asked one by one.  `text` may come from the other party."""

    def __init__(self, text: str) -> None:
        self._z3 = z3()
        self._solver = self._z3.SolverFor("QF_LIA")
        self._solver.set("timeout", PATIENCE_MS)
        self._symbols: dict[str, Any] = {}
        try:
            self._solver.from_string(text)
        except self._z3.Z3Exception:
            raise BadInput("Z3 cannot read the formulas") from None

    def ask(self, *questions: str) -> Answer:
        """Whether one request makes all of them true."""
        return _answer(str(self._solver.check(*map(self._symbol, questions))))

    def model(self, variables: Iterable[Variable]) -> Values:
        """Values of the request that the last answer "sat" stands on."""
        return _values(self._solver.model(), _symbols(variables))

    def true(self, questions: Sequence[str]) -> list[str]:
        """Which of the questions that request makes true."""
        model, is_true = self._solver.model(), self._z3.is_true
        return [question for question in questions if is_true(model.eval(self._symbol(question)))]

    def _symbol(self, question: str) -> Any:
        """The question's Boolean, made once."""
        if question not in self._symbols:
            self._symbols[question] = self._z3.Bool(question)
        return self._symbols[question]


class Smallest:
    """Looks for the request that departs least from an ordinary one: first in how many facts, then by how much."""

    def __init__(self, text: str, variables: Iterable[Variable]) -> None:
        self._z3 = z3()
        self._solver = self._z3.Solver()
        self._solver.from_string(text)
        self._variables = {variable.name: variable for variable in variables}
        self._symbols = _symbols(self._variables.values())
        self._rest = {name: self._z3.Bool(f"rest.{name}") for name in self._variables}
        for name, variable in self._variables.items():
            self._solver.add(self._rest[name] == self._at(variable, variable.rest))
        self._end = 0.0

    def find(self, question: str) -> Values:
        """Values for a question that has some, the smallest that were found in SMALLEST_MS; {} where none was."""
        self._end = time.monotonic() + SMALLEST_MS / 1000
        asked = [self._z3.Bool(question)]
        rested = self._fewest(asked, self._rested(asked))
        values = self._ask([*asked, *rested.values()])
        return self._lower([*asked, *rested.values()], values) if values else {}

    def _rested(self, asked: list[Any]) -> dict[str, Any]:
        """As many facts at rest as can be: all but those that stand in each other's way, then one by one again."""
        rested = dict(self._rest)
        while (core := self._core([*asked, *rested.values()])) is not None:
            rested = {name: rest for name, rest in rested.items() if rest.decl().name() not in core}
        for name, rest in self._rest.items():
            if name not in rested and self._check([*asked, *rested.values(), rest]) == "sat":
                rested[name] = rest
        return rested

    def _fewest(self, asked: list[Any], rested: dict[str, Any]) -> dict[str, Any]:
        """Facts at rest where still fewer depart, as long as there are such and time is left."""
        departs = [(self._z3.Not(rest), 1) for rest in self._rest.values()]
        while most := len(self._rest) - len(rested):
            values = self._ask([*asked, self._z3.PbLe(departs, most - 1)])
            if values is None:
                break
            leave = self._departing(values)
            rested = {name: rest for name, rest in self._rest.items() if name not in leave}
        return rested

    def _core(self, asked: list[Any]) -> set[str] | None:
        """Facts at rest that cannot all be so, None where they can, or where the time is up."""
        if self._check(asked) != "unsat":
            return None
        core = {literal.decl().name() for literal in self._solver.unsat_core()}
        return core - {asked[0].decl().name()} or None

    def _lower(self, asked: list[Any], values: Values) -> Values:
        """Each number in turn as near to rest as it can be, by halving."""
        for name in self._departing(values):
            variable = self._variables[name]
            low, high = variable.low, int(values[name]) if variable.sort == "number" else variable.low
            while low < high:
                middle = (low + high) // 2
                nearer = self._ask([*asked, self._symbols[name] <= middle])
                values = nearer or values
                low, high = (low, int(nearer[name])) if nearer else (middle + 1, high)
            asked = [*asked, self._at(variable, values[name])]
        return values

    def _ask(self, asked: list[Any]) -> Values | None:
        """Values under which all of it is true, None where there are none or the time is up."""
        return _values(self._solver.model(), self._symbols) if self._check(asked) == "sat" else None

    def _check(self, asked: list[Any]) -> Answer:
        left = int((self._end - time.monotonic()) * 1000)
        if left <= 0:
            return "unknown"
        self._solver.set("timeout", left)
        return _answer(str(self._solver.check(*asked)))

    def _departing(self, values: Values) -> list[str]:
        return [
            name for name, variable in self._variables.items() if int(values.get(name, variable.rest)) != variable.rest
        ]

    def _at(self, variable: Variable, value: int) -> Any:
        return self._symbols[variable.name] == (bool(value) if variable.sort == "bool" else int(value))


def ask_cvc5(text: str, questions: Sequence[str]) -> dict[str, Answer] | None:
    """cvc5's answers to the same questions about the same text, None where cvc5 is not installed."""
    module = cvc5()
    if module is None:
        return None
    asked = text + "".join(f"(check-sat-assuming ({question}))\n" for question in questions)
    try:
        answers = _run(module, asked)
    except RuntimeError:
        answers = []
    return {q: answers[place] if place < len(answers) else "unknown" for place, q in enumerate(questions)}


def _run(module: ModuleType, text: str) -> list[Answer]:
    """What each `check-sat-assuming` of the text says.  cvc5's own errors are RuntimeErrors."""
    manager = module.TermManager()
    solver = module.Solver(manager)
    solver.setOption("incremental", "true")
    solver.setOption("tlimit-per", str(PATIENCE_MS))
    symbols = module.SymbolManager(manager)
    parser = module.InputParser(solver, symbols)
    parser.setStringInput(module.InputLanguage.SMT_LIB_2_6, text, "certificate")
    answers: list[Answer] = []
    while not (command := parser.nextCommand()).isNull():
        said = command.invoke(solver, symbols)
        if said:
            answers.append(_answer(said.strip()))
    return answers


def _symbols(variables: Iterable[Variable]) -> dict[str, Any]:
    return {v.name: z3().Bool(v.name) if v.sort == "bool" else z3().Int(v.name) for v in variables}


def _answer(said: str) -> Answer:
    return "sat" if said == "sat" else "unsat" if said == "unsat" else "unknown"


def _values(model: Any, symbols: Mapping[str, Any]) -> Values:
    """What the symbols are in a model; what it leaves open is 0."""
    found = {name: model.eval(symbol, model_completion=True) for name, symbol in symbols.items()}
    return {
        name: value.as_long() if z3().is_int_value(value) else int(z3().is_true(value)) for name, value in found.items()
    }
