"""A clause's condition as SMT-LIB text, so that any solver can say which requests it holds for.

Rules of this file: the text depends on the expression and the frame alone, so whoever translates the same terms gets
the same bytes; a word is its index in its list, a set is one Boolean a word; what grows long is defined once and named,
so the text grows with the condition and not faster.

    context.hazardsIn.contains(Hazard::"iwp")     (>= pm.iwp 250)
    context.labelRank <= 4                        (<= labelRank 4)
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import cedarpy.pst as P  # noqa: N812
from msgspec import Struct

TRUE, FALSE = "true", "false"
LONG = 160
"""Characters from which on a formula gets a name."""


class Truth(Struct, frozen=True):
    """A Boolean."""

    text: str


class Number(Struct, frozen=True):
    """An integer."""

    text: str


class Word(Struct, frozen=True):
    """A word of the list `kind`, as its index; `literal` where it is known which."""

    kind: str
    text: str
    literal: str | None = None


class WordSet(Struct, frozen=True):
    """Words of the list `kind`: whether each is in it, asked for word by word."""

    kind: str
    has: Callable[[str], str]


Value = Truth | Number | Word | WordSet


class Frame(Protocol):
    """What the names of an expression stand for in one version of terms."""

    def fact(self, name: str) -> Value:
        """A context attribute."""
        ...

    def scope(self, name: str) -> Word:
        """`principal`, `action` or `resource`."""
        ...

    def words(self, kind: str) -> tuple[str, ...]:
        """A list's words; their order gives their indices."""
        ...

    def named(self, text: str) -> str:
        """A name for a Boolean formula, defined once."""
        ...


def formula(expression: P.Expr, frame: Frame) -> str:
    """The condition as a Boolean formula.  `expression` is one that terms/condition.py let through."""
    return truth(value(expression, frame))


def all_of(texts: Iterable[str]) -> str:
    """True if all are."""
    kept = [text for text in dict.fromkeys(texts) if text != TRUE]
    if FALSE in kept:
        return FALSE
    return TRUE if not kept else kept[0] if len(kept) == 1 else f"(and {' '.join(kept)})"


def any_of(texts: Iterable[str]) -> str:
    """True if one is."""
    kept = [text for text in dict.fromkeys(texts) if text != FALSE]
    if TRUE in kept:
        return TRUE
    return FALSE if not kept else kept[0] if len(kept) == 1 else f"(or {' '.join(kept)})"


def negation(text: str) -> str:
    """True if it is not."""
    return {TRUE: FALSE, FALSE: TRUE}.get(text, f"(not {text})")


def choice(condition: str, yes: str, no: str) -> str:
    """One or the other, of any sort."""
    return {TRUE: yes, FALSE: no}.get(condition, yes if yes == no else f"(ite {condition} {yes} {no})")


def truth(found: Value) -> str:
    """The text of what Cedar's validator found to be Boolean."""
    assert isinstance(found, Truth), found
    return found.text


def value(node: P.Expr, frame: Frame) -> Value:
    """What an expression stands for.  AssertionError or KeyError is a bug: conditions were validated before."""
    match node:
        case P.BoolLit(value=literal):
            return Truth(TRUE if literal else FALSE)
        case P.LongLit(value=number):
            return Number(str(number))
        case P.EntityLit(value=uid):
            return _word(str(uid.type), uid.id, frame)
        case P.Var(name=name):
            return frame.scope(name)
        case P.GetAttr(attr=attr):
            return frame.fact(attr)
        case P.Set(elements=elements):
            return _literal_set(elements)
        case P.UnaryOp(op=op, arg=arg):
            return _short(UNARY[op](value(arg, frame), frame), frame)
        case P.BinaryOp(op=op, left=left, right=right):
            return _short(BINARY[op](value(left, frame), value(right, frame), frame), frame)
        case P.IfThenElse(cond=cond, then_expr=yes, else_expr=no):
            return _either(truth(value(cond, frame)), value(yes, frame), value(no, frame), frame)
    raise AssertionError(node)


def _short(found: Value, frame: Frame) -> Value:
    return Truth(frame.named(found.text)) if isinstance(found, Truth) and len(found.text) > LONG else found


def _word(kind: str, word: str, frame: Frame) -> Word:
    """A word that stands for an empty list is none of its words."""
    words = frame.words(kind)
    return Word(kind, str(words.index(word)) if word in words else "(- 1)", word)


