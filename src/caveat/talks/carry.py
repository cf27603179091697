"""A recorded call's facts under terms that it was not decided under.

Rules of this file: what terms make of a call (hazards over thresholds, listed fields, kinds of tools) is made again from
what was recorded; where the record does not say enough for that, the answer is a reason and never a guess; a fact that
no clause of the new terms looks at need not be known.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from caveat.decide.policy import FIELD_OF, Policy
from caveat.facts import Facts
from caveat.facts.seen import over
from caveat.terms.condition import SCOPE
from caveat.terms.document import Draft
from caveat.vocabulary import FACT

ALWAYS: Final = ("fields", "unknownFields", "unreadParts", "purpose")
"""What every decision looks at, whatever the clauses say."""
TOOLS: Final = ("tools", "unlistedTools", "sideEffect")
CALLS: Final = ("toolsCalled", "unlistedCalls", "sideEffectOut")

Known = Mapping[str, Any]
"""Fact (and caller, operation, model, pm, pmOut) -> what was recorded."""


class Missing(Exception):
    """Why a call cannot be decided under the new terms."""


def needed(policy: Policy) -> dict[str, tuple[str, ...]]:
    """Commitment -> the facts in it that decisions under the policy look at.

    Hazards follow from scores, so a clause that looks at hazards needs the scores.
    """
    found: dict[str, set[str]] = {"what": {"operation", "model"}, "content": set(), "reply": set()}
    found["who"] = {"caller"} if "principal" in policy.reads else set()
    reads = {*policy.reads - SCOPE, *ALWAYS}
    for names in (TOOLS, CALLS):
        reads |= set(names) if reads & set(names) else set()
    for name in reads:
        if name.startswith("pm") or name in ("hazardsIn", "hazardsOut", "voicedIn", "hazardPermille"):
            out = name.startswith("pmOut_") or name == "hazardsOut"
            found["reply" if out else "content"].add("pmOut" if out else "pm")
        if name in FACT:
            found.setdefault(FACT[name].group, set()).add(name)
    return {group: tuple(sorted(names)) for group, names in found.items() if names}


def kinds(names: tuple[str, ...]) -> dict[str, Any]:
    """Each fact's type in a record."""
    types = {field.encode_name: field.type for field in msgspec.structs.fields(Facts)}
    return {name: types[name] for name in names}


def carried(known: Known, before: Draft, policy: Policy, blank: Facts) -> Facts:
    """The facts under the policy's terms of a call that was recorded under `before`; what is not in `known` is as in
    `blank`, for no clause looks at it.  Raises Missing."""
    after = policy.terms.draft
    facts = dict(known)
    for names, carry in CARRIED.items():
        if any(name in known for name in names):
            facts |= carry(known, before, after)
    if before.markings != after.markings and policy.reads & {"labelRank", "labelRankOut", "caveats"}:
        raise Missing("the marking profile is another")
    pm, pm_out = facts.pop("pm", {}), facts.pop("pmOut", {})
    named = {FIELD_OF.get(name, name): value for name, value in facts.items()}
    return msgspec.structs.replace(blank, **named, pm=pm, pm_out=pm_out)


def _hazards(known: Known, _before: Draft, after: Draft) -> Known:
    return {"hazardsIn": over(known["pm"], after)}


def _hazards_out(known: Known, _before: Draft, after: Draft) -> Known:
    return {"hazardsOut": over(known["pmOut"], after)}


def _voiced(known: Known, before: Draft, after: Draft) -> Known:
    """Voices were recorded by the old thresholds: a lower one may have been reached by more, a higher one by fewer."""
    said: list[str] = []
    for code, score in known["pm"].items():
        old, new = before.thresholds[code], after.thresholds[code]
        voices = [word for word in known["voicedIn"] if word.endswith(f":{code}")]
        if score < new:
            continue
        if new != old and (new < old or len(voices) != 1):
            raise Missing("which voice a hazard was found in was not recorded for the new threshold")
        said += voices
    return {"voicedIn": tuple(sorted(said))}


def _fields(known: Known, before: Draft, after: Draft) -> Known:
    """Fields were recorded by the patterns of the clauses that list them."""
    nothing = not known["fields"] and not known["unknownFields"] and not known["unreadParts"]
    if nothing or _patterns(before) == _patterns(after):
        return {}
    raise Missing("which fields the call had was recorded for the old list of fields")


def _patterns(draft: Draft) -> frozenset[str]:
    return frozenset(pattern for clause in draft.clauses for pattern in clause.fields)


def _tools(names: tuple[str, str, str]) -> Callable[[Known, Draft, Draft], Known]:
    def carry(known: Known, before: Draft, after: Draft) -> Known:
        """Tools were recorded by kind, as the old rules give it."""
        kinds, unlisted, _ = names
        if before.tools == after.tools or not (known.get(kinds, ()) or known.get(unlisted, 0)):
            return {}
        raise Missing("which tools there were was recorded by the old rules for tools")

    return carry


CARRIED: Final[Mapping[tuple[str, ...], Callable[[Known, Draft, Draft], Known]]] = {
    ("hazardsIn",): _hazards,
    ("hazardsOut",): _hazards_out,
    ("voicedIn",): _voiced,
    ("fields", "unknownFields", "unreadParts"): _fields,
    TOOLS: _tools(TOOLS),
    CALLS: _tools(CALLS),
}
