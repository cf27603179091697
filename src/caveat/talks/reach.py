"""What clauses do, and what waivers let through, over every request there could be.

    idle     a clause whose absence no call would notice
    never    a clause whose condition no call can make true
    reach    for a waiver of some clauses, which hazards, purposes and markings a call could have that it alone lets
             through, and which are proved impossible

Rule of this file: "never", "idle" and "cannot" are said only on a proof; what Z3 does not know is "unknown".
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from caveat.errors import BadInput
from caveat.talks.analyse import with_questions
from caveat.talks.outcome import Formulas, formulas
from caveat.talks.sight import Sight
from caveat.talks.smt import Number, Truth, Word, WordSet, all_of, any_of, negation
from caveat.talks.solvers import Z3, Answer
from caveat.talks.symbols import Symbols
from caveat.terms.document import Clause, Draft
from caveat.waivers.waiver import Waiver


class Idle(Struct, frozen=True):
    """Clause ids, in the order of the terms.  `idle` leaves out those in `never`."""

    never: tuple[str, ...]
    idle: tuple[str, ...]
    unknown: tuple[str, ...]


def idle(draft: Draft) -> Idle:
    """Clauses that no call can trigger, and others that never decide anything.  Raises BadInput without Z3."""
    symbols = Symbols((draft,))
    made = formulas(symbols, draft, "a")
    decides = _decides(symbols, Sight(symbols, draft), made)
    asked = {f"q.held.{id_}": all_of((made.fits, held)) for id_, held in made.held.items()}
    asked |= {f"q.decides.{id_}": formula for id_, formula in decides.items()}
    answers = ask_all(
        Z3(symbols.text() + with_questions(asked)), list(reversed(asked))
    )  # what decides something, holds
    held = {id_: answers[f"q.held.{id_}"] for id_ in made.held}
    matters = {id_: answers[f"q.decides.{id_}"] for id_ in made.held}
    never = tuple(id_ for id_ in held if held[id_] == "unsat")
    return Idle(
        never,
        tuple(id_ for id_ in held if matters[id_] == "unsat" and id_ not in never),
        tuple(id_ for id_ in held if "unknown" in (held[id_], matters[id_])),
    )


def ask_all(solver: Z3, questions: Sequence[str]) -> dict[str, Answer]:
    """Each question's answer; an example for one answers every other that it makes true."""
    answers: dict[str, Answer] = {}
    for question in questions:
        if question not in answers:
            answers[question] = solver.ask(question)
            if answers[question] == "sat":
                answers |= dict.fromkeys(solver.true([one for one in questions if one not in answers]), "sat")
    return answers


def _decides(symbols: Symbols, sight: Sight, made: Formulas) -> dict[str, str]:
    """For each clause, when the outcome would be another without it."""
    readable = all_of((made.fits, negation(made.forbid), negation(made.unreadable)))
    twice = {effect: _twice(symbols, f"two.{effect}", made, effect) for effect in ("permit", "forbid", "hold")}
    else_allowed = all_of((made.fits, negation(made.unreadable), any_of((made.hold, made.permit))))
    when: dict[str, Callable[[Clause], str]] = {
        "forbid": lambda _: all_of((else_allowed, negation(twice["forbid"]))),
        "hold": lambda _: all_of((readable, negation(twice["hold"]))),
        "permit": lambda clause: all_of(
            (
                readable,
                any_of(
                    (
                        all_of((negation(made.hold), negation(twice["permit"]))),
                        _lets_pass(sight, made, clause),
                        _adds_duty(made, clause),
                    )
                ),
            )
        ),
        "oblige": lambda clause: _adds_duty(made, clause),
    }
    return {
        clause.id: all_of((made.held[clause.id], when[clause.effect](clause)))
        for clause in made.of("permit", "forbid", "hold", "oblige")
    }


def _twice(symbols: Symbols, name: str, made: Formulas, effect: str) -> str:
    """Whether two clauses of an effect hold at once, counted from one clause to the next."""
    once = twice = "false"
    for place, clause in enumerate(made.of(effect)):
        held = made.held[clause.id]
        twice = symbols.define(f"{name}.{place}", any_of((twice, all_of((once, held)))))
        once = symbols.define(f"{name}.{place}.once", any_of((once, held)))
    return twice


