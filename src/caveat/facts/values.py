"""All that a decision may look at: typed, closed, without content, so it can be put on record as it is.

Field names are the vocabulary's in snake case; `rename="camel"` gives the vocabulary's own names on record and in
Cedar (tests/facts/test_values.py holds the two together).
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from caveat import vocabulary
from caveat.vocabulary import HAZARDS, Group, per_mille_name


class Facts(Struct, frozen=True, rename="camel"):
    """One call's facts.  Sets are sorted tuples.  See vocabulary.FACTS for meaning, unit and setter of each.

    A fact that came after the vocabulary's first version may be UNSET, its default: records made before lack it.

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
    guard: str | UnsetType = UNSET
    guard_hazards: tuple[str, ...] | UnsetType = UNSET


class Caller(Struct, frozen=True, forbid_unknown_fields=True):
    """Who holds a key, and what the operator fixed in it.

    purposes         those that the key is for; empty means every purpose of the terms
    purpose          what a call is for where no header says so
    marking          the lowest marking that the key's calls bear, a word of the marking profile; "" for none
    clearance_rank   the highest marking that the caller may handle, 0..15
    output_use, effect, regulated_area, oversight   the strictest that the key allows
    language         BCP 47 tag of refusals and notices where the request names none
    group            to which the caller belongs in the operator's house, for counting; no decision looks at it
    """

    id: str
    name: str = ""
    kind: Literal["human", "service", "agent"] = "human"
    purposes: tuple[str, ...] = ()
    purpose: str = ""
    marking: str = ""
    clearance_rank: Annotated[int, Meta(ge=0, le=15)] = 0
    output_use: Literal["internal", "partner", "public", "automated-action", "training-data"] = "internal"
    effect: Literal["none", "informs-human", "affects-person"] = "informs-human"
    regulated_area: Literal[
        "none",
        "biometrics",
        "critical-infrastructure",
        "education",
        "employment",
        "essential-services",
        "law-enforcement",
        "migration",
        "justice",
    ] = "none"
    oversight: Literal["none", "on-the-loop", "in-the-loop", "dual-review"] = "none"
    language: str = ""
    group: Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9._-]{0,62})?$")] = ""


class Declared(Struct, frozen=True):
    """What the caller says of one call, in headers; "" where it says nothing.  It can only tighten what the key allows."""

    purpose: str = ""
    marking: str = ""
    case: str = ""


class Place(Struct, frozen=True):
    """Where and when a call is decided, and by which model it would be answered.

    at_ms          POSIX milliseconds at which the call was read
    marking_floor  the lowest marking of any call on this network, a word of the marking profile; "" for none
    identity       `weights:sha256:<hex>` or `endpoint:<key digest>+<name>` of the model that would answer
    detector       whether a learned recognizer runs: "none" or "learned"
    guard          whether a guard model gave a second opinion on this call, and which hazards it named, sorted
    """

    at_ms: int
    identity: str
    network: str = "connected"
    posture: str = "normal"
    marking_floor: str = ""
    detector: str = "none"
    guard: str = "none"
    guard_hazards: tuple[str, ...] = ()


_APART: dict[Group, tuple[str, ...]] = {
    "who": ("caller",),
    "what": ("operation", "model"),
    "content": ("pm",),
    "reply": ("pmOut",),
}
"""What is no attribute of Cedar's context, or many."""
BY_GROUP: dict[Group, tuple[str, ...]] = {
    group: (*_APART.get(group, ()), *(fact.name for fact in vocabulary.FACTS if fact.group == group))
    for group in get_args(Group)
}


_FIELD_OF = dict(zip(Facts.__struct_encode_fields__, Facts.__struct_fields__, strict=True))


def _group(group: Group) -> tuple[str, Callable[..., Struct], Callable[[Facts], tuple[Any, ...]]]:
    """A group's name, what makes a value of its facts (their names in the order of canonical JSON), and what reads them."""
    names = {_FIELD_OF[name]: name for name in sorted(BY_GROUP[group]) if name in _FIELD_OF}
    made = msgspec.defstruct(f"Facts_{group}", [(field, Any) for field in names], rename=names, frozen=True)
    return str(group), made, attrgetter(*names)


_GROUPS = tuple(_group(group) for group in BY_GROUP)
_REPLY = _group("reply")


def grouped(facts: Facts) -> dict[Group, dict[str, Any]]:
    """The facts by the commitment that holds them in the record; all groups together are all the facts."""
    flat = msgspec.to_builtins(facts)
    return {group: _those(flat, names) for group, names in BY_GROUP.items()}


def groups(facts: Facts) -> dict[str, Struct]:
    """The same, each group as a value that is written as its dictionary would be, in a fraction of the time."""
    return {group: made(*read(facts)) for group, made, read in _GROUPS}


def of_reply(facts: Facts) -> dict[str, Any]:
    """The facts that the reply set: the group `reply`."""
    _, made, read = _REPLY
    flat: dict[str, Any] = msgspec.to_builtins(made(*read(facts)))
    return flat


def _those(flat: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The named facts among them; one that came after the vocabulary's first version may be missing."""
    return {name: flat[name] for name in names if name in flat}


def ungrouped(groups: dict[str, dict[str, Any]]) -> Facts:
    """The facts again, from all their groups.  Raises msgspec.ValidationError where one is missing or mistyped."""
    return msgspec.convert({k: v for group in groups.values() for k, v in group.items()}, Facts)


def context(facts: Facts) -> dict[str, Any]:
    """The facts as plain Cedar context values: enum words, lists of words, integers, booleans, one score a hazard."""
    flat = msgspec.to_builtins(facts)
    values = {fact.name: flat[fact.name] for fact in vocabulary.FACTS if fact.name in flat}
    for code in HAZARDS:
        values[per_mille_name(code)] = facts.pm.get(code, 0)
        values[per_mille_name(code, out=True)] = facts.pm_out.get(code, 0)
    return values
