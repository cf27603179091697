"""Call, key, headers, findings and place to Facts.

Rules of this file: each fact has one setter; what a caller declares can only tighten what its key allows; facts of the
reply only grow.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from caveat.errors import BadInput, Refused
from caveat.facts.seen import Seen, gravest, in_order, over, seen_in
from caveat.facts.values import Caller, Declared, Facts, Place
from caveat.recognize.finding import Finding
from caveat.recognize.markings import Marking, load_profile
from caveat.terms.document import Draft, ToolRule
from caveat.vocabulary import LABEL_SOURCES, PERSONAL, SIDE_EFFECTS
from caveat.wire.call import Call

UNLISTED = ToolRule("*", "unlisted", "irreversible")
"""What a tool that the terms do not list counts as."""


def gather(  # noqa: PLR0913, PLR0917 - each is a value of a room of its own
    call: Call, caller: Caller, declared: Declared, findings: Iterable[Finding], draft: Draft, place: Place
) -> Facts:
    """The facts of a request under terms.

    Raises BadInput for a header, a key or a setting whose word is not in the terms' lists, Refused `terms_missing`
    where the terms do not cover the model that would answer.
    """
    seen = seen_in(findings, draft)
    marking, label_source = _marking(caller, declared, seen, draft, place)
    listed, unknown_fields = listed_in(call.unlisted, draft)
    unread, unread_parts = listed_in(call.unread, draft)
    rules = [tool_rule(tool.name, draft.tools) for tool in call.tools]
    voices = {part.at: part.voice for part in call.parts}
    hazards = over(seen.pm, draft)
    return Facts(
        caller=caller.id,
        operation=call.operation,
        model=_model(call.model, draft, place),
        caller_kind=caller.kind,
        clearance_rank=caller.clearance_rank,
        model_kind=place.identity.partition(":")[0],
        streaming=call.streams,
        choices=call.choices,
        chars_in=sum(len(part.text) for part in call.parts),
        tokens_out_max=call.max_output_tokens or 0,
        modalities=in_order(part.media for part in call.parts),
        structured=call.structured,
        fields=in_order(listed | unread),
        unknown_fields=unknown_fields,
        unread_parts=unread_parts,
        purpose=_purpose(caller, declared, draft),
        output_use=caller.output_use,
        effect=caller.effect,
        regulated_area=caller.regulated_area,
        oversight=caller.oversight,
        case_given=bool(declared.case.strip()),
        label_rank=load_profile(draft.markings).rank(marking.level),
        label_source=label_source,
        caveats=marking.caveats,
        personal_data=seen.personal,
        secrets_in=seen.secrets,
        hazards_in=hazards,
        voiced_in=_voiced(seen.hazards, voices, hazards, draft),
        hazard_permille=max(seen.pm.values(), default=0),
        hidden_text=in_order(seen.hidden),
        language_uncovered=seen.uncovered,
        detector=place.detector,
        tools=in_order(rule.kind for rule in rules),
        unlisted_tools=rules.count(UNLISTED),
        side_effect=gravest(SIDE_EFFECTS, (rule.side_effect for rule in rules)),
        network=place.network,
        posture=place.posture,
        epoch=place.at_ms // 1000,
        pm=seen.pm,
        guard=place.guard,
        guard_hazards=in_order(place.guard_hazards),
    )


def with_reply(facts: Facts, findings: Sequence[Finding], tools: Sequence[str], draft: Draft) -> Facts:
    """The facts once more of the reply was seen: findings are added to what was there; `tools` names every tool called
    so far, once a call.

    The same object comes back where nothing changed.
    """
    if not findings and not tools and facts.stage == "reply":
        return facts
    if not findings and not tools:
        return msgspec.structs.replace(facts, stage="reply")
    seen = seen_in(findings, draft)
    rules = [tool_rule(tool, draft.tools) for tool in tools]
    profile = load_profile(draft.markings)
    pm_out = {code: max(facts.pm_out.get(code, 0), seen.pm.get(code, 0)) for code in sorted({*facts.pm_out, *seen.pm})}
    after = msgspec.structs.replace(
        facts,
        stage="reply",
        hazards_out=over(pm_out, draft),
        label_rank_out=max([facts.label_rank_out, *(profile.rank(marking.level) for marking in seen.markings)]),
        personal_data_out=gravest(PERSONAL, (facts.personal_data_out, seen.personal)),
        secrets_out=facts.secrets_out or seen.secrets,
        tools_called=in_order({*facts.tools_called, *(rule.kind for rule in rules)}),
        unlisted_calls=max(facts.unlisted_calls, rules.count(UNLISTED)),
        side_effect_out=gravest(SIDE_EFFECTS, (facts.side_effect_out, *(rule.side_effect for rule in rules))),
        pm_out=pm_out,
    )
    return facts if after == facts else after


def _marking(caller: Caller, declared: Declared, seen: Seen, draft: Draft, place: Place) -> tuple[Marking, str]:
    """The roll-up of floor, key, declared and detected markings, and the first of them that has its rank."""
    return _rolled_up(draft.markings, (place.marking_floor, caller.marking, declared.marking), tuple(seen.markings))


@lru_cache(maxsize=1024)
def _rolled_up(profile_name: str, said: tuple[str, str, str], detected: tuple[Marking, ...]) -> tuple[Marking, str]:
    """The same of the words of floor, key and header ("" for none).  Raises BadInput for a word that the profile lacks."""
    profile = load_profile(profile_name)
    sources: dict[str, Sequence[Marking]] = {
        name: [profile.parse(text)] if text else []
        for name, text in zip(("floor", "key", "declared"), said, strict=True)
    }
    sources["detected"] = detected
    whole = profile.roll_up([profile.lowest(), *(marking for markings in sources.values() for marking in markings)])
    rank = profile.rank(whole.level)
    holds = (name for name in LABEL_SOURCES if any(profile.rank(marking.level) == rank for marking in sources[name]))
    return whole, next(holds, LABEL_SOURCES[0])


def _purpose(caller: Caller, declared: Declared, draft: Draft) -> str:
    purpose = declared.purpose or caller.purpose
    if not purpose:
        raise BadInput("the call has no purpose", hint=f"send `Caveat-Purpose`, one of {_some(draft.purposes)}")
    if purpose not in draft.purposes:
        raise BadInput(
            f"`{purpose[:80]}` is not a purpose of the terms `{draft.name}`", hint=f"one of {_some(draft.purposes)}"
        )
    if caller.purposes and purpose not in caller.purposes:
        raise BadInput(f"this key is not for the purpose `{purpose}`", hint=f"it is for {_some(caller.purposes)}")
    return purpose


def _model(alias: str, draft: Draft, place: Place) -> str:
    """The alias, if the terms cover it and the model that would answer is the one that they name."""
    for model in draft.models:
        if model.alias == alias:
            if model.identity in ("any", place.identity):
                return alias
            raise Refused(
                f"the model that answers to `{alias}` is not the one that the terms `{draft.name}` name",
                code="terms_missing",
                status=503,
                hint="an operator compares `caveat models list` with `caveat terms show`",
            )
    raise Refused(
        f"the terms `{draft.name}` do not cover the model that was asked for", code="terms_missing", status=503
    )


def _some(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def listed_in(pointers: Collection[str], draft: Draft) -> tuple[set[str], int]:
    """The patterns of clauses that match some of the pointers, and how many pointers no clause lists."""
    if not pointers:
        return set(), 0
    patterns = {pattern for clause in draft.clauses for pattern in clause.fields}
    found: set[str] = set()
    unlisted = 0
    for pointer in pointers:
        matching = {pattern for pattern in patterns if covers(pattern, pointer)}
        found |= matching
        unlisted += not matching
    return found, unlisted


def covers(pattern: str, pointer: str) -> bool:
    """Whether a pattern names the pointer or what holds it: `/metadata` covers `/metadata/0`, `*` is any one step."""
    steps, parts = pattern.split("/"), pointer.split("/")
    return len(steps) <= len(parts) and all(s in ("*", p) for s, p in zip(steps, parts, strict=False))


def tool_rule(name: str, rules: Sequence[ToolRule]) -> ToolRule:
    """The first rule whose pattern is the tool's name, UNLISTED where there is none."""
    return next((rule for rule in rules if _pattern(rule.name).fullmatch(name)), UNLISTED)


@lru_cache(maxsize=1024)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(piece) for piece in name.split("*")), re.DOTALL)


def _voiced(
    hazards: Sequence[Finding], voices: Mapping[str, str], over: tuple[str, ...], draft: Draft
) -> tuple[str, ...]:
    return in_order(
        f"{voices[finding.at]}:{finding.category}"
        for finding in hazards
        if finding.category in over and finding.per_mille >= draft.thresholds[finding.category]
    )