def _literal_set(elements: Iterable[P.Expr]) -> WordSet:
    uids = [element.value for element in elements if isinstance(element, P.EntityLit)]
    kinds, ids = {str(uid.type) for uid in uids}, {uid.id for uid in uids}
    (kind,) = kinds
    return WordSet(kind, lambda word: TRUE if word in ids else FALSE)


def _either(condition: str, yes: Value, no: Value, frame: Frame) -> Value:
    match yes, no:
        case Truth(), Truth():
            return _short(Truth(choice(condition, yes.text, no.text)), frame)
        case Number(), Number():
            return Number(choice(condition, yes.text, no.text))
        case Word(), Word():
            return Word(yes.kind, choice(condition, yes.text, no.text))
        case WordSet(), WordSet():
            return WordSet(yes.kind, lambda word: choice(condition, yes.has(word), no.has(word)))
    raise AssertionError((yes, no))


def equal(left: Value, right: Value, frame: Frame) -> str:
    """Whether two values are the same."""
    match left, right:
        case WordSet(), WordSet():
            pairs = ((left.has(word), right.has(word)) for word in frame.words(left.kind))
            return all_of(_same(a, b) for a, b in pairs)
        case Word(), Word() if left.kind != right.kind:
            return FALSE
        case Word(), Word() if left.literal is not None and right.literal is not None:
            return TRUE if left.literal == right.literal else FALSE
        case WordSet(), _:
            raise AssertionError((left, right))
        case _, WordSet():
            raise AssertionError((left, right))
        case _:
            return _same(left.text, right.text)


def _same(left: str, right: str) -> str:
    if left == right:
        return TRUE
    for one, other in ((left, right), (right, left)):
        if one in (TRUE, FALSE):
            return other if one == TRUE else negation(other)
    return f"(= {left} {right})"


def contains(group: Value, word: Value, frame: Frame) -> str:
    """Whether a set has a word."""
    assert isinstance(group, WordSet), group
    assert isinstance(word, Word), word
    if word.literal is not None:
        return group.has(word.literal)
    return any_of(
        all_of((group.has(one), _same(word.text, str(index)))) for index, one in enumerate(frame.words(group.kind))
    )


def _pairs(left: Value, right: Value, frame: Frame) -> Iterable[tuple[str, str]]:
    """For each word, whether either set has it; the right one is asked first, and the left only where it matters."""
    assert isinstance(left, WordSet), left
    assert isinstance(right, WordSet), right
    for word in frame.words(left.kind):
        wanted = right.has(word)
        yield (left.has(word) if wanted != FALSE else FALSE), wanted


def _within(left: Value, right: Value, frame: Frame) -> str:
    """Cedar's `in`: our lists have no hierarchy, so it is equality, or membership in a set."""
    return contains(right, left, frame) if isinstance(right, WordSet) else equal(left, right, frame)


def _order(sign: str) -> Callable[[Value, Value, Frame], Truth]:
    def compare(left: Value, right: Value, _frame: Frame) -> Truth:
        assert isinstance(left, Number), left
        assert isinstance(right, Number), right
        return Truth(f"({sign} {left.text} {right.text})")

    return compare


def _empty(group: Value, frame: Frame) -> str:
    assert isinstance(group, WordSet), group
    return negation(any_of(group.has(word) for word in frame.words(group.kind)))


UNARY: dict[str, Callable[[Value, Frame], Truth]] = {
    "not": lambda arg, _: Truth(negation(truth(arg))),
    "is_empty": lambda arg, frame: Truth(_empty(arg, frame)),
}
BINARY: dict[str, Callable[[Value, Value, Frame], Truth]] = {
    "eq": lambda left, right, frame: Truth(equal(left, right, frame)),
    "not_eq": lambda left, right, frame: Truth(negation(equal(left, right, frame))),
    "less": _order("<"),
    "less_eq": _order("<="),
    "greater": _order(">"),
    "greater_eq": _order(">="),
    "and": lambda left, right, _: Truth(all_of((truth(left), truth(right)))),
    "or": lambda left, right, _: Truth(any_of((truth(left), truth(right)))),
    "in": lambda left, right, frame: Truth(_within(left, right, frame)),
    "contains": lambda left, right, frame: Truth(contains(left, right, frame)),
    "contains_all": lambda left, right, frame: Truth(
        all_of(any_of((has, negation(wanted))) for has, wanted in _pairs(left, right, frame))
    ),
    "contains_any": lambda left, right, frame: Truth(any_of(all_of(pair) for pair in _pairs(left, right, frame))),
}
