"""One version's answer to a request, as formulas: the same order of rules as decide/decide.py.

    uncovered   its model or purpose is not the terms': no call under them       (deny)
    forbid, unreadable                                                           (deny)
    hold                                                                         (hold)
    no-permit                                                                    (deny)
    permit                                                                       (allow)

Rule of this file: every formula is defined under a name that begins with the version's letter, so the text can be read
beside the terms: `b.held.office.work`, `b.allow`.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from caveat.decide.decide import STRICTEST, WIDEST
from caveat.talks.sight import Sight
from caveat.talks.smt import Word, all_of, any_of, formula, negation
from caveat.talks.symbols import Symbols
from caveat.terms.condition import read_expression
from caveat.terms.document import Clause, Draft, Duty

Lifted = Callable[[Clause], str]
"""Under what a waiver lifts the clause, "false" where none does."""


class Formulas(Struct, frozen=True):
    """Names of what is defined for one version.

    held    clause id -> whether its condition holds     fits   whether the request is a call under these terms
    owes    duty -> whether an allowed call owes it, the strictest of its name
    """

    letter: str
    draft: Draft
    held: dict[str, str]
    fits: str
    forbid: str
    unreadable: str
    hold: str
    permit: str
    deny: str
    held_back: str
    allow: str
    owes: dict[Duty, str]

    def of(self, *effects: str) -> list[Clause]:
        """Clauses with a condition and one of the effects."""
        return [clause for clause in self.draft.clauses if clause.id in self.held and clause.effect in effects]


def formulas(symbols: Symbols, draft: Draft, letter: str, lifted: Lifted = lambda _: "false") -> Formulas:
    """Define one version's answer in `symbols`."""
    sight = Sight(symbols, draft)
    held = {
        clause.id: symbols.define(
            f"{letter}.held.{clause.id}", formula(read_expression(clause.when), sight), clause.when
        )
        for clause in draft.clauses
        if clause.when is not None
    }
    fits = symbols.define(f"{letter}.fits", _fits(symbols, sight, draft), "a call under these terms")

    def live(effect: str) -> str:
        return any_of(
            all_of((held[clause.id], negation(lifted(clause))))
            for clause in draft.clauses
            if clause.effect == effect and clause.id in held
        )

    forbid = symbols.define(f"{letter}.forbid", live("forbid"))
    hold = symbols.define(f"{letter}.hold", live("hold"))
    permit = symbols.define(f"{letter}.permit", live("permit"))
    unreadable = symbols.define(f"{letter}.unreadable", _unreadable(sight, draft, held))
    readable = all_of((fits, negation(forbid), negation(unreadable)))
    held_back = symbols.define(f"{letter}.held-back", all_of((readable, hold)))
    allow = symbols.define(f"{letter}.allow", all_of((readable, negation(hold), permit)))
    deny = symbols.define(f"{letter}.deny", all_of((negation(held_back), negation(allow))))
    owes = _owes(symbols, draft, letter, held)
    return Formulas(letter, draft, held, fits, forbid, unreadable, hold, permit, deny, held_back, allow, owes)


def _fits(symbols: Symbols, sight: Sight, draft: Draft) -> str:
    """Model and purpose are among those that this version names."""
    model, purpose = sight.scope("resource"), sight.fact("purpose")
    assert isinstance(purpose, Word)
    models, purposes = symbols.words("Model"), symbols.words("Purpose")
    return all_of(
        (
            _among(model.text, [models.index(m.alias) for m in draft.models], len(models)),
            _among(purpose.text, [purposes.index(p) for p in draft.purposes], len(purposes)),
        )
    )


def _among(text: str, places: Sequence[int], of: int) -> str:
    return "true" if len(set(places)) == of else any_of(f"(= {text} {place})" for place in places)


def _unreadable(sight: Sight, draft: Draft, held: dict[str, str]) -> str:
    """Something is there that no clause lists, or that only permits list that do not hold."""
    permits = [clause for clause in draft.clauses if clause.effect == "permit" and clause.id in held]
    return any_of(
        (
            f"(> {sight.unlisted('field')} 0)",
            f"(> {sight.unlisted('part')} 0)",
            *(
                all_of(
                    (
                        sight.field(pattern),
                        negation(any_of(held[clause.id] for clause in permits if pattern in clause.fields)),
                    )
                )
                for pattern in sight.patterns
            ),
        )
    )


def _owes(symbols: Symbols, draft: Draft, letter: str, held: dict[str, str]) -> dict[Duty, str]:
    """Each duty of some clause; of a name with a strictest value only that, of others the plain one only alone."""
    by: dict[Duty, list[str]] = {}
    for clause in draft.clauses:
        for duty in clause.duties if clause.id in held else ():
            by.setdefault(duty, []).append(held[clause.id])
    return {
        duty: symbols.define(
            f"{letter}.owes.{place}", all_of((any_of(by[duty]), *_unless(duty, by))), f"{duty.name} {duty.value}"
        )
        for place, duty in enumerate(sorted(by, key=lambda duty: (duty.name, str(duty.value))))
    }


def _unless(duty: Duty, by: dict[Duty, list[str]]) -> list[str]:
    """What must not be owed for this one to count."""
    strictest = STRICTEST.get(duty.name)
    others = [other for other in by if other.name == duty.name and other != duty]
    if strictest:
        others = [other for other in others if strictest(other.value, duty.value) == other.value]
    elif duty.name in WIDEST:
        others = [other for other in others if other.value == ""]
    elif duty.value != "":
        others = []
    return [negation(held) for other in others for held in by[other]]
