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

from caveat.decide.decide import decide
from caveat.decide.decision import Decision
from caveat.decide.policy import ENGINE, Policy
from caveat.errors import CaveatError, NotVerified
from caveat.facts import Facts, grouped, ungrouped
from caveat.facts.seen import over
from caveat.record import Leaf, spent
from caveat.terms.document import Draft, Terms
from caveat.terms.lease import Phase
from caveat.vocabulary import HAZARDS
from caveat.waivers.waiver import Waiver

GROUPS: Final = ("who", "what", "why", "data", "content", "tools", "place", "reply")
NO_LIFTS: Final[Mapping[str, Waiver]] = {}
MAX_DRIFT_MS: Final = 3_600_000
"""How far the facts' clock and the record's clock may lie apart: a call's whole body is read in between."""


class Replayed(Struct, frozen=True):
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
        self._policies: dict[str, Policy] = {}

    def request(
        self, leaf: Leaf, values: dict[str, Any], terms: Terms | None, lifts: Mapping[str, Waiver] = NO_LIFTS
    ) -> Replayed:
        """The decision of a call's first record; `lifts` are the waivers and approvals in force there, by id.  Raises
        NotVerified where it does not follow."""
        decision = _decision(leaf, values)
        if decision is not None:
            _check_spent(decision, leaf, lifts)
        facts = _facts({name: values[name] for name in GROUPS if name in values})
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
        decision = _decision(leaf, values)
        before, facts = asked.facts, None
        spends = (*asked.spends, *leaf.w)
        if decision is not None and not set(leaf.w) <= set(spent(decision)):
            raise _no("the reply spends what its decision does not lift by")
        if before is not None and "reply" in values:
            facts = _facts({**{str(k): v for k, v in grouped(before).items()}, "reply": values["reply"]})
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
        self._check(decision, decide(self._policy(terms), facts, [lifts[id_] for id_ in named], _phase(decision)))
        self.replayed += 1

    def _check(self, recorded: Decision, follows: Decision) -> None:
        wanted = msgspec.structs.replace(follows, engine=recorded.engine)
        if recorded.rule == "duty" and follows.verdict != "deny" and recorded.duties:
            owed = tuple(duty for duty in follows.duties if duty in recorded.duties)
            wanted = msgspec.structs.replace(wanted, verdict="deny", rule="duty", duties=owed)
        if recorded != wanted:
            raise _no(f"the decision does not follow from the claimed facts: {_difference(recorded, wanted)}")

    def _policy(self, terms: Terms) -> Policy:
        policy = self._policies.get(terms.digest)
        if policy is None:
            policy = self._policies[terms.digest] = Policy(terms)
        return policy


def _phase(decision: Decision) -> Phase:
    """The phase of the lease that the decision claims; step 14 checks the claim."""
    return "lapsed" if decision.rule == "lapsed" else "running"


_encode = msgspec.json.Encoder(order="sorted").encode


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


def _decision(leaf: Leaf, values: dict[str, Any]) -> Decision | None:
    if "decision" not in values:
        return None
    try:
        decision = msgspec.convert(values["decision"], Decision)
    except msgspec.ValidationError as error:
        raise _no(f"the disclosed decision cannot be read: {error}") from None
    if _encode(decision) != _encode(values["decision"]):
        raise _no("the disclosed decision holds more than a decision")
    if decision.terms != leaf.terms:
        raise _no("the decision names other terms than its record")
    return decision


def _facts(groups: dict[str, Any]) -> Facts | None:
    """The facts, None unless every group is there.  Raises NotVerified for facts in any but their one form."""
    if len(groups) != len(GROUPS):
        return None
    try:
        facts = ungrouped(groups)
        same = _encode(grouped(facts)) == _encode(groups)
    except (msgspec.ValidationError, CaveatError, TypeError, AttributeError) as error:
        raise _no(f"the disclosed facts cannot be read: {error}") from None
    if not same:
        raise _no("the disclosed facts are not grouped as facts are")
    return facts


def _check_derived(facts: Facts, draft: Draft) -> None:
    """Return if facts that follow from other facts under the terms do: hazards from scores by the signed thresholds."""
    if not set(facts.pm) | set(facts.pm_out) <= set(HAZARDS):
        raise _no("the disclosed facts score a hazard that there is none of")
    if facts.hazards_in != over(facts.pm, draft) or facts.hazards_out != over(facts.pm_out, draft):
        raise _no("the hazards in the facts are not those that the scores reach by the terms' thresholds")
    if facts.hazard_permille != max(facts.pm.values(), default=0):
        raise _no("the highest score in the facts is not the highest of the scores")
    if facts.purpose not in draft.purposes or facts.model not in {model.alias for model in draft.models}:
        raise _no("the facts name a purpose or a model that the terms do not")


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
