"""The one decision point: terms, facts and waivers in, a decision out.

Rules of this file: pure and total; whoever holds the same terms, facts and waivers gets the same decision; a clause
that errs denies; a waiver lifts only what its clause allows, and only forbids and holds; an approval lifts holds only.

The order in which rules settle a call, the first that applies wins:

    1 error       a clause could not be evaluated
    2 lapsed      the terms' time is over: they allow nothing, or in their continuity only what that names
    3 forbid      a forbidding clause holds that no waiver lifts
    4 unreadable  a field or part is there that no clause lists, or that only a permit that does not hold lists
    5 hold        a hold clause holds that no waiver lifts
    6 no-permit   no permit holds
    7 waiver      something was lifted by a waiver
    8 approval    what a hold clause held was released by persons, and nothing was lifted by a waiver
    9 permit
"""

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from caveat.decide.decision import Decision, Rule, Verdict
from caveat.decide.policy import ENGINE, REMEMBERED, Policy, Truth
from caveat.facts import Facts
from caveat.terms.document import Duty
from caveat.terms.lease import Phase
from caveat.waivers.waiver import Waiver

STRICTEST = {"limit.tokens": min, "retain.days": max}
"""Of several duties of one name, the value that fulfils them all."""
WIDEST = frozenset({"redact.output"})
"""Duties whose empty value asks for the most: it stands for all others."""

Waived = dict[str, str]
Outcome = tuple[Verdict, Rule, tuple[str, ...]]
"""Verdict, what settled it, and the clauses that did."""


def decide(policy: Policy, facts: Facts, waivers: Sequence[Waiver] = (), phase: Phase = "running") -> Decision:
    """What the terms say of a call with these facts, in that phase of their lease."""
    truth, lapsed = policy.truth(facts), _lapsed(policy, facts, phase)
    waived = _waived(policy, truth, facts, waivers) if waivers and not truth.errors and not lapsed else {}
    if not waived:
        return _without_waiver(policy, truth, facts, lapsed=lapsed)
    approvals = {waiver.id for waiver in waivers if waiver.kind == "approval"}
    outcome = _settle(policy, truth, facts, waived, by_waiver=not approvals.issuperset(waived.values()))
    return _decision(policy, outcome, truth, waived)


def _without_waiver(policy: Policy, truth: Truth, facts: Facts, *, lapsed: bool) -> Decision:
    """The decision where nothing is lifted, which is made once for all calls of which the same is true."""
    stands_on = truth, lapsed, facts.fields, facts.unknown_fields, facts.unread_parts
    found: Decision | None = policy.settled.get(stands_on)
    if found is None:
        found = _decision(policy, _settled(policy, truth, facts, lapsed=lapsed), truth, {})
        if len(policy.settled) < REMEMBERED:
            policy.settled[stands_on] = found
    return found


def _settled(policy: Policy, truth: Truth, facts: Facts, *, lapsed: bool) -> Outcome:
    """Steps 1 and 2 of the order above, then the others, nothing lifted."""
    if truth.errors:
        return "deny", "error", ()
    return ("deny", "lapsed", ()) if lapsed else _settle(policy, truth, facts, {}, by_waiver=False)


def decide_again(
    policy: Policy, before: Facts, decision: Decision, after: Facts, waivers: Sequence[Waiver] = ()
) -> Decision:
    """Exactly decide(policy, after, waivers), given that `decision` is decide(policy, before, waivers).

    Skips the evaluation where nothing that a decision looks at has changed.
    """
    if before is after or (not waivers and sees(policy, before) == sees(policy, after)):
        return decision
    return decide(policy, after, waivers)


def able(decision: Decision, fulfils: Collection[str]) -> Decision:
    """The decision, or a denial where a call that is allowed, or waits, owes a duty that is not in `fulfils`.

    The denial's clauses and duties are those that cannot be met; a replay of decide() gives what was denied.
    """
    owed = tuple(duty for duty in decision.duties if duty.name not in fulfils)
    if decision.verdict == "deny" or not owed:
        return decision
    return msgspec.structs.replace(decision, verdict="deny", rule="duty", duties=owed)


