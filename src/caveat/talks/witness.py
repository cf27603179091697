"""Enough names to stand for all: pointers and tool names, one for each way in which two versions of terms can tell them
apart.

Rule of this file: whatever pointer or tool name a call holds, some witness here is treated like it by both versions, so
what is proved of the witnesses is proved of all.
"""

from collections.abc import Iterable, Sequence

from caveat.errors import BadInput
from caveat.terms.document import ToolRule

STEP = "any"
"""What a witness has where every pattern has `*`; made longer where some pattern has that very word."""
MOST_POINTERS = 64
MOST_STATES = 20_000

State = tuple[frozenset[int], ...]
"""Of each pattern, the places in it that the letters so far lead to."""


def pointers(patterns: Iterable[str]) -> tuple[str, ...]:
    """For each set of patterns that some pointer fits together, a pointer that fits exactly those.

    Raises BadInput where the patterns overlap in more than MOST_POINTERS ways.
    """
    found = {tuple(pattern.split("/")) for pattern in patterns}
    step = STEP
    while any(step in pattern for pattern in found):
        step += "-" + STEP
    todo = list(found)
    while todo:
        one = todo.pop()
        for other in tuple(found):
            both = _both(one, other)
            if both is not None and both not in found:
                found.add(both)
                todo.append(both)
        if len(found) > MOST_POINTERS:
            raise BadInput(
                "the listed fields overlap in too many ways to be analysed", hint="list fewer pointers with `*`"
            )
    return tuple(sorted("/".join(step if part == "*" else part for part in pattern) for pattern in found))


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...] | None:
    """The widest pattern within both, None where nothing fits both; a pattern covers what lies below it."""
    if any(a != b and "*" not in (a, b) for a, b in zip(one, other, strict=False)):
        return None
    longer = max(one, other, key=len)
    met = tuple(b if a == "*" else a for a, b in zip(one, other, strict=False))
    return met + longer[len(met) :]


def tool_names(*lists: Sequence[ToolRule]) -> tuple[str, ...]:
    """For each combination of rules, one of each list, that are the first to fit some name: the shortest such name.

    Raises BadInput where the patterns need more than MOST_STATES steps to tell apart.
    """
    patterns = tuple(dict.fromkeys(rule.name for rules in lists for rule in rules))
    letters = [*sorted({letter for pattern in patterns for letter in pattern if letter != "*"}), _other(patterns)]
    found: dict[tuple[int | None, ...], str] = {}
    seen: set[State] = set()
    edge = [(tuple(_along(pattern, {0}) for pattern in patterns), "")]
    while edge:
        after: list[tuple[State, str]] = []
        for state, name in edge:
            for letter in letters:
                then = tuple(_step(p, places, letter) for p, places in zip(patterns, state, strict=True))
                if then not in seen:
                    seen.add(then)
                    after.append((then, name + letter))
                    fit = {p for p, places in zip(patterns, then, strict=True) if len(p) in places}
                    found.setdefault(tuple(_first(rules, fit) for rules in lists), name + letter)
        if len(seen) > MOST_STATES:
            raise BadInput("the tools' name patterns are too many to be analysed together")
        edge = after
    return tuple(sorted(found.values()))


def _first(rules: Sequence[ToolRule], fit: set[str]) -> int | None:
    return next((place for place, rule in enumerate(rules) if rule.name in fit), None)


def _other(patterns: Sequence[str]) -> str:
    """A letter that no pattern has."""
    return next(letter for letter in "xyz_0123456789\u2026" if not any(letter in pattern for pattern in patterns))


def _along(pattern: str, places: set[int]) -> frozenset[int]:
    """The places, and those behind stars that may stand for nothing."""
    reached = set(places)
    for place in range(len(pattern)):
        if place in reached and pattern[place] == "*":
            reached.add(place + 1)
    return frozenset(reached)


def _step(pattern: str, places: frozenset[int], letter: str) -> frozenset[int]:
    stay = {place for place in places if place < len(pattern) and pattern[place] == "*"}
    on = {place + 1 for place in places if place < len(pattern) and pattern[place] == letter}
    return _along(pattern, stay | on)
