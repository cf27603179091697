"""The fact schema as Cedar's JSON schema: what a clause may name, and the only values that it may compare with.

Every closed list is an enumerated entity type, so a word that is not in the list is an error when terms are compiled
and when a request is evaluated.  Lists that the terms give (purposes, caveats of the marking profile, listed fields,
models) stand in the schema that both parties sign.  The text is canonical JSON: equal terms have equal schemas.
"""

import json
from typing import Any

from msgspec import Struct

from caveat.canon import canonical
from caveat.vocabulary import (
    CAVEAT,
    FACT,
    FACTS,
    FIELD,
    HAZARDS,
    OPERATIONS,
    PER_MILLE,
    PURPOSE,
    Bool,
    Enum,
    FactType,
    Long,
    SetOf,
    per_mille_name,
)

NONE_LISTED = "none-listed"
"""Stands alone in a list for which the terms give no word: Cedar's enumerated types are never empty."""


class Lists(Struct, frozen=True):
    """The closed lists that one terms document gives."""

    purposes: tuple[str, ...]
    caveats: tuple[str, ...]
    fields: tuple[str, ...]
    models: tuple[str, ...]


def fact_types() -> dict[str, FactType]:
    """Every context attribute and its type: the vocabulary's facts and one score per hazard and direction."""
    types: dict[str, FactType] = {name: fact.type for name, fact in FACT.items()}
    for code in HAZARDS:
        types[per_mille_name(code)] = types[per_mille_name(code, out=True)] = PER_MILLE
    return types


def words(lists: Lists) -> dict[str, tuple[str, ...]]:
    """Entity type -> its words, for every enumerated type, actions and models too."""
    given = {PURPOSE.name: lists.purposes, CAVEAT.name: lists.caveats, FIELD.name: lists.fields}
    found: dict[str, tuple[str, ...]] = {}
    for fact in FACTS:
        enum = _enum(fact.type)
        if enum:
            found[enum.name] = enum.values or given[enum.name] or (NONE_LISTED,)
    return {**found, "Model": lists.models, "Action": OPERATIONS}


def schema_text(lists: Lists) -> str:
    """The whole schema, as it is signed."""
    entities: dict[str, Any] = {
        name: {"enum": list(values)} for name, values in words(lists).items() if name != "Action"
    }
    entities["Caller"] = {}
    return _text(entities, fact_types())


def projected(schema: str, reads: frozenset[str]) -> str:
    """The same schema with only the context attributes in `reads`: what an evaluation need be given."""
    return _text(json.loads(schema)[""]["entityTypes"], {k: t for k, t in fact_types().items() if k in reads})


def listed(schema: str, name: str) -> tuple[str, ...]:
    """The words of one enumerated type in a schema; () where it holds none.  KeyError where there is no such type."""
    values = tuple(json.loads(schema)[""]["entityTypes"][name]["enum"])
    return () if values == (NONE_LISTED,) else values


def _text(entities: dict[str, Any], types: dict[str, FactType]) -> str:
    context = {"type": "Record", "attributes": {name: _cedar_type(t) for name, t in types.items()}}
    applies = {"principalTypes": ["Caller"], "resourceTypes": ["Model"], "context": context}
    actions = {operation: {"appliesTo": applies} for operation in OPERATIONS}
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
