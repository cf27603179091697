"""What one version of terms makes of a request: each fact as a formula over the request's variables.

Rule of this file: it says in formulas what facts/gather.py and facts/seen.py do in code; tests/talks/test_outcome.py
holds the two together on random requests.
"""

from collections.abc import Callable
from functools import cached_property

from caveat.facts.gather import covers, tool_rule
from caveat.talks.smt import FALSE, Number, Truth, Value, Word, WordSet, any_of, choice
from caveat.talks.symbols import Symbols, Variable
from caveat.terms.cedar_schema import fact_types
from caveat.terms.document import Draft
from caveat.vocabulary import SIDE_EFFECTS, TOOL_KIND, VOICED, Enum, Long, SetOf

SCOPES = {"principal": ("caller", "Caller"), "action": ("operation", "Action"), "resource": ("model", "Model")}
COUNT = 2**31 - 1


class Sight:
    """One version's view; a smt.Frame."""

    def __init__(self, symbols: Symbols, draft: Draft) -> None:
        self._symbols = symbols
        self._draft = draft
        self.patterns = tuple(sorted({pattern for clause in draft.clauses for pattern in clause.fields}))

    def words(self, kind: str) -> tuple[str, ...]:
        """A list's words."""
        return self._symbols.words(kind)

    def named(self, text: str) -> str:
        """A name for a formula."""
        return self._symbols.named(text)

    def scope(self, name: str) -> Word:
        """Who calls, what is done, which model."""
        fact, kind = SCOPES[name]
        return Word(kind, self._symbols.declare(self._symbols.scope(fact, kind)))

    def fact(self, name: str) -> Value:
        """A context attribute as this version has it."""
        if name in DERIVED:
            return DERIVED[name](self)
        if name.startswith("pm"):
            group, _, code = name.partition("_")
            return Number(self._symbols.score(code, out=group == "pmOut"))
        kind = fact_types()[name]
        if isinstance(kind, SetOf):
            words = self.words(kind.of.name)
            return WordSet(kind.of.name, lambda word: self._member(name, word) if word in words else FALSE)
        symbol = self._symbols.declare(self._symbols.fact(name))
        if isinstance(kind, Enum):
            return Word(kind.name, symbol)
        return Number(symbol) if isinstance(kind, Long) else Truth(symbol)

    def field(self, pattern: str) -> str:
        """Whether the request has a field or an unread part that the pattern covers."""
        within = [pointer for pointer in self._symbols.pointers() if covers(pattern, pointer)]
        return any_of(self._there(group, pointer) for pointer in within for group in ("field", "part"))

    def unlisted(self, group: str) -> str:
        """How many fields or parts there are that no clause of this version lists."""
        more = self._symbols.declare(Variable(f"{group}.more", "number", ("more", group), 0, COUNT - 64))
        strange = [p for p in self._symbols.pointers() if not any(covers(pattern, p) for pattern in self.patterns)]
        counted = [f"(ite {self._there(group, pointer)} 1 0)" for pointer in strange]
        return f"(+ {more} {' '.join(counted)})" if counted else more

    def _member(self, name: str, word: str) -> str:
        return self._symbols.declare(self._symbols.member(name, word))

    def _there(self, group: str, pointer: str) -> str:
        place = self._symbols.pointers().index(pointer)
        return self._symbols.declare(Variable(f"{group}.{place}", "bool", (group, pointer)))

    def hazards(self, *, out: bool = False) -> Value:
        """Hazards at or over this version's thresholds."""
        thresholds = self._draft.thresholds
        return WordSet(
            "Hazard",
            lambda code: f"(>= {self._symbols.score(code, out=out)} {max(thresholds[code], 1)})",
        )

    def highest(self) -> Value:
        """The highest score of all."""
        return Number(self._symbols.highest())

    def voiced(self) -> Value:
        """The same by voice."""

        def said(word: str) -> str:
            voice, _, code = word.partition(":")
            return f"(>= {self._symbols.said(voice, code)} {max(self._draft.thresholds[code], 1)})"

        return WordSet(VOICED.name, said)

    def fields(self) -> Value:
        """Fields and unread parts that only a clause lets pass."""
        return WordSet("Field", lambda word: self.field(word) if word in self.patterns else FALSE)

    @cached_property
    def _rules(self) -> dict[str, tuple[str, str, bool]]:
        """Witness -> kind and side effect here, and whether a rule lists it."""
        found = {name: tool_rule(name, self._draft.tools) for name in self._symbols.tools()}
        return {name: (rule.kind, rule.side_effect, rule.kind != "unlisted") for name, rule in found.items()}

    def _count(self, group: str, name: str) -> str:
        names = self._symbols.tools()
        variable = Variable(f"{group}.{names.index(name)}", "number", (group, name), 0, COUNT // (len(names) + 1))
        return self._symbols.declare(variable)

    def _some(self, group: str, names: list[str]) -> str:
        return any_of(f"(> {self._count(group, name)} 0)" for name in names)

    def kinds(self, group: str) -> Value:
        """Kinds of the tools offered (`tool`) or called (`call`)."""
        return WordSet(
            TOOL_KIND.name,
            lambda kind: self._some(group, [name for name, rule in self._rules.items() if rule[0] == kind]),
        )

    def strangers(self, group: str) -> Value:
        """How many of them this version does not list."""
        counts = [self._count(group, name) for name, rule in self._rules.items() if not rule[2]]
        return Number(f"(+ {' '.join(counts)})" if len(counts) > 1 else counts[0] if counts else "0")

    def gravest(self, group: str) -> Value:
        """The gravest side effect among them."""
        text = "0"
        for place, effect in enumerate(SIDE_EFFECTS[1:], 1):
            text = choice(
                self._some(group, [n for n, rule in self._rules.items() if rule[1] == effect]), str(place), text
            )
        return Word("SideEffect", text)


DERIVED: dict[str, Callable[[Sight], Value]] = {
    "hazardsIn": lambda sight: sight.hazards(),
    "hazardsOut": lambda sight: sight.hazards(out=True),
    "voicedIn": lambda sight: sight.voiced(),
    "hazardPermille": lambda sight: sight.highest(),
    "fields": lambda sight: sight.fields(),
    "unknownFields": lambda sight: Number(sight.unlisted("field")),
    "unreadParts": lambda sight: Number(sight.unlisted("part")),
    "tools": lambda sight: sight.kinds("tool"),
    "unlistedTools": lambda sight: sight.strangers("tool"),
    "sideEffect": lambda sight: sight.gravest("tool"),
    "toolsCalled": lambda sight: sight.kinds("call"),
    "unlistedCalls": lambda sight: sight.strangers("call"),
    "sideEffectOut": lambda sight: sight.gravest("call"),
}
