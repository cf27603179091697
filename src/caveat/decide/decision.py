"""What a decision is: a value that explains itself and can be replayed by anyone who holds terms and facts."""

from typing import Literal

from msgspec import Struct

from caveat.terms.document import Duty

Verdict = Literal["allow", "deny", "hold"]

Rule = Literal["permit", "waiver", "approval", "forbid", "hold", "no-permit", "unreadable", "duty", "error", "lapsed"]
"""What settled it:

    permit      a permit holds and nothing forbids
    waiver      the same, once waivers had lifted what forbids
    approval    the same, once persons had released what a hold clause held
    forbid      a forbidding clause holds
    hold        a hold clause holds: forbidden until approved
    no-permit   nothing permits it (the default)
    unreadable  a field or part that nothing lets pass
    duty        a duty that this gateway cannot fulfil
    error       a clause could not be evaluated
    lapsed      the terms' lease is over, or a party has revoked them, and no continuity lets the call through
"""


class Decision(Struct, frozen=True):
    """The outcome of one evaluation.  Tuples are sorted.

    clauses   those that settled it: the live forbids of a deny, the holds of a hold, the permits of an allow
    held      every clause that holds, whatever its effect
    unmet     for no-permit: the permits that did not hold
    waived    (clause, waiver) for each forbid or hold that a waiver lifted, (clause, hold id) for each hold that an
              approval released
    duties    of all obliging clauses that hold; to be fulfilled only when the verdict is allow
    errors    (clause, what went wrong); any entry makes the verdict deny
    terms     the pair's digest
    engine    "cedarpy/4.12.2": what evaluated it
    """

    verdict: Verdict
    rule: Rule
    clauses: tuple[str, ...]
    held: tuple[str, ...]
    unmet: tuple[str, ...]
    waived: tuple[tuple[str, str], ...]
    duties: tuple[Duty, ...]
    errors: tuple[tuple[str, str], ...]
    terms: str
    engine: str