def _lets_pass(sight: Sight, made: Formulas, clause: Clause) -> str:
    """Whether a field is there that this permit lists and no other that holds does."""
    others = [other for other in made.of("permit") if other.id != clause.id]
    return any_of(
        all_of((sight.field(field), *(negation(made.held[o.id]) for o in others if field in o.fields)))
        for field in clause.fields
    )


def _adds_duty(made: Formulas, clause: Clause) -> str:
    """Whether an allowed call owes a duty for this clause alone."""
    others = [other for other in made.of("permit", "oblige") if other.id != clause.id]
    return all_of(
        (
            made.allow,
            any_of(
                all_of((made.owes[duty], *(negation(made.held[o.id]) for o in others if duty in o.duties)))
                for duty in clause.duties
            ),
        )
    )


class Reach(Struct, frozen=True):
    """One thing that a call might have: a word of a fact, `>= n` of a rank, or `true`."""

    fact: str
    word: str
    says: Literal["can", "cannot", "unknown"]


SETS = ("hazardsIn", "hazardsOut", "caveats", "tools")
WORDS = ("purpose", "outputUse", "regulatedArea", "personalData", "sideEffect")
RANKS = ("labelRank", "labelRankOut")
SIGNS = ("secretsIn", "secretsOut")


def reach(draft: Draft, waiver: Waiver) -> tuple[Reach, ...]:
    """What a call can have that is allowed under the waiver and not without it; all "cannot" where it has no effect.

    Its time and number of uses are not looked at.  Raises BadInput for clauses that the terms do not have, or that
    cannot be waived.
    """
    waivable = {clause.id for clause in draft.clauses if clause.waivable}
    for id_ in waiver.clauses:
        if id_ not in waivable:
            raise BadInput(f"`{draft.name}` has no clause `{id_}` that can be waived")
    symbols = Symbols((draft,), callers=waiver.callers)
    sight = Sight(symbols, draft)
    plain = formulas(symbols, draft, "a")
    scope = symbols.define("scope", _scope(sight, waiver))
    lifted = formulas(symbols, draft, "w", lambda clause: scope if clause.id in waiver.clauses else "false")
    through = all_of((lifted.allow, negation(plain.allow)))
    asked = [(fact, word, all_of((through, text))) for fact, word, text in _traits(sight)]
    names = [f"q.{place}" for place in range(len(asked))]
    text = with_questions({name: formula for name, (_, _, formula) in zip(names, asked, strict=True)})
    answers = ask_all(Z3(symbols.text() + text), names)
    says: dict[Answer, Literal["can", "cannot", "unknown"]] = {"sat": "can", "unsat": "cannot", "unknown": "unknown"}
    return tuple(Reach(fact, word, says[answers[n]]) for n, (fact, word, _) in zip(names, asked, strict=True))


def _scope(sight: Sight, waiver: Waiver) -> str:
    who, model, purpose = sight.scope("principal"), sight.scope("resource"), sight.fact("purpose")
    assert isinstance(purpose, Word)
    wanted = ((who, waiver.callers), (purpose, waiver.purposes), (model, waiver.models))
    rank = sight.fact("labelRank")
    assert isinstance(rank, Number)
    highest = [f"(<= {rank.text} {waiver.max_rank})"] if waiver.max_rank >= 0 else []
    return all_of((*(_one_of(sight, word, words) for word, words in wanted if words), *highest))


def _one_of(sight: Sight, word: Word, words: Iterable[str]) -> str:
    known = sight.words(word.kind)
    return any_of(f"(= {word.text} {known.index(one)})" for one in words if one in known)


def _traits(sight: Sight) -> list[tuple[str, str, str]]:
    """Fact, word and formula of everything that a reach is asked about."""
    found: list[tuple[str, str, str]] = []
    for name in (*SETS, *WORDS, *RANKS, *SIGNS):
        value = sight.fact(name)
        match value:
            case WordSet():
                found += [(name, word, value.has(word)) for word in sight.words(value.kind)]
            case Word():
                words = enumerate(sight.words(value.kind))
                found += [(name, word, f"(= {value.text} {place})") for place, word in words]
            case Number():
                found += [(name, f">= {rank}", f"(>= {value.text} {rank})") for rank in range(1, 16)]
            case Truth():
                found.append((name, "true", value.text))
    return found
