"""The shape of the block that promises challenges, and what lint says of it.

challenges:
  openings: 300
  days: 90

For so many days after a bundle the operator opens so many records of it, drawn by both (evidence/challenge.py).  What is to
be opened must still be there: bodies are kept as long by a clause whose duties are `log.full` and `retain.days`.
"""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from caveat.terms.document import Challenges, Draft
from caveat.terms.shape_base import Shape


class ChallengesShape(Shape, frozen=True):
    """How many records are opened for a challenge, and for how long one may be made."""

    openings: Annotated[int, Meta(ge=1, le=1_000_000)] = 300
    days: Annotated[int, Meta(ge=1, le=3650)] = 90


def promised(written: ChallengesShape | None) -> Challenges | None:
    """The block's value."""
    return None if written is None else Challenges(written.openings, written.days)


def on_challenges(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Code, message and hint where bodies are not kept as long as challenges are promised."""
    if draft.challenges is None:
        return
    kept = 0
    for clause in draft.clauses:
        duties = {duty.name: duty.value for duty in clause.duties}
        if "log.full" in duties and clause.when is not None:
            kept = max(kept, int(duties.get("retain.days") or 0))
    if kept < draft.challenges.days:
        days = draft.challenges.days
        told = f"they are kept for {kept} days" if kept else "no clause keeps them for a given time"
        yield (
            "challenge-bodies",
            f"challenges are promised for {days} days, and the bodies that one opens must be kept as long: {told}",
            f"give a clause the duties `log.full` and `retain.days: {days}`, or promise challenges for fewer days",
        )
