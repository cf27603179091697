"""One request that nobody has made yet: its facts as variables, seen by one version of terms or by two.

Rules of this file: a variable is what a call *has* (scores, names of tools, pointers of fields), not what terms make of
it; what terms make of it (hazards over thresholds, kinds of tools, listed fields) is defined from the variables for each
version, so that a moved threshold is a difference; a variable is declared when a clause first looks at it, so whatever
is not declared cannot matter.

Assumed of every request, and said in each certificate (ASSUMED): what the gateway makes sure of before it decides.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from caveat.errors import BadInput
from caveat.talks.smt import all_of, any_of
from caveat.talks.witness import pointers, tool_names
from caveat.terms.cedar_schema import NONE_LISTED, fact_types, listed
from caveat.terms.condition import read_condition
from caveat.terms.document import Draft
from caveat.vocabulary import CAVEAT, FACT, FIELD, HAZARDS, OPERATIONS, PURPOSE, VOICES, Bool, Enum, Long, SetOf

ASSUMED = (
    "both versions are in force and valid at that time",
    "the model that answers is the one that each version names under that alias",
    "no waiver is in force",
    "facts of the reply are at rest until the model answers",
    "the highest score is the highest of the hazards' scores, and a hazard's score the highest of its voices'",
)
SOMEONE = "someone"
"""A caller whom no clause names; first in the list, so an ordinary request comes from there."""
FIRST_RESTED = {"effect": 1}
"""Index of the ordinary word, where it is not the list's first."""

Sort = Literal["bool", "word", "number"]


class Variable(Struct, frozen=True):
    """One unknown of the request.

    name      its SMT-LIB symbol
    of        what it is: ("fact", name), ("member", fact, word), ("pm", code), ("pmOut", code), ("said", voice:code),
              ("field", pointer), ("part", pointer), ("more", "field" or "part"), ("tool", name), ("call", name)
    low, high its range; a bool is 0 or 1
    rest      its value in an ordinary request, from which a smallest one departs as little as it can
    words     what a word's indices stand for
    """

    name: str
    sort: Sort
    of: tuple[str, ...]
    low: int = 0
    high: int = 1
    rest: int = 0
    words: tuple[str, ...] = ()


