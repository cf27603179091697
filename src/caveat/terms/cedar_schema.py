"""The fact schema as Cedar's JSON schema: what a clause may name, and the only values that it may compare with.

Every closed list is an enumerated entity type, so a word that is not in the list is an error when terms are compiled
and when a request is evaluated.  Lists that the terms give (purposes, caveats of the marking profile, listed fields,
models) stand in the schema that both parties sign.  The text is canonical JSON: equal terms have equal schemas.

A schema is that of one version of the vocabulary (vocabulary.VERSION): the oldest that has every fact and word that the
terms name.
"""

import json
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from caveat.canon import canonical
from caveat.vocabulary import (
    CAVEAT,
    FACT,
    FACTS,
    FIELD,
    HAZARD,
    HAZARDS,
    OPERATIONS,
    PER_MILLE,
    PURPOSE,
    VERSION,
    Bool,
    Enum,
    FactType,
    Long,
    SetOf,
    known_at,
    per_mille_name,
    word_since,
)

NONE_LISTED = "none-listed"
"""Stands alone in a list for which the terms give no word: Cedar's enumerated types are never empty."""


class Lists(Struct, frozen=True):
    """The closed lists that one terms document gives."""

    purposes: tuple[str, ...]
    caveats: tuple[str, ...]
    fields: tuple[str, ...]
    models: tuple[str, ...]


def fact_types(version: int = VERSION) -> dict[str, FactType]:
    """Every context attribute and its type: the vocabulary's facts and one score per hazard and direction."""
    types: dict[str, FactType] = {name: fact.type for name, fact in FACT.items() if fact.since <= version}
    for code in known_at(version, HAZARD.name, HAZARDS):
        types[per_mille_name(code)] = types[per_mille_name(code, out=True)] = PER_MILLE
    return types


def version_of(reads: Iterable[str], named: Iterable[tuple[str, str]]) -> int:
    """The oldest version of the vocabulary that has these facts and these (entity type, word)s."""
    facts = [FACT[name].since for name in reads if name in FACT]
    scores = [word_since(HAZARD.name, name.partition("_")[2]) for name in reads if name.startswith(("pm_", "pmOut_"))]
    return max([1, *facts, *scores, *(word_since(kind, word) for kind, word in named)])


def words(lists: Lists, version: int = VERSION) -> dict[str, tuple[str, ...]]:
    """Entity type -> its words, for every enumerated type, actions and models too."""
    given = {PURPOSE.name: lists.purposes, CAVEAT.name: lists.caveats, FIELD.name: lists.fields}
    found: dict[str, tuple[str, ...]] = {}
    for fact in FACTS:
        enum = _enum(fact.type)
        if enum and fact.since <= version:
            values = known_at(version, enum.name, enum.values)
            found[enum.name] = values or given[enum.name] or (NONE_LISTED,)
    return {**found, "Model": lists.models, "Action": known_at(version, "Action", OPERATIONS)}


def schema_text(lists: Lists, version: int = VERSION) -> str:
    """The whole schema, as it is signed."""
    listing = words(lists, version)
    entities: dict[str, Any] = {name: {"enum": list(values)} for name, values in listing.items() if name != "Action"}
    entities["Caller"] = {}
    return _text(entities, listing["Action"], fact_types(version))


def projected(schema: str, reads: frozenset[str]) -> str:
    """The same schema with only the context attributes in `reads`: what an evaluation need be given."""
    whole = json.loads(schema)[""]
    return _text(whole["entityTypes"], whole["actions"], {k: t for k, t in fact_types().items() if k in reads})


def listed(schema: str, name: str) -> tuple[str, ...]:
    """The words of one enumerated type in a schema; () where it holds none.  KeyError where there is no such type."""
    values = tuple(json.loads(schema)[""]["entityTypes"][name]["enum"])
    return () if values == (NONE_LISTED,) else values


def _text(entities: dict[str, Any], operations: Iterable[str], types: dict[str, FactType]) -> str:
    context = {"type": "Record", "attributes": {name: _cedar_type(t) for name, t in types.items()}}
    applies = {"principalTypes": ["Caller"], "resourceTypes": ["Model"], "context": context}
    actions = {operation: {"appliesTo": applies} for operation in operations}
    return canonical({"": {"entityTypes": entities, "actions": actions}}).decode()


def _enum(kind: FactType) -> Enum | None:
    if isinstance(kind, SetOf):
        return kind.of
    return kind if isinstance(kind, Enum) else None


def _cedar_type(kind: FactType) -> dict[str, Any]:
    match kind:
        case SetOf():
            return {"type": "Set", "element": _cedar_type(kind.of)}
        case Enum():
            return {"type": "Entity", "name": kind.name}
        case Long():
            return {"type": "Long"}
        case Bool():
            return {"type": "Boolean"}
