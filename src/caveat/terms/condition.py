"""One clause's condition: a Cedar expression, held to the part of Cedar that can be analysed completely.

In: facts (`context.x`), `principal`, `resource` and `action` compared with an entity, words of closed lists, integers,
true and false; `==  !=  <  <=  >  >=  in`, `contains containsAll containsAny isEmpty` on sets of words, `&& || !`,
`if then else`.  Out, by name: arithmetic (it can overflow, and Cedar skips a policy that errs), text and `like`,
decimals, dates and addresses, records, `has`, entity attributes and tags, templates.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache

import cedarpy
import cedarpy.pst as P  # noqa: N812
from msgspec import Struct

from caveat.errors import BadInput
from caveat.terms.cedar_schema import fact_types
from caveat.vocabulary import FACT, HAZARDS, per_mille_name

BINARY = {
    "eq": "==",
    "not_eq": "!=",
    "less": "<",
    "less_eq": "<=",
    "greater": ">",
    "greater_eq": ">=",
    "and": "&&",
    "or": "||",
    "in": "in",
    "contains": "contains",
    "contains_all": "containsAll",
    "contains_any": "containsAny",
}
UNARY = {"not": "!", "is_empty": "isEmpty"}
OUTSIDE = {
    "add": "arithmetic with `+`",
    "sub": "arithmetic with `-`",
    "mul": "arithmetic with `*`",
    "neg": "negative numbers",
    "get_tag": "tags",
    "has_tag": "tags",
}
NAMES = {P.StringLit: "text", P.Like: "`like`", P.HasAttr: "`has`", P.Is: "`is`", P.Record: "a record"}
SCOPE = frozenset({"principal", "action", "resource"})
TYPES = fact_types()
MAX_BRACKETS = 200
"""Cedar's parser recurses by brackets and ends the whole process on some 800 of them nested: it never sees so many."""
MAX_DEPTH = 50
"""Cedar writes and reads its JSON form, which the engine is loaded from, only some 120 levels deep: two a node."""
DECLARED = frozenset(name for name, fact in FACT.items() if fact.setter == "declared")
REPLY = frozenset(
    [name for name, fact in FACT.items() if fact.group == "reply"]
    + [per_mille_name(code, out=True) for code in HAZARDS]
)
"""Facts that are known only once the model answers (`stage` among them)."""


class Condition(Struct, frozen=True):
    """What a condition refers to.

    form    the expression without its spacing and comments, to compare two
    reads   facts by name; `principal`, `action`, `resource` where the expression looks at them
    named   (entity type, word) of every word in it
    constant   the expression is the bare word true or false
    """

    form: str
    reads: frozenset[str]
    named: frozenset[tuple[str, str]]
    constant: bool | None = None


def read_condition(when: str, known: dict[str, tuple[str, ...]] | None = None) -> Condition:
    """What `when` refers to.  Raises BadInput where it is not one expression of the accepted part of Cedar, or names
    a word outside `known` (entity type -> words; None skips that check: the text was compiled before).
    """
    condition = _read(when)
    if known is not None:
        for kind, word in sorted(condition.named):
            _check_word(kind, word, known)
    return condition


@lru_cache(maxsize=4096)  # one document's conditions are read by several rooms
def _read(when: str) -> Condition:
    expression = _parse(when)
    reads: set[str] = set()
    named: set[tuple[str, str]] = set()
    for node in _walk(expression):
        if isinstance(node, P.GetAttr):
            reads.add(node.attr)
        elif isinstance(node, P.Var) and node.name in SCOPE:
            reads.add(node.name)
        elif isinstance(node, P.EntityLit):
            named.add((str(node.value.type), node.value.id))
    constant = expression.value if isinstance(expression, P.BoolLit) else None
    return Condition(repr(expression), frozenset(reads), frozenset(named), constant)


def read_expression(when: str) -> P.Expr:
    """The expression itself, every node of it in the accepted part.  Raises BadInput."""
    expression = _parse(when)
    for _ in _walk(expression):
        pass
    return expression