def sees(policy: Policy, facts: Facts) -> tuple[object, ...]:
    """All that a decision without waivers looks at while a lease runs, or has lapsed."""
    return policy.key(facts), facts.fields, facts.unknown_fields, facts.unread_parts


def _lapsed(policy: Policy, facts: Facts, phase: Phase) -> bool:
    continuity = policy.terms.draft.continuity
    if phase != "continuity" or continuity is None:
        return phase != "running"
    return bool(continuity.purposes) and facts.purpose not in continuity.purposes


def _settle(policy: Policy, truth: Truth, facts: Facts, waived: Waived, *, by_waiver: bool) -> Outcome:
    """Steps 3 to 9 of the order above; `by_waiver`: something was lifted, and not by an approval."""
    forbids = _live(policy, truth, "forbid", waived)
    if forbids:
        return "deny", "forbid", forbids
    permits = _live(policy, truth, "permit", waived)
    if _unreadable(policy, facts, permits):
        return "deny", "unreadable", ()
    holds = _live(policy, truth, "hold", waived)
    if holds:
        return "hold", "hold", holds
    if not permits:
        return "deny", "no-permit", ()
    return "allow", "waiver" if by_waiver else "approval" if waived else "permit", permits


def _live(policy: Policy, truth: Truth, effect: Literal["permit", "forbid", "hold"], waived: Waived) -> tuple[str, ...]:
    return tuple(id_ for id_ in truth.held if policy.clauses[id_].effect == effect and id_ not in waived)


def _unreadable(policy: Policy, facts: Facts, permits: tuple[str, ...]) -> bool:
    """Whether something is there that no recognizer reads and no permit that holds lets pass (design: what the gateway
    cannot read is refused unless a clause says otherwise)."""
    if facts.unknown_fields or facts.unread_parts:
        return True
    listed = {pointer for id_ in permits for pointer in policy.clauses[id_].fields}
    return not listed.issuperset(facts.fields)


def _waived(policy: Policy, truth: Truth, facts: Facts, waivers: Sequence[Waiver]) -> Waived:
    """Clause -> the waiver that lifts it; of several, an approval before waivers, then the first by id."""
    lifted: Waived = {}
    for waiver in sorted(waivers, key=lambda w: (w.kind, w.id)):
        for clause in truth.held:
            if clause not in lifted and _lifts(policy, waiver, clause, facts):
                lifted[clause] = waiver.id
    return lifted


def _lifts(policy: Policy, waiver: Waiver, clause: str, facts: Facts) -> bool:
    effect = policy.clauses[clause].effect
    may = effect == "hold" if waiver.kind == "approval" else clause not in policy.non_waivable
    return (
        may
        and effect in ("forbid", "hold")
        and waiver.covers(
            clause,
            terms=policy.terms.digest,
            caller=facts.caller,
            purpose=facts.purpose,
            model=facts.model,
            rank=facts.label_rank,
            at_ms=facts.epoch * 1000,
        )
        and (not waiver.case or facts.case_given)
    )


def _decision(policy: Policy, outcome: Outcome, truth: Truth, waived: Waived) -> Decision:
    verdict, rule, clauses = outcome
    return Decision(
        verdict=verdict,
        rule=rule,
        clauses=clauses,
        held=truth.held,
        unmet=policy.permits if rule == "no-permit" else (),
        waived=tuple(sorted(waived.items())),
        duties=_duties(policy, truth),
        errors=truth.errors,
        terms=policy.terms.digest,
        engine=ENGINE,
    )


def united(name: str, values: set[str | int]) -> set[str | int]:
    """Of the values of one duty, those that fulfil them all."""
    strictest = STRICTEST.get(name)
    if strictest:
        return {strictest(values)}
    if name in WIDEST and "" in values:
        return {""}
    return values - {""} or values


def _duties(policy: Policy, truth: Truth) -> tuple[Duty, ...]:
    """Of every permit and oblige clause that holds, united."""
    values: dict[str, set[str | int]] = {}
    for clause in truth.held:
        for duty in policy.clauses[clause].duties:
            values.setdefault(duty.name, set()).add(duty.value)
    found: list[Duty] = []
    for name, of_name in values.items():
        chosen = united(name, of_name)
        found.extend(Duty(name, value) for value in chosen)
    return tuple(sorted(found, key=lambda duty: (duty.name, str(duty.value))))
