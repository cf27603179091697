"""Whether a clause holds of more requests than before, or of fewer: over every request there could be.

    wider      of all of which it held, and of more       same       of the very same
    narrower   of some of which it held, and of no other  other      of some no longer, of others now

Rules of this file: what is said is proved; what Z3 does not know is "unknown".  A clause may change though its words do not:
by a threshold, by the rules for tools.  Only requests that are calls under one of the two versions are looked at.
"""

from typing import Final, Literal

from caveat.talks.analyse import with_questions
from caveat.talks.outcome import formulas
from caveat.talks.reach import ask_all
from caveat.talks.smt import all_of, any_of, negation
from caveat.talks.solvers import Z3, Answer
from caveat.talks.symbols import Symbols
from caveat.terms.document import Draft

Direction = Literal["same", "wider", "narrower", "other", "unknown"]
SAYS: Final[dict[tuple[Answer, Answer], Direction]] = {
    ("unsat", "unsat"): "same",
    ("sat", "unsat"): "wider",
    ("unsat", "sat"): "narrower",
    ("sat", "sat"): "other",
}
"""Whether there is a request of which it holds now and did not, and one of which it did and does not."""


def directions(before: Draft, after: Draft) -> dict[str, Direction]:
    """For each clause of both versions that has a condition, in the order of the second.

    Raises BadInput where Z3 is not installed, or where the two cannot be compared.
    """
    symbols = Symbols((before, after))
    a, b = formulas(symbols, before, "a"), formulas(symbols, after, "b")
    fits = any_of((a.fits, b.fits))
    asked = {}
    for id_ in (clause for clause in b.held if clause in a.held):
        asked[f"q.more.{id_}"] = all_of((fits, b.held[id_], negation(a.held[id_])))
        asked[f"q.less.{id_}"] = all_of((fits, a.held[id_], negation(b.held[id_])))
    answers = ask_all(Z3(symbols.text() + with_questions(asked)), list(asked))
    ids = [name.removeprefix("q.more.") for name in asked if name.startswith("q.more.")]
    return {id_: SAYS.get((answers[f"q.more.{id_}"], answers[f"q.less.{id_}"]), "unknown") for id_ in ids}