def nearest(word: str, among: tuple[str, ...]) -> str:
    """A hint that names the nearest word of a list, "" where none is near."""
    close = get_close_matches(word, among, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def _parse(when: str) -> P.Expr:
    if sum(map(when.count, "([{")) > MAX_BRACKETS:
        raise BadInput(f"the condition has more than {MAX_BRACKETS} opening brackets", hint="split the clause")
    try:
        policies = cedarpy.policies_to_pst("permit (principal, action, resource)\nwhen {\n" + when + "\n};")
    except ValueError as error:
        raise BadInput(f"the condition is not a Cedar expression: {_short(error)}") from None
    only = next(iter(policies.static_policies.values()), None)
    if only is None or len(policies.static_policies) != 1 or policies.templates:
        raise BadInput("expected one expression, got more than one policy")
    if len(only.clauses) != 1 or not isinstance(only.clauses[0], P.When):
        raise BadInput("expected one expression, got more than one `when` or `unless`")
    return only.clauses[0].expr


def _short(error: ValueError) -> str:
    """Cedar's first line, without positions (they count from our own wrapping)."""
    return str(error).strip().splitlines()[0].rstrip(".")[:200].lower()


def _walk(node: P.Expr, depth: int = 1) -> Iterator[P.Expr]:
    """Every node of the expression; raises BadInput at the first that is outside the accepted part."""
    if depth > MAX_DEPTH:
        raise BadInput(
            f"the condition is nested deeper than {MAX_DEPTH} levels, and each `&&` or `||` of a chain is one",
            hint="split the clause, or ask whether a list contains the word",
        )
    yield node
    for child in _children(node):
        yield from _walk(child, depth + 1)


def _children(node: P.Expr) -> tuple[P.Expr, ...]:
    match node:
        case P.GetAttr():
            return _fact(node)
        case P.UnaryOp(op=op, arg=arg):
            _check_operator(op, UNARY)
            return (arg,)
        case P.BinaryOp(op=op, left=left, right=right):
            _check_operator(op, BINARY)
            return (left, right)
        case P.IfThenElse(cond=cond, then_expr=yes, else_expr=no):
            return (cond, yes, no)
        case P.Set(elements=elements):
            if not elements or not all(isinstance(e, P.EntityLit) for e in elements):
                raise BadInput('expected a set of words, such as `[Purpose::"drafting"]`')
            return elements
    return _leaf(node)


def _fact(node: P.GetAttr) -> tuple[P.Expr, ...]:
    if not isinstance(node.base, P.Var) or node.base.name != "context":
        raise BadInput("attributes of entities are not accepted, only facts: `context.<fact>`")
    if node.attr not in TYPES:
        raise BadInput(f"there is no fact `{node.attr}`", hint=nearest(node.attr, tuple(TYPES)))
    return ()


def _leaf(node: P.Expr) -> tuple[P.Expr, ...]:
    match node:
        case P.Var(name="context"):
            raise BadInput("the context as a whole is not accepted, name a fact: `context.<fact>`")
        case P.LongLit(value=value) if value < 0:
            raise BadInput("negative numbers are not accepted")
        case P.Var() | P.BoolLit() | P.EntityLit() | P.LongLit():
            return ()
    raise BadInput(f"{NAMES.get(type(node), 'this kind of expression')} is not accepted in a condition")


def _check_operator(op: str, accepted: dict[str, str]) -> None:
    if op not in accepted:
        raise BadInput(f"{OUTSIDE.get(op, f'the function `{op}`')} is not accepted in a condition")


def _check_word(kind: str, word: str, known: dict[str, tuple[str, ...]]) -> None:
    if kind == "Caller":
        return
    if kind not in known:
        raise BadInput(f"there is no list `{kind}`", hint=nearest(kind, (*known, "Caller")))
    if word not in known[kind]:
        near = nearest(word, known[kind])
        raise BadInput(f'`{kind}::"{word}"` is not in the list', hint=near or _some(known[kind]))


def _some(values: tuple[str, ...]) -> str:
    return "the list has " + ", ".join(f"`{v}`" for v in values[:12]) + (" and more" if len(values) > 12 else "")
