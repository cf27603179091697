"""What a caller is told of a decision that is not an allow: the terms' sentence, and where in the body the cause stands."""

from msgspec.structs import replace

from caveat.decide.explain import held, leave_out, refusal
from caveat.facts import covers
from caveat.gateway.call import duties
from caveat.gateway.house.begun import Begun
from caveat.wire.reply import Halt

MOST_SHOWN = 3


def halt_of(begun: Begun) -> Halt:
    """The refusal of a request, in the caller's language; one for something unreadable names its pointers."""
    halt = refusal(begun.decision, begun.route.policy.terms, duties.language(begun))
    if begun.decision.verdict == "hold":
        return replace(halt, message=f"{halt.message}; {held(begun.asked.id, duties.language(begun))}")
    where = _pointers(begun) if begun.decision.rule == "unreadable" else ()
    if not where:
        return halt
    shown = ", ".join(f"`{pointer}`" for pointer in where[:MOST_SHOWN])
    more = f" (+{len(where) - MOST_SHOWN})" if len(where) > MOST_SHOWN else ""
    return replace(halt, message=f"{halt.message}: {shown}{more}; {leave_out(duties.language(begun))}")


def _pointers(begun: Begun) -> tuple[str, ...]:
    """Fields and parts that no permit which holds lets pass."""
    clauses = begun.route.policy.clauses
    listed = [pattern for id_ in begun.decision.held for pattern in clauses[id_].fields]
    found = (*begun.call.unlisted, *begun.call.unread)
    return tuple(pointer for pointer in found if not any(covers(pattern, pointer) for pattern in listed))
