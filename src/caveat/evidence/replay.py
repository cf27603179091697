"""Deciding again: whether each recorded decision follows from the facts that were claimed for it.

Rules of this file: `decide` is the gateway's own, and pure; facts are taken only whole and only in the one form in which
they were committed; of waivers and approvals, only those that a decision names are given to it, if they were in force, for
a gateway may leave one unused (its uses were gone, its case was another); the answer is remembered for equal facts by the policy itself (decide/policy.py), which knows what
its clauses look at.  A gateway may only tighten: deny for want of a duty (rule `duty`) what the terms allow or hold.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.decide.decide import decide, sees
from caveat.decide.decision import Decision
from caveat.decide.policy import ENGINE, Policy
from caveat.errors import NotVerified
from caveat.evidence.claimed import MOST, Claims
from caveat.facts import Facts
from caveat.facts.seen import over
from caveat.record import Leaf, spent
from caveat.terms.document import Draft, Terms
from caveat.terms.lease import Phase
from caveat.vocabulary import HAZARDS
from caveat.waivers.waiver import Waiver

_HAZARDS: Final = frozenset(HAZARDS)
NO_LIFTS: Final[Mapping[str, Waiver]] = {}
MAX_DRIFT_MS: Final = 3_600_000
"""How far the facts' clock and the record's clock may lie apart: a call's whole body is read in between."""


class Replayed(Struct, frozen=True, gc=False):
    """What a record's disclosures came to: its decision and its facts, None where they were withheld; and what the call
    spent, which stands in the clear."""

    decision: Decision | None
    facts: Facts | None
    spends: tuple[str, ...] = ()


class Replay:
    """Replays decisions under terms by their digest.  Counts what it did and what it could not do.

    replayed   decisions found to follow from their facts
    withheld   records whose facts are not all disclosed
    engines    what recorded decisions say evaluated them
    """

    def __init__(self) -> None:
        self.replayed = 0
        self.withheld = 0
        self.engines: set[str] = set()
        self._claims = Claims()
        self._policies: dict[str, Policy] = {}
        self._agreed: dict[int, tuple[Decision, Decision]] = {}
        self._decided: dict[tuple[Any, ...], Decision] = {}

    def request(
        self, leaf: Leaf, values: dict[str, Any], terms: Terms | None, lifts: Mapping[str, Waiver] = NO_LIFTS
    ) -> Replayed:
        """The decision of a call's first record; `lifts` are the waivers and approvals in force there, by id.  Raises
        NotVerified where it does not follow."""
        decision = self._claims.decision(leaf, values)
        if decision is not None:
            _check_spent(decision, leaf, lifts)
        facts = self._claims.request(values)
        if facts is not None and abs(facts.epoch * 1000 - leaf.t) > MAX_DRIFT_MS:
            raise _no("the facts' clock and the record's clock are more than an hour apart")
        self._compare(decision, facts, terms, lifts)
        return Replayed(decision, facts, leaf.w)

    def reply(
        self,
        leaf: Leaf,
        values: dict[str, Any],
        asked: Replayed,
        terms: Terms | None,
        lifts: Mapping[str, Waiver] = NO_LIFTS,
    ) -> Decision | None:
        """The last decision over a reply, None where it was withheld.

        `asked` is what the call's first record came to; a reply is lifted by what that one spent or its own record spends,
        and nothing else.
        """
        decision = self._claims.decision(leaf, values)
        before, facts = asked.facts, None
        spends = (*asked.spends, *leaf.w)
        if decision is not None and not set(leaf.w) <= set(spent(decision)):
            raise _no("the reply spends what its decision does not lift by")
        if before is not None and "reply" in values:
            facts = self._claims.reply(before, values["reply"])
        if "decision" in leaf.c:
            self._compare(decision, facts, terms, {id_: lifts[id_] for id_ in spends if id_ in lifts})
        return decision

    def _compare(
        self, decision: Decision | None, facts: Facts | None, terms: Terms | None, lifts: Mapping[str, Waiver]
    ) -> None:
        if decision is None or facts is None or terms is None:
            self.withheld += 1
            return
        self.engines.add(decision.engine)
        _check_derived(facts, terms.draft)
        named = {id_ for _, id_ in decision.waived}
        if unknown := named - lifts.keys():
            raise _no(f"the decision lifts a clause by `{min(unknown)}`, which it could not use")
        self._check(decision, self._decide(terms, facts, [lifts[id_] for id_ in named], phase_of(decision)))
        self.replayed += 1

    def _check(self, recorded: Decision, follows: Decision) -> None:
        if self._agreed.get(id(recorded), (None, None))[0] is recorded and self._agreed[id(recorded)][1] is follows:
            return
        wanted = msgspec.structs.replace(follows, engine=recorded.engine)
        if recorded.rule == "duty" and follows.verdict != "deny" and recorded.duties:
            owed = tuple(duty for duty in follows.duties if duty in recorded.duties)
            wanted = msgspec.structs.replace(wanted, verdict="deny", rule="duty", duties=owed)
        if recorded != wanted:
            raise _no(f"the decision does not follow from the claimed facts: {_difference(recorded, wanted)}")
        if len(self._agreed) >= MOST:
            self._agreed.clear()
        self._agreed[id(recorded)] = (recorded, follows)

    def _decide(self, terms: Terms, facts: Facts, lifts: list[Waiver], phase: Phase) -> Decision:
        """What `decide` says; where nothing is lifted, once for all facts that it cannot tell apart."""
        policy = self._policy(terms)
        if lifts:
            return decide(policy, facts, lifts, phase)
        seen = (terms.digest, phase, *sees(policy, facts))
        decision = self._decided.get(seen)
        if decision is None:
            if len(self._decided) >= MOST:
                self._decided.clear()
            decision = self._decided[seen] = decide(policy, facts, (), phase)
        return decision

    def _policy(self, terms: Terms) -> Policy:
        policy = self._policies.get(terms.digest)
        if policy is None:
            policy = self._policies[terms.digest] = Policy(terms)
        return policy