class Symbols:
    """The variables of one request and what is defined from them, as SMT-LIB text."""

    def __init__(self, drafts: Sequence[Draft], callers: Iterable[str] = ()) -> None:
        if len({draft.markings for draft in drafts}) > 1:
            raise BadInput(
                "the two versions use different marking profiles, so a rank in one says nothing of a rank in the other",
                hint="compare versions that name the same profile",
            )
        self.drafts = tuple(drafts)
        self.variables: dict[str, Variable] = {}
        self._words = _lists(drafts, callers)
        self._required: list[str] = []
        self._defined: list[str] = []
        self._names: dict[str, str] = {}
        self._pointers: tuple[str, ...] | None = None
        self._tools: tuple[str, ...] | None = None

    def words(self, kind: str) -> tuple[str, ...]:
        """A list's words in either version, and those that some clause names."""
        return self._words[kind]

    def declare(self, variable: Variable) -> str:
        """The variable's symbol; declared once."""
        self.variables.setdefault(variable.name, variable)
        return variable.name

    def require(self, text: str) -> None:
        """Assert what holds of every request."""
        self._required.append(text)

    def define(self, name: str, text: str, says: str = "") -> str:
        """A named Boolean; its name."""
        note = f"  ; {ascii(says)[1:-1]}" if says else ""
        self._defined.append(f"(define-fun {name} () Bool {text}){note}")
        return name

    def named(self, text: str) -> str:
        """A name for a formula, the same for the same text."""
        if text not in self._names:
            self._names[text] = self.define(f"t{len(self._names)}", text)
        return self._names[text]

    def pointers(self) -> tuple[str, ...]:
        """Witnesses for the fields that either version lists."""
        if self._pointers is None:
            self._pointers = pointers(p for d in self.drafts for clause in d.clauses for p in clause.fields)
        return self._pointers

    def tools(self) -> tuple[str, ...]:
        """Witnesses for the tools that either version tells apart."""
        if self._tools is None:
            self._tools = tool_names(*(draft.tools for draft in self.drafts))
        return self._tools

    def fact(self, name: str) -> Variable:
        """The variable of a plain fact that is one word, number or truth value."""
        kind = fact_types()[name]
        rest = FIRST_RESTED.get(name, 0)
        match kind:
            case Enum():
                words = self.words(kind.name)
                return Variable(name, "word", ("fact", name), high=len(words) - 1, rest=rest, words=words)
            case Long():
                return Variable(name, "number", ("fact", name), kind.low, kind.high, kind.low)
            case Bool():
                return Variable(name, "bool", ("fact", name))
        raise AssertionError(name)

    def scope(self, name: str, kind: str) -> Variable:
        """The variable of who calls, what is done, or which model."""
        words = self.words(kind)
        return Variable(name, "word", ("fact", name), high=len(words) - 1, words=words)

    def member(self, name: str, word: str) -> Variable:
        """The variable that says whether a plain set has a word."""
        kind = fact_types()[name]
        assert isinstance(kind, SetOf), name
        return Variable(f"{name}.{self.words(kind.of.name).index(word)}", "bool", ("member", name, word))

    def score(self, code: str, *, out: bool = False) -> str:
        """The symbol of a hazard's score."""
        group = "pmOut" if out else "pm"
        return self.declare(Variable(f"{group}.{code}", "number", (group, code), 0, 1000))

    def said(self, voice: str, code: str) -> str:
        """The symbol of a hazard's score in the parts of one voice."""
        self.score(code)
        return self.declare(Variable(f"said.{voice}.{code}", "number", ("said", f"{voice}:{code}"), 0, 1000))

    def _whole_scores(self) -> None:
        """A hazard's score is the highest of its voices'; one voice stands for all that no clause looks at."""
        voiced = [v.of[1].split(":") for v in self.variables.values() if v.of[0] == "said"]
        for code in dict.fromkeys(code for _, code in voiced):
            heard = [voice for voice, of in voiced if of == code]
            other = [voice for voice in VOICES if voice not in heard][:1]
            symbols = [self.said(voice, code) for voice in (*heard, *other)]
            self._highest_of(self.score(code), symbols)

    def _highest_of(self, whole: str, symbols: Sequence[str]) -> None:
        self.require(all_of(f"(<= {one} {whole})" for one in symbols))
        self.require(any_of(f"(= {one} {whole})" for one in symbols))

    def highest(self) -> str:
        """The symbol of the highest score of all."""
        name = "hazardPermille"
        if name not in self.variables:
            self.declare(self.fact(name))
            self._highest_of(name, [self.score(code) for code in HAZARDS])
        return name

    def text(self) -> str:
        """Everything: declarations, ranges, requirements, definitions.  To be asked for once, when all is defined."""
        self._whole_scores()
        self._rest_reply()
        lines = ["(set-logic QF_LIA)"]
        for variable in self.variables.values():
            lines.append(_declaration(variable))
            if variable.sort != "bool":
                lines.append(f"(assert (and (>= {variable.name} {variable.low}) (<= {variable.name} {variable.high})))")
        lines += [f"(assert {text})" for text in self._required]
        return "\n".join((*lines, *self._defined)) + "\n"

    def _rest_reply(self) -> None:
        """Until the model answers, what is known of its reply is nothing."""
        for variable in [v for v in self.variables.values() if _of_reply(v)]:
            stage = self.declare(self.fact("stage"))
            rested = f"(not {variable.name})" if variable.sort == "bool" else f"(= {variable.name} {variable.rest})"
            self.require(f"(=> (= {stage} 0) {rested})")


def _of_reply(variable: Variable) -> bool:
    match variable.of:
        case ("pmOut" | "call", _):
            return True
        case ("fact" | "member", name, *_) if name in FACT and name != "stage":
            return FACT[name].group == "reply"
    return False


def _declaration(variable: Variable) -> str:
    sort = "Bool" if variable.sort == "bool" else "Int"
    notes = ", ".join(f"{index} {word}" for index, word in enumerate(variable.words)) or variable.of[-1]
    return f"(declare-const {variable.name} {sort})  ; {variable.of[0]} {ascii(notes)[1:-1]}"


def _lists(drafts: Sequence[Draft], more_callers: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Every list's words: the vocabulary's, those of all versions, those that clauses name."""
    named: dict[str, list[str]] = {}
    for draft in drafts:
        for clause in draft.clauses:
            for kind, word in sorted(read_condition(clause.when).named if clause.when else ()):
                named.setdefault(kind, []).append(word)
    given: dict[str, Callable[[Draft], Iterable[str]]] = {
        PURPOSE.name: lambda draft: draft.purposes,
        CAVEAT.name: lambda draft: listed(draft.schema, CAVEAT.name),
        FIELD.name: lambda draft: listed(draft.schema, FIELD.name),
        "Model": lambda draft: [model.alias for model in draft.models],
        "Action": lambda _: OPERATIONS,
    }
    found: dict[str, tuple[str, ...]] = {}
    for name, of in given.items():
        words = [word for draft in drafts for word in of(draft)]
        found[name] = tuple(word for word in dict.fromkeys((*words, *named.get(name, ()))) if word != NONE_LISTED)
    for fact in FACT.values():
        listing = fact.type.of if isinstance(fact.type, SetOf) else fact.type
        if isinstance(listing, Enum):
            found.setdefault(listing.name, listing.values)
    callers = {*named.get("Caller", ()), *more_callers}
    stranger = SOMEONE
    while stranger in callers:
        stranger += "-else"
    found["Caller"] = tuple(dict.fromkeys((stranger, *sorted(callers))))
    return found
