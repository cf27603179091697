"""Terms made ready for evaluation: every clause as a permit, so that one evaluation says which clauses hold.

Rules of this file: Cedar alone says whether a clause holds; the request is always validated against the signed schema,
cut down to the facts that some clause refers to; an answer depends on those facts alone, so equal ones are evaluated
once.  Cedar skips a policy that errs: here an error is an outcome of its own (decide.py makes it a denial).
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from importlib.metadata import version
from operator import attrgetter
from typing import Any

import cedarpy
from msgspec import UNSET, Struct

from caveat.facts import Facts
from caveat.terms.cedar_schema import fact_types, projected
from caveat.terms.condition import SCOPE, read_condition
from caveat.terms.document import Clause, Terms
from caveat.terms.lint_duties import REPLIED
from caveat.vocabulary import Bool, Enum, FactType, Long, SetOf

ENGINE = "cedarpy/" + version("cedarpy")
"""The binding and, in its first two numbers, the Cedar engine that it wraps."""
REMEMBERED = 4096
NO_FIT = (("", "the facts do not fit the terms' fact schema"),)
"""The error of a request that Cedar refuses; so is a call on record that is too old to hold a fact that a clause needs."""
ANYONE = "anyone"
"""Stands for the caller where no clause looks at who calls."""

Key = tuple[Any, ...]


class Truth(Struct, frozen=True):
    """Which clauses hold, sorted; errors make everything else void."""

    held: tuple[str, ...]
    errors: tuple[tuple[str, str], ...] = ()


class Policy:
    """Terms in force, parsed once.  Safe to share between threads: nothing in it changes but a bounded memory.

    reads    the facts, and `principal`, `action`, `resource`, that some clause refers to
    clauses  by id, those that have a condition
    keeps    whether a reply may come to wait for persons in its midst
    masks    whether a reply may have to be masked
    settled  decisions that no waiver had a part in, by all that they stand on (decide.py); never more than REMEMBERED
    """

    settled: dict[tuple[Any, ...], Any]

    def __init__(self, terms: Terms) -> None:
        draft = terms.draft
        self.terms = terms
        self.settled = {}
        self.clauses: dict[str, Clause] = {c.id: c for c in draft.clauses if c.when is not None}
        self.clause_reads = {c.id: read_condition(c.when or "").reads for c in self.clauses.values()}
        self.reads: frozenset[str] = frozenset().union(*self.clause_reads.values())
        self.permits = tuple(sorted(c.id for c in self.clauses.values() if c.effect == "permit"))
        self.masks = any(duty.name == "redact.output" for c in self.clauses.values() for duty in c.duties)
        self.keeps = any(_keeps(clause) for clause in self.clauses.values())
        self.non_waivable = frozenset(c.id for c in self.clauses.values() if not c.waivable)
        self._attributes = tuple(sorted(self.reads - SCOPE, key=_place))
        self._facts = _picker([FIELD_OF[name] for name in self._attributes if name in FIELD_OF])
        self._scores = tuple(name.removeprefix(_IN) for name in self._attributes if name.startswith(_IN))
        self._scores_out = tuple(name.removeprefix(_OUT) for name in self._attributes if name.startswith(_OUT))
        self._no_scores, self._no_scores_out = (0,) * len(self._scores), (0,) * len(self._scores_out)
        types = fact_types()
        self._put = tuple(_encoder(types[name]) for name in self._attributes)
        self._truth = _policy_set({id_: {**p, "effect": "permit"} for id_, p in _policies(draft.cedar).items()})
        self._schema = cedarpy.Schema.from_json_str(projected(draft.schema, self.reads))
        self._entities = cedarpy.Entities.from_json_str("[]")
        self._evaluate = lru_cache(maxsize=REMEMBERED)(self._evaluated)

    def key(self, facts: Facts) -> Key:
        """Everything that the clauses can see of these facts: equal keys, equal truth."""
        return (
            facts.caller if "principal" in self.reads else ANYONE,
            facts.operation,
            facts.model,
            *self._facts(facts),
            *([facts.pm.get(code, 0) for code in self._scores] if facts.pm else self._no_scores),
            *([facts.pm_out.get(code, 0) for code in self._scores_out] if facts.pm_out else self._no_scores_out),
        )

    def truth(self, facts: Facts) -> Truth:
        """Which clauses hold for these facts."""
        return self._evaluate(self.key(facts))

    def native(self, facts: Facts) -> bool:
        """Cedar's own verdict on the signed text without its obligations: allowed or not.  For checks, not for speed."""
        return bool(
            cedarpy.is_authorized(self._request(self.key(facts)), self._native, self._entities, self._schema).allowed
        )

    @cached_property
    def _native(self) -> cedarpy.PolicySet:
        policies = _policies(self.terms.draft.cedar).items()
        return _policy_set({id_: p for id_, p in policies if p["annotations"]["effect"] != "oblige"})

    def _evaluated(self, key: Key) -> Truth:
        if UNSET in key:
            return Truth((), NO_FIT)
        result = cedarpy.is_authorized(self._request(key), self._truth, self._entities, self._schema)
        if result.decision is cedarpy.Decision.NoDecision:
            return Truth((), NO_FIT)
        if result.diagnostics.errors:
            return Truth((), _blamed(result.diagnostics.errors))
        return Truth(tuple(sorted(result.diagnostics.reasons)))

    def _request(self, key: Key) -> dict[str, Any]:
        caller, operation, model, *values = key
        context = {name: put(value) for name, put, value in zip(self._attributes, self._put, values, strict=True)}
        return {
            "principal": {"type": "Caller", "id": caller},
            "action": {"type": "Action", "id": operation},
            "resource": {"type": "Model", "id": model},
            "context": json.dumps(context),
        }


