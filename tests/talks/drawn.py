"""Clause sets and requests drawn at random, from the whole accepted part of Cedar and every fact."""

from random import Random
from typing import Any

from tests.making import clause, draft

from caveat import vocabulary as v
from caveat.errors import BadInput
from caveat.talks.imagined import Imagined, imagined
from caveat.talks.symbols import Variable
from caveat.terms.cedar_schema import fact_types
from caveat.terms.condition import REPLY
from caveat.terms.document import Draft

TYPES = fact_types()
FIELDS = ["/a", "/a/b", "/*/b", "/c"]
Words = dict[str, list[str]]
WORDS: Words = {"Purpose": ["drafting", "analysis"], "Caveat": ["NOFORN", "REL"], "Field": FIELDS}
TOOLS = [
    {"name": "search_*", "kind": "retrieval", "side_effect": "read"},
    {"name": "*_all", "kind": "db-write", "side_effect": "irreversible"},
    {"name": "calc", "kind": "compute", "side_effect": "none"},
    {"name": "s*", "kind": "message", "side_effect": "write"},
]
DUTIES: list[Any] = ["log.full", {"limit.tokens": 50}, {"limit.tokens": 90}, {"retain.days": 9}, "label.output"]


def random_draft(rng: Random, size: int = 6) -> Draft:
    """Terms of some clauses, one of them a permit; the same lists of fields and tools in some order."""
    words = {**WORDS, "Field": rng.sample(FIELDS, 2), "Purpose": rng.choice([["drafting"], ["drafting", "analysis"]])}
    clauses = [random_clause(rng, place, words) for place in range(size)]
    return draft(
        clause("base", "permit", "context.labelRank < 9", fields=words["Field"]),
        *clauses,
        tools=rng.sample(TOOLS, rng.randrange(1, len(TOOLS) + 1)),
        purposes=words["Purpose"],
        thresholds={"default": rng.choice([0, 400, 500]), "x_inj": rng.choice([1, 300])},
        caveats=("NOFORN", "REL"),
    )


def random_clause(rng: Random, place: int, words: Words = WORDS) -> dict[str, Any]:
    """A clause that compiles: what Cedar's validator finds always true or always false is drawn again."""
    lists = clause("f", "permit", "context.streaming", fields=words["Field"])
    while True:
        effect = rng.choice(["permit", "permit", "forbid", "hold", "oblige"])
        more: dict[str, Any] = {"duties": rng.sample(DUTIES, 2)} if effect in ("permit", "oblige") else {}
        if effect == "permit":
            more["fields"] = rng.sample(words["Field"], rng.randrange(3))
        if effect in ("forbid", "hold"):
            more["waivable"] = True
        made = clause(f"c.{place}", effect, random_condition(rng, 2, words, early=effect == "permit"), **more)
        try:
            draft(made, lists, purposes=words["Purpose"], caveats=("NOFORN", "REL"))
        except BadInput:
            continue
        return made


def random_condition(rng: Random, depth: int, words: Words, *, early: bool) -> str:
    """A Boolean expression of Cedar; `early`: without facts of the reply."""
    shape = rng.randrange(6 if depth else 1)
    if shape == 0:
        return _atom(rng, words, early=early)
    one, other = (random_condition(rng, depth - 1, words, early=early) for _ in range(2))
    if shape in (1, 2):
        return f"({one} {rng.choice(['&&', '||'])} {other})"
    if shape == 3:
        return f"!({one})"
    if shape == 4:
        return f"(if {_atom(rng, words, early=early)} then {one} else {other})"
    return f"(({one}) {rng.choice(['==', '!='])} ({other}))"


def _atom(rng: Random, words: Words, *, early: bool) -> str:
    names = [name for name in TYPES if name in v.FACT or rng.random() < 0.1]
    name = rng.choice([name for name in names if not (early and name in REPLY)])
    kind = TYPES[name]
    other = rng.choice([n for n in names if TYPES[n] == kind and not (early and n in REPLY)])
    if rng.random() < 0.08:
        return rng.choice(['principal == Caller::"bob"', 'action in [Action::"chat"]', 'resource == Model::"small"'])
    match kind:
        case v.Bool():
            return f"context.{name}"
        case v.Long():
            left = (
                f"(if context.streaming then context.{name} else context.{other})"
                if rng.random() < 0.2
                else f"context.{name}"
            )
            return f"{left} {rng.choice(['<', '<=', '>', '>=', '==', '!='])} {rng.choice([0, 1, 4, 5, 499, 500, 501, f'context.{other}'])}"
        case v.Enum():
            return _word_atom(rng, name, other, _some(rng, kind, words))
        case v.SetOf():
            return _set_atom(rng, name, other, _some(rng, kind.of, words))


def _some(rng: Random, kind: v.Enum, given: Words) -> list[str]:
    words = list(kind.values or given[kind.name])
    return [f'{kind.name}::"{word}"' for word in rng.sample(words, min(len(words), rng.randrange(1, 4)))]


def _word_atom(rng: Random, name: str, other: str, words: list[str]) -> str:
    return rng.choice(
        [
            f"context.{name} == {words[0]}",
            f"context.{name} != {words[0]}",
            f"context.{name} == context.{other}",
            f"[{', '.join(words)}].contains(context.{name})",
            f"context.{name} in [{', '.join(words)}]",
            f"(if context.structured then context.{name} else {words[0]}) == {words[-1]}",
        ]
    )


def _set_atom(rng: Random, name: str, other: str, words: list[str]) -> str:
    group = rng.choice([f"[{', '.join(words)}]", f"context.{other}"])
    left = f"(if context.structured then context.{name} else {group})" if rng.random() < 0.2 else f"context.{name}"
    return rng.choice(
        [
            f"{left}.contains({words[0]})",
            f"{left}.containsAll({group})",
            f"{left}.containsAny({group})",
            f"{left}.isEmpty()",
            f"{left} == {group}",
        ]
    )


def random_values(rng: Random, variables: list[Variable]) -> dict[str, int | bool]:
    """Values that a real request could have: scores agree with each other, a reply is at rest until it begins."""
    values = {variable.name: _value(rng, variable) for variable in variables}
    by = {variable.of: variable.name for variable in variables}
    for kind, code in [of[:2] for of in by if of[0] == "pm"]:
        heard = [values[name] for of, name in by.items() if of[0] == "said" and of[1].endswith(f":{code}")]
        if heard:
            values[by[kind, code]] = max(heard)
    if "hazardPermille" in values:
        values["hazardPermille"] = max(values[name] for of, name in by.items() if of[0] == "pm")
    if values.get("stage") == 0:
        for variable in variables:
            name = variable.of[-1] if variable.of[0] in ("pmOut", "call") else variable.of[1]
            if variable.of[0] in ("pmOut", "call") or (name in REPLY and name != "stage"):
                values[variable.name] = variable.rest
    return values


def _value(rng: Random, variable: Variable) -> int | bool:
    if variable.sort == "bool":
        return rng.random() < 0.4
    if variable.sort == "word":
        return rng.randrange(variable.low, variable.high + 1)
    few = [n for n in (variable.low, variable.rest, 1, 4, 5, 299, 300, 399, 400, 499, 500, 501) if n <= variable.high]
    return max(variable.low, rng.choice(few))


def random_request(rng: Random, variables: list[Variable]) -> tuple[dict[str, int | bool], Imagined]:
    values = random_values(rng, variables)
    return values, imagined(values, variables)
