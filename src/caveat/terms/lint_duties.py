"""Remarks on what clauses owe: what a reader may not expect of a duty."""

from collections.abc import Iterator
from typing import Final

from caveat.terms.condition import Condition
from caveat.terms.document import Clause
from caveat.vocabulary import FACTS, HAZARDS, per_mille_name

REPLIED: Final = frozenset(fact.name for fact in FACTS if fact.group == "reply") | {
    per_mille_name(code, out=True) for code in HAZARDS
}
"""What a condition can look at that only a reply brings."""

Told = tuple[str, str, str]
"""A remark's code, message and hint."""


def on_duties(clause: Clause, condition: Condition | None, owed: frozenset[str]) -> Iterator[Told]:
    """Remarks on one clause; `owed` are the names of the duties of all clauses."""
    mine = {duty.name for duty in clause.duties}
    if "redact.output" in mine and condition is not None and condition.reads & REPLIED:
        yield (
            "masks-late",
            "it masks only once the reply has shown something: a whole reply is masked, a stream is stopped there",
            "a condition on the request alone lets streams be masked from their beginning",
        )
    if "retain.days" in mine and "log.full" not in owed:
        yield "keeps-nothing", "nothing is kept for so many days: no clause has the duty `log.full`", ""
    if "review.human" in mine:
        persons = "a person releases" if clause.approvers == 1 else f"{clause.approvers} persons release"
        message = f"replies wait in the vault until {persons} them: the caller gets `approval_required` first"
        yield "reviewed", message, ""