def _keeps(clause: Clause) -> bool:
    """Whether what is found in a reply may make it wait: a hold, or a duty to have it reviewed."""
    waits = clause.effect == "hold" or any(duty.name == "review.human" for duty in clause.duties)
    return waits and bool(read_condition(clause.when or "").reads & REPLIED)


def _policies(cedar: str) -> dict[str, Any]:
    """Each policy as Cedar's JSON, by its clause's id."""
    est = json.loads(cedarpy.policies_to_json_str(cedar))
    return {p["annotations"]["id"]: p for p in est["staticPolicies"].values()}


def _policy_set(policies: dict[str, Any]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"templates": {}, "templateLinks": [], "staticPolicies": policies})
    )


def _place(attribute: str) -> tuple[bool, bool, str]:
    """Where a context attribute stands in a key: facts, then scores of the request, then those of the reply."""
    return attribute.startswith(_OUT), attribute.startswith(_IN), attribute


def _picker(fields: list[str]) -> Callable[[Facts], tuple[Any, ...]]:
    """How fields are read off the facts, all at once."""
    if len(fields) > 1:
        return attrgetter(*fields)
    return lambda facts: tuple([getattr(facts, field) for field in fields])


_IN, _OUT = "pm_", "pmOut_"
FIELD_OF: Mapping[str, str] = dict(zip(Facts.__struct_encode_fields__, Facts.__struct_fields__, strict=True))
"""The vocabulary's name of a fact -> the attribute of Facts that holds it."""


def _encoder(kind: FactType) -> Callable[[Any], Any]:
    """A fact's value as Cedar's JSON wants it."""
    match kind:
        case SetOf():
            name = kind.of.name
            return lambda words: [{"type": name, "id": word} for word in words]
        case Enum():
            name = kind.name
            return lambda word: {"type": name, "id": word}
        case Long() | Bool():
            return lambda value: value


def _blamed(errors: list[str]) -> tuple[tuple[str, str], ...]:
    """Each error under the clause that it names."""
    found = []
    for error in errors:
        clause = re.search(r"policy `([^`]*)`", error)
        found.append((clause[1] if clause else "", "the condition could not be evaluated"))
    return tuple(sorted(set(found)))
