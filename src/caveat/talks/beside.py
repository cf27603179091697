"""Two decisions about one call, beside each other: the recorded one and the one under other terms.

Rule of this file: a change is one of outcome, or of what an allowed call owes; that other clauses come to the same outcome
is no change.
"""

from typing import Final

from caveat.decide.decide import decide
from caveat.decide.decision import Decision
from caveat.decide.policy import Policy
from caveat.facts import Facts
from caveat.talks.imagined import strange
from caveat.talks.recorded import Decided
from caveat.terms.compile import duty_text

DUTIES: Final = "other duties"


def decided(policy: Policy, facts: Facts, *, covered: bool) -> Decision:
    """The policy's decision; a call that its terms do not cover is denied, as a gateway refuses it (rule `error`)."""
    draft = policy.terms.draft
    decision = decide(policy, facts)
    if covered and facts.purpose in draft.purposes and facts.model in {model.alias for model in draft.models}:
        return decision
    return strange(decision)


def kind_of(old: Decided, new: Decision) -> str:
    """How they differ, "" where they do not.  A duty that the gateway could not meet then, it could not meet now."""
    verdict = new.verdict
    if old.rule == "duty" and verdict == "allow" and set(old.duties) <= set(new.duties):
        return ""
    if old.verdict != verdict:
        return f"{old.verdict} to {verdict}"
    return DUTIES if verdict == "allow" and set(old.duties) != set(new.duties) else ""


def because(old: Decided, new: Decision) -> tuple[str, ...]:
    """Clauses that the change is for: those that settle it now, or that settled it then and do no more; duties."""
    if old.verdict == new.verdict:
        return tuple(sorted({duty_text(duty) for duty in set(old.duties) ^ set(new.duties)}))
    if new.verdict != "allow":
        return new.clauses or (f"({new.rule})",)
    return old.clauses or (f"({old.rule})",)


def told(decision: Decided | Decision) -> str:
    """`deny: no.secrets`."""
    return f"{decision.verdict}: {', '.join(decision.clauses) or decision.rule}"
