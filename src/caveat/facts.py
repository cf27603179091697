"""All that a decision may look at: typed, closed, without content, so it can be put on record as it is.

Field names are the vocabulary's in snake case; `rename="camel"` gives the vocabulary's own names on record and in
Cedar (tests/test_facts.py holds the two together).
"""

from typing import Any

import msgspec
from msgspec import Struct

from caveat import vocabulary
from caveat.vocabulary import HAZARDS, Group, per_mille_name


class Facts(Struct, frozen=True, rename="camel"):
    """One call's facts.  Sets are sorted tuples.  See vocabulary.FACTS for meaning, unit and setter of each.

    caller, operation, model are Cedar's principal, action and resource.  `pm` and `pm_out` hold the hazards whose
    score is over 0, per mille.
    """

    caller: str
    operation: str
    model: str
    caller_kind: str
    clearance_rank: int
    model_kind: str
    streaming: bool
    choices: int
    chars_in: int
    tokens_out_max: int
    modalities: tuple[str, ...]
    structured: bool
    fields: tuple[str, ...]
    unknown_fields: int
    unread_parts: int
    purpose: str
    output_use: str
    effect: str
    regulated_area: str
    oversight: str
    case_given: bool
    label_rank: int
    label_source: str
    caveats: tuple[str, ...]
    personal_data: str
    secrets_in: bool
    hazards_in: tuple[str, ...]
    voiced_in: tuple[str, ...]
    hazard_permille: int
    hidden_text: tuple[str, ...]
    language_uncovered: bool
    detector: str
    tools: tuple[str, ...]
    unlisted_tools: int
    side_effect: str
    network: str
    posture: str
    epoch: int
    pm: dict[str, int]
    stage: str = "request"
    hazards_out: tuple[str, ...] = ()
    label_rank_out: int = 0
    personal_data_out: str = "none"
    secrets_out: bool = False
    tools_called: tuple[str, ...] = ()
    unlisted_calls: int = 0
    side_effect_out: str = "none"
    pm_out: dict[str, int] = {}


def grouped(facts: Facts) -> dict[Group, dict[str, Any]]:
    """The facts by the commitment that holds them in the record; all groups together are all the facts."""
    flat = msgspec.to_builtins(facts)
    groups: dict[Group, dict[str, Any]] = {
        "who": {"caller": flat["caller"]},
        "what": {"operation": flat["operation"], "model": flat["model"]},
        "content": {"pm": flat["pm"]},
        "reply": {"pmOut": flat["pmOut"]},
    }
    for fact in vocabulary.FACTS:
        groups.setdefault(fact.group, {})[fact.name] = flat[fact.name]
    return groups


def ungrouped(groups: dict[str, dict[str, Any]]) -> Facts:
    """The facts again, from all their groups.  Raises msgspec.ValidationError where one is missing or mistyped."""
    return msgspec.convert({k: v for group in groups.values() for k, v in group.items()}, Facts)


def context(facts: Facts) -> dict[str, Any]:
    """The facts as plain Cedar context values: enum words, lists of words, integers, booleans, one score a hazard."""
    flat = msgspec.to_builtins(facts)
    values = {fact.name: flat[fact.name] for fact in vocabulary.FACTS}
    for code in HAZARDS:
        values[per_mille_name(code)] = facts.pm.get(code, 0)
        values[per_mille_name(code, out=True)] = facts.pm_out.get(code, 0)
    return values
