"""What a change of terms does to every request there could be: an example, a proof that there is none, or "unknown".

Rules of this file: an example is only reported once the engine has decided it under both versions and has said the same
as the solver; "none" is said when every solver that was asked answered unsat; whatever else comes is "unknown", which is
no "none".
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from msgspec import Struct

from caveat.decide.decision import Decision
from caveat.decide.policy import Policy
from caveat.talks.imagined import Imagined, imagined, settle
from caveat.talks.outcome import Formulas, formulas
from caveat.talks.smt import all_of, negation
from caveat.talks.solvers import Z3, Answer, Smallest, ask_cvc5
from caveat.talks.symbols import Symbols, Variable
from caveat.terms.document import Draft, Duty, Terms

Asks = Literal["newly-allowed", "newly-denied", "newly-held", "newly-owed", "no-longer-owed"]
Says = Literal["found", "none", "unknown"]


class Question(Struct, frozen=True):
    """One thing that may have changed.  `name` is its symbol; `duty` says which, for the two that are about duties."""

    name: str
    asks: Asks
    duty: Duty | None = None


class Answered(Struct, frozen=True):
    """A question's answer.

    answers         solver -> what it said
    request         for "found": an example, the smallest that Z3 found in its time
    before, after   what the engine decides of it under each version
    """

    question: Question
    says: Says
    answers: dict[str, Answer]
    request: Imagined | None = None
    before: Decision | None = None
    after: Decision | None = None


class Asked(Struct, frozen=True):
    """All questions about two versions, as one SMT-LIB text."""

    text: str
    questions: tuple[Question, ...]
    variables: tuple[Variable, ...]


CONFIRMED: Final[Mapping[Asks, Callable[[Decision, Decision, Duty | None], bool]]] = {
    "newly-allowed": lambda before, after, _: before.verdict != "allow" and after.verdict == "allow",
    "newly-denied": lambda before, after, _: before.verdict != "deny" and after.verdict == "deny",
    "newly-held": lambda before, after, _: before.verdict != "hold" and after.verdict == "hold",
    "newly-owed": lambda before, after, duty: _both(before, after) and _owes(after, duty) and not _owes(before, duty),
    "no-longer-owed": lambda before, after, duty: (
        _both(before, after) and _owes(before, duty) and not _owes(after, duty)
    ),
}
"""Whether two decisions of the engine are the change that was asked about."""


def compare(before: Draft, after: Draft) -> tuple[Asked, tuple[Answered, ...]]:
    """Every question about the change, answered.

    Raises BadInput where Z3 is not installed, or where the two cannot be compared.
    """
    asked = ask(before, after)
    return asked, answer(asked, before, after)


def ask(before: Draft, after: Draft) -> Asked:
    """The questions, as text that depends on the two documents alone."""
    symbols = Symbols((before, after))
    a, b = formulas(symbols, before, "a"), formulas(symbols, after, "b")
    asked = {
        Question("q.newly-allowed", "newly-allowed"): all_of((b.allow, negation(a.allow))),
        Question("q.newly-denied", "newly-denied"): all_of((b.deny, negation(a.deny))),
        Question("q.newly-held", "newly-held"): all_of((b.held_back, negation(a.held_back))),
        **_duties(a, b),
    }
    text = symbols.text() + with_questions({question.name: formula for question, formula in asked.items()})
    return Asked(text, tuple(asked), tuple(symbols.variables.values()))


def with_questions(formulas_by_name: Mapping[str, str]) -> str:
    """A named Boolean for each question, to be assumed one at a time."""
    return "".join(
        f"(declare-const {name} Bool)\n(assert (= {name} {formula}))\n" for name, formula in formulas_by_name.items()
    )


def _duties(a: Formulas, b: Formulas) -> dict[Question, str]:
    """Which duty calls that both versions allow owe under one alone."""
    asked: dict[Question, str] = {}
    duties = sorted({*a.owes, *b.owes}, key=lambda duty: (duty.name, str(duty.value)))
    for place, duty in enumerate(duties):
        old, new = a.owes.get(duty, "false"), b.owes.get(duty, "false")
        both = (a.allow, b.allow)
        asked[Question(f"q.newly-owed.{place}", "newly-owed", duty)] = all_of((*both, new, negation(old)))
        asked[Question(f"q.no-longer-owed.{place}", "no-longer-owed", duty)] = all_of((*both, old, negation(new)))
    return asked


def answer(asked: Asked, before: Draft, after: Draft) -> tuple[Answered, ...]:
    """The solvers' answers, each example replayed through the engine under both versions."""
    solver, smallest = Z3(asked.text), Smallest(asked.text, asked.variables)
    second = ask_cvc5(asked.text, [question.name for question in asked.questions])
    engines = _engine(before), _engine(after)
    found = []
    for question in asked.questions:
        answers: dict[str, Answer] = {"Z3": solver.ask(question.name)}
        if second is not None:
            answers["cvc5"] = second[question.name]
        says = verdict(answers)
        if says != "found":
            found.append(Answered(question, says, answers))
            continue
        values = smallest.find(question.name) or solver.model(asked.variables)
        found.append(_example(question, answers, imagined(values, asked.variables), engines))
    return tuple(found)


def verdict(answers: Mapping[str, Answer]) -> Says:
    """What solvers say together: they agree, or it is unknown; one that does not know does not count against another
    that found an example, since examples are confirmed."""
    said = set(answers.values())
    if said == {"unsat"}:
        return "none"
    return "found" if said in ({"sat"}, {"sat", "unknown"}) and answers["Z3"] == "sat" else "unknown"


def confirmed(question: Question, before: Decision, after: Decision) -> bool:
    """Whether the engine's two decisions are the change that the question is about."""
    return CONFIRMED[question.asks](before, after, question.duty)


def _example(
    question: Question, answers: dict[str, Answer], request: Imagined, engines: tuple[Policy, Policy]
) -> Answered:
    before, after = (settle(policy, request) for policy in engines)
    if not confirmed(question, before, after):
        return Answered(question, "unknown", answers)
    return Answered(question, "found", answers, request, before, after)


def _engine(draft: Draft) -> Policy:
    """The engine over a draft: nothing is decided for anyone, so no signature is asked for."""
    return Policy(Terms(draft, "", ()))


def _both(before: Decision, after: Decision) -> bool:
    return before.verdict == after.verdict == "allow"


def _owes(decision: Decision, duty: Duty | None) -> bool:
    return duty in decision.duties
