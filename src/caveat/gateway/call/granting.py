"""What a permit says of a call that was decided and is on record."""

from caveat.gateway.house.begun import Begun
from caveat.gateway.upstream.sealing import Granted


def granted(begun: Begun) -> Granted:
    """The call's id, its model, the terms, the clauses that allowed it, the duties that it owes."""
    decision, draft = begun.decision, begun.route.policy.terms.draft
    return Granted(
        begun.asked.id,
        begun.route.identity,
        f"{draft.name} {decision.terms}",
        decision.clauses,
        tuple(duty.name for duty in decision.duties),
        begun.facts.tokens_out_max,
    )