def phase_of(decision: Decision) -> Phase:
    """The phase of the lease that the decision claims; step 14 checks the claim."""
    return "lapsed" if decision.rule == "lapsed" else "running"


def engine_note(engines: set[str]) -> str:
    """What to say where decisions were evaluated by another engine than this one, "" where not."""
    others = sorted(engines - {ENGINE})
    return f"decisions recorded by {', '.join(others)} were replayed with {ENGINE}" if others else ""


def _check_spent(decision: Decision, leaf: Leaf, lifts: Mapping[str, Waiver]) -> None:
    """Return if the call spent what its decision lifts by, and beyond that the release of a kept reply at most."""
    named, spends = set(spent(decision)), set(leaf.w)
    more = spends - named
    released = len(more) <= 1 and all(id_ in lifts and lifts[id_].reply for id_ in more)
    if not named <= spends or not released or (spends and decision.verdict != "allow"):
        raise _no("what the decision lifts by is not what the call spent")


def _check_derived(facts: Facts, draft: Draft) -> None:
    """Return if facts that follow from other facts under the terms do: hazards from scores by the signed thresholds."""
    scored = facts.pm or facts.pm_out or facts.hazards_in or facts.hazards_out or facts.hazard_permille
    if scored:
        _check_scores(facts, draft)
    if facts.purpose not in draft.purposes or facts.model not in [one.alias for one in draft.models]:
        raise _no("the facts name a purpose or a model that the terms do not")


def _check_scores(facts: Facts, draft: Draft) -> None:
    if not (_HAZARDS.issuperset(facts.pm) and _HAZARDS.issuperset(facts.pm_out)):
        raise _no("the disclosed facts score a hazard that there is none of")
    if facts.hazards_in != over(facts.pm, draft) or facts.hazards_out != over(facts.pm_out, draft):
        raise _no("the hazards in the facts are not those that the scores reach by the terms' thresholds")
    if facts.hazard_permille != max(facts.pm.values(), default=0):
        raise _no("the highest score in the facts is not the highest of the scores")


def _no(why: str) -> NotVerified:
    return NotVerified(why, step="replay")


def _difference(recorded: Decision, wanted: Decision) -> str:
    for name in ("verdict", "rule", "clauses", "held", "unmet", "waived", "duties", "errors", "terms"):
        got, expected = getattr(recorded, name), getattr(wanted, name)
        if got != expected:
            return f"its {name} should be {_words(expected)}, recorded is {_words(got)}"
    return "it is written differently"


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(_words(item) for item in value) + ")"
    return f"`{value.name}`" if hasattr(value, "name") else f"`{value}`"
