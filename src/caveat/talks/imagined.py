"""A request that nobody made, with all that either version can tell apart, and its facts under each.

Rule of this file: the facts under a version of terms are made by the gateway's own functions (facts/gather.py,
facts/seen.py), never read off a solver's formulas: what a solver found is confirmed by code that knows nothing of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from caveat.decide.decide import decide
from caveat.decide.decision import Decision
from caveat.decide.policy import FIELD_OF, Policy
from caveat.facts import Facts
from caveat.facts.gather import UNLISTED, listed_in, tool_rule
from caveat.facts.seen import gravest, in_order, over
from caveat.talks.symbols import SOMEONE, Variable
from caveat.terms.document import Draft, ToolRule
from caveat.vocabulary import FACTS, HAZARDS, SIDE_EFFECTS, Enum, Long, SetOf
from caveat.waivers.waiver import Waiver

Scores = dict[str, int]


class Imagined(Struct, frozen=True):
    """What a request has, before any terms make facts of it.

    plain          facts that are the same under any terms, by the vocabulary's names (and caller, operation, model)
    pm, pm_out     hazards' scores over 0, per mille        said   the same by voice: `user:x_inj`
    fields, parts  JSON pointers of fields, and of parts that no recognizer reads; the two numbers count further ones
                   that no version lists
    tools, calls   names of the tools offered and called, and how many times each
    """

    plain: dict[str, Any]
    pm: Scores
    pm_out: Scores
    said: Scores
    fields: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    more_fields: int = 0
    more_parts: int = 0
    tools: dict[str, int] = {}
    calls: dict[str, int] = {}

    def facts(self, draft: Draft) -> Facts:
        """The facts that the gateway would gather under these terms."""
        listed, unknown = listed_in(self.fields, draft)
        unread, parts = listed_in(self.parts, draft)
        hazards = over(self.pm, draft)
        values = {
            **_ordinary(draft),
            **self.plain,
            "fields": in_order(listed | unread),
            "unknownFields": unknown + self.more_fields,
            "unreadParts": parts + self.more_parts,
            "hazardsIn": hazards,
            "voicedIn": in_order(word for word, score in self.said.items() if _over(word, score, draft)),
            "hazardPermille": max(self.pm.values(), default=0),
            "hazardsOut": over(self.pm_out, draft),
            **_tools(self.tools, draft, ("tools", "unlistedTools", "sideEffect")),
            **_tools(self.calls, draft, ("toolsCalled", "unlistedCalls", "sideEffectOut")),
        }
        named: dict[str, Any] = {
            FIELD_OF[name]: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return Facts(**named, pm=self.pm, pm_out=self.pm_out)


def _over(word: str, score: int, draft: Draft) -> bool:
    return score >= max(draft.thresholds[word.partition(":")[2]], 1)


def _tools(counts: Scores, draft: Draft, names: tuple[str, str, str]) -> dict[str, Any]:
    rules: dict[str, ToolRule] = {name: tool_rule(name, draft.tools) for name, count in counts.items() if count}
    kinds, unlisted, effect = names
    return {
        kinds: in_order(rule.kind for rule in rules.values()),
        unlisted: sum(counts[name] for name, rule in rules.items() if rule == UNLISTED),
        effect: gravest(SIDE_EFFECTS, (rule.side_effect for rule in rules.values())),
    }


def _ordinary(draft: Draft) -> dict[str, Any]:
    """A plain call: every number at its lowest, every list at its first word, every set empty."""
    values: dict[str, Any] = {"caller": SOMEONE, "operation": "chat", "model": draft.models[0].alias}
    for fact in FACTS:
        match fact.type:
            case SetOf():
                values[fact.name] = ()
            case Enum():
                values[fact.name] = (fact.type.values or draft.purposes)[0]
            case Long():
                values[fact.name] = fact.type.low
            case _:
                values[fact.name] = False
    return {**values, "effect": "informs-human", "modalities": ("text",)}


def imagined(values: Mapping[str, int], variables: Iterable[Variable]) -> Imagined:
    """The request that a solver's model stands for; a variable that the model leaves open is at rest."""
    plain: dict[str, Any] = {}
    sets: dict[str, list[str]] = {}
    counts: dict[str, Scores] = {name: {} for name in ("pm", "pmOut", "said", "tool", "call", "more")}
    there: dict[str, list[str]] = {"field": [], "part": []}
    for variable in variables:
        value = values.get(variable.name, variable.rest)
        match variable.of:
            case ("fact", name):
                plain[name] = _plain(variable, value)
            case ("member", name, word):
                sets.setdefault(name, []).extend([word] if value else [])
            case ("field" | "part" as group, pointer):
                there[group].extend([pointer] if value else [])
            case (group, name):
                counts[group] |= {name: int(value)} if value else {}
    plain |= {name: in_order(words) for name, words in sets.items()}
    plain.pop("hazardPermille", None)
    return Imagined(
        plain,
        pm={code: counts["pm"][code] for code in HAZARDS if code in counts["pm"]},
        pm_out={code: counts["pmOut"][code] for code in HAZARDS if code in counts["pmOut"]},
        said=counts["said"],
        fields=tuple(there["field"]),
        parts=tuple(there["part"]),
        more_fields=counts["more"].get("field", 0),
        more_parts=counts["more"].get("part", 0),
        tools=counts["tool"],
        calls=counts["call"],
    )


def _plain(variable: Variable, value: int) -> Any:
    if variable.sort == "bool":
        return bool(value)
    return variable.words[value] if variable.sort == "word" else int(value)


def settle(policy: Policy, request: Imagined, waivers: tuple[Waiver, ...] = ()) -> Decision:
    """What the engine decides of the request; a model or purpose that the terms do not have is denied, as a gateway
    refuses it before it decides (rule `error`)."""
    draft = policy.terms.draft
    facts = request.facts(draft)
    decision = decide(policy, facts, waivers)
    covered = facts.purpose in draft.purposes and facts.model in {model.alias for model in draft.models}
    return decision if covered else strange(decision)


def strange(decision: Decision) -> Decision:
    """The denial of what is no call under the terms."""
    why = (("", "the model or the purpose is not one of the terms'"),)
    return msgspec.structs.replace(
        decision, verdict="deny", rule="error", clauses=(), held=(), unmet=(), waived=(), duties=(), errors=why
    )
