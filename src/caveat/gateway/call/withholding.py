"""A reply that persons are to release: what they are asked, what the caller is told, and its way to them.

Rules of this file: the outcome is on record before the reply is kept, as a held call's is; nothing of it has left.
"""

from caveat.decide.decision import Decision
from caveat.decide.explain import kept as told
from caveat.gateway.call import duties
from caveat.gateway.house.begun import Begun
from caveat.terms.document import Clause
from caveat.waivers.hold import REVIEW
from caveat.wire.reply import Halt


def clauses_of(begun: Begun, decision: Decision) -> tuple[str, ...]:
    """The clauses that persons are to release the reply from: the holds that it tripped, those that want it reviewed, and
    the holds of the request that an approval, spent by now, had lifted."""
    approvals = {waiver.id for waiver in begun.lifts if waiver.kind == "approval"}
    lifted = {clause for clause, by in decision.waived if by in approvals}
    holds = set(decision.clauses) if decision.verdict == "hold" else set()
    known = begun.route.policy.clauses
    reviews = {id_ for id_ in decision.held if _reviews(known[id_])}
    return tuple(sorted(holds | reviews | lifted))


def halt_of(begun: Begun, decision: Decision) -> Halt:
    """The refusal that names the hold, in the caller's language."""
    terms, language = begun.route.policy.terms, duties.language(begun)
    return told(terms, clauses_of(begun, decision), begun.asked.id, language)


def _reviews(clause: Clause) -> bool:
    return any(duty.name == REVIEW for duty in clause.duties)
