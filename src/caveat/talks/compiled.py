"""Terms whose clauses were compiled to one Python function: the same answers as Cedar's, some thirty times as fast.

Rules of this file: the only text that is ever compiled is what this file writes itself, from a syntax tree that
terms/condition.py let through, with every word as a Python literal; everything else (order of rules, duties, memory) is
decide/policy.py's and decide/decide.py's own; tests/talks/test_compiled.py holds the two together.  It is for counting
over many records: what is decided for a caller, or shown as changed, is Cedar's.

    def held(caller, operation, model, hazardsIn, purpose):
        if not (purpose in WORDS['Purpose'] and ...): return None
        found = []
        if 'iwp' in hazardsIn: found.append('weapons.mass')
        return found
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import cedarpy.pst as P  # noqa: N812
from msgspec import UNSET

from caveat.decide.policy import NO_FIT, Key, Policy, Truth
from caveat.terms.cedar_schema import fact_types, listed
from caveat.terms.condition import SCOPE, read_expression
from caveat.terms.document import Terms
from caveat.vocabulary import OPERATIONS, Enum, SetOf, known_at

Held = Callable[..., list[str] | None]
"""Values of a key -> ids of the clauses that hold, None where the values do not fit the schema."""
NAMES: Final = {"principal": "caller", "action": "operation", "resource": "model"}
SIGNS: Final = {
    "eq": "==",
    "not_eq": "!=",
    "less": "<",
    "less_eq": "<=",
    "greater": ">",
    "greater_eq": ">=",
    "and": "and",
    "or": "or",
}


class Compiled(Policy):
    """A policy that evaluates in Python.  Its decisions are Policy's, `engine` included: it stands in for Cedar only
    where Cedar confirms what matters."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._held = held_function(terms, self._attributes)

    def _evaluated(self, key: Key) -> Truth:
        held = None if UNSET in key else self._held(*key)
        if held is None:
            return Truth((), NO_FIT)
        return Truth(tuple(sorted(held)))


def held_function(terms: Terms, attributes: Sequence[str]) -> Held:
    """The function over caller, operation, model and the attributes in that order."""
    source = source_of(terms, attributes)
    space: dict[str, Any] = {"WORDS": _words(terms, attributes)}
    exec(compile(source, f"<clauses of {terms.draft.name}>", "exec"), space)  # noqa: S102 - see the rules above
    held: Held = space["held"]
    return held


def source_of(terms: Terms, attributes: Sequence[str]) -> str:
    """The function's text."""
    lines = [f"def held({', '.join(('caller', 'operation', 'model', *attributes))}):"]
    checks = [_check(name) for name in ("operation", "model", *attributes)]
    lines.append(f"    if not ({' and '.join(filter(None, checks))}): return None")
    lines.append("    found = []")
    lines += [
        f"    if {python(read_expression(clause.when))}: found.append({clause.id!r})"
        for clause in terms.draft.clauses
        if clause.when is not None
    ]
    return "\n".join((*lines, "    return found", ""))


def python(node: P.Expr) -> str:
    """One expression as Python; AssertionError is a bug, for conditions were validated before."""
    match node:
        case P.BoolLit(value=value) | P.LongLit(value=value):
            return repr(value)
        case P.EntityLit(value=uid):
            return repr(uid.id)
        case P.Var(name=name) if name in SCOPE:
            return NAMES[name]
        case P.GetAttr(attr=attr):
            return attr
        case P.Set(elements=elements):
            return "(" + "".join(f"{python(element)}, " for element in elements) + ")"
        case P.UnaryOp(op="not", arg=arg):
            return f"(not {python(arg)})"
        case P.UnaryOp(op="is_empty", arg=arg):
            return f"(not {python(arg)})"
        case P.IfThenElse(cond=cond, then_expr=yes, else_expr=no):
            return f"({python(yes)} if {python(cond)} else {python(no)})"
        case P.BinaryOp(op=op, left=left, right=right):
            return _binary(op, left, right)
    raise AssertionError(node)


def _binary(op: str, left: P.Expr, right: P.Expr) -> str:
    a, b = python(left), python(right)
    if op in ("eq", "not_eq") and _is_set(left):
        return f"(set({a}) {SIGNS[op]} set({b}))"
    if op in SIGNS:
        return f"({a} {SIGNS[op]} {b})"
    if op == "contains":
        return f"({b} in {a})"
    if op == "contains_all":
        return f"set({a}).issuperset({b})"
    if op == "contains_any":
        return f"(not set({a}).isdisjoint({b}))"
    assert op == "in", op
    return f"({a} in {b})" if _is_set(right) else f"({a} == {b})"


def _is_set(node: P.Expr) -> bool:
    match node:
        case P.Set():
            return True
        case P.GetAttr(attr=attr):
            return isinstance(fact_types()[attr], SetOf)
        case P.IfThenElse(then_expr=yes):
            return _is_set(yes)
    return False


def _check(name: str) -> str:
    """That a value is of its list; what Cedar's schema would refuse, and nothing else."""
    if name in ("operation", "model"):
        return f"{name} in WORDS[{name!r}]"
    kind = fact_types()[name]
    if isinstance(kind, SetOf):
        return f"WORDS[{name!r}].issuperset({name})"
    return f"{name} in WORDS[{name!r}]" if isinstance(kind, Enum) else ""


def _words(terms: Terms, attributes: Sequence[str]) -> Mapping[str, frozenset[str]]:
    operations = known_at(terms.draft.vocabulary, "Action", OPERATIONS)
    found = {"operation": frozenset(operations), "model": frozenset(m.alias for m in terms.draft.models)}
    for name in attributes:
        kind = fact_types()[name]
        listing = kind.of if isinstance(kind, SetOf) else kind
        if isinstance(listing, Enum):
            found[name] = frozenset(listed(terms.draft.schema, listing.name))
    return found
