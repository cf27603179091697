"""What a semantic diff found, in sentences.

Rules of this file: "none" names who proved it; "unknown" says that it is no proof; an example is told by what departs
from an ordinary call, so nothing that matters is left out and nothing else is put in.
"""

from collections.abc import Mapping
from typing import Final

from caveat.decide.decision import Decision, Rule
from caveat.talks.analyse import Answered, Asks
from caveat.talks.imagined import Imagined
from caveat.terms.compile import duty_text
from caveat.vocabulary import FACT, Bool, Enum, Fact, Long

ASKED: Final[Mapping[Asks, tuple[str, str]]] = {
    "newly-allowed": ("newly allowed", "a request that {after} allows and {before} does not"),
    "newly-denied": ("newly denied", "a request that {after} denies and {before} does not"),
    "newly-held": ("newly held for approval", "a request that {after} holds and {before} does not"),
    "newly-owed": ("newly owed: {duty}", "a request that both allow, and that owes `{duty}` under {after} alone"),
    "no-longer-owed": (
        "no longer owed: {duty}",
        "a request that both allow, and that owes `{duty}` under {before} alone",
    ),
}
RULES: Final[Mapping[Rule, str]] = {
    "forbid": "denied by {clauses}",
    "hold": "held by {clauses}",
    "no-permit": "denied, for nothing permits it",
    "unreadable": "denied, for it holds something that no clause lists",
    "permit": "allowed by {clauses}",
    "waiver": "allowed by {clauses}, under a waiver",
    "approval": "allowed by {clauses}, released by persons",
    "lapsed": "denied, for the terms have lapsed",
    "duty": "denied, for a duty cannot be met",
    "error": "denied, for it is no call under these terms",
}
SHOWN: Final = ("purpose", "stage")
"""Facts that the first line tells."""


def title(one: Answered) -> str:
    """What was asked: `newly allowed`."""
    return ASKED[one.question.asks][0].format(duty=_duty(one))


def sentence(one: Answered, solvers: Mapping[str, str], before: str, after: str) -> str:
    """The answer: that there is one, that there is none and who proved it, or that it is not known."""
    if one.says == "found":
        asked = ASKED[one.question.asks][1].format(before=before, after=after, duty=_duty(one))
        return f"here is {asked}"
    if one.says == "none":
        return f"there is none ({proved(one, solvers)})"
    said = ", ".join(f"{name} says {answer}" for name, answer in one.answers.items())
    return f"unknown ({said}); this is no proof that there is none"


def proved(one: Answered, solvers: Mapping[str, str]) -> str:
    """Who proved it: `proved by Z3 5.4.1.0, cvc5 1.4.2 agrees`."""
    by = f"proved by Z3 {solvers.get('Z3', '')}".rstrip()
    if "cvc5" not in one.answers:
        return f"{by}; cvc5 was not asked"
    return f"{by}, cvc5 {solvers.get('cvc5', '')} agrees"


def outcome(decision: Decision) -> str:
    """What the engine decided: `denied by no.secrets`."""
    return RULES[decision.rule].format(clauses=", ".join(f"`{id_}`" for id_ in decision.clauses))


def described(request: Imagined) -> list[str]:
    """The request: who, what and why, then whatever departs from an ordinary one."""
    plain = request.plain
    head = (
        f"a {plain.get('operation', 'chat')} call by `{plain.get('caller', 'someone')}` "
        f"to `{plain.get('model', 'any model')}` for `{plain.get('purpose', 'any purpose')}`"
    )
    lines = [f"{head}, once the model answers" if plain.get("stage") == "reply" else head]
    lines += [_fact(FACT[name], value) for name, value in plain.items() if name in FACT and _departs(FACT[name], value)]
    lines += [f"`{code}` scored {score} per mille in the request" for code, score in request.pm.items()]
    lines += [_voiced(word, score) for word, score in request.said.items()]
    lines += [f"`{code}` scored {score} per mille in the reply" for code, score in request.pm_out.items()]
    lines += [f"a field at `{pointer}`" for pointer in request.fields]
    lines += [f"an unread part at `{pointer}`" for pointer in request.parts]
    lines += [f"{request.more_fields} field(s) that no clause lists"] * bool(request.more_fields)
    lines += [f"{request.more_parts} unread part(s) that no clause lists"] * bool(request.more_parts)
    lines += [f"the tool `{name}` is offered{_times(count)}" for name, count in request.tools.items()]
    return lines + [f"the model calls the tool `{name}`{_times(count)}" for name, count in request.calls.items()]


def _departs(fact: Fact, value: object) -> bool:
    match fact.type:
        case Enum():
            ordinary = "informs-human" if fact.name == "effect" else next(iter(fact.type.values), None)
            return fact.name not in SHOWN and value != ordinary
        case Long():
            return value != fact.type.low
    return bool(value)


def _fact(fact: Fact, value: object) -> str:
    if isinstance(fact.type, Bool):
        return f"`{fact.name}` is true: {fact.says}"
    words = ", ".join(f"`{word}`" for word in value) if isinstance(value, list | tuple) else f"`{value}`"
    return f"`{fact.name}` is {words}: {fact.says}"


def _voiced(word: str, score: int) -> str:
    voice, _, code = word.partition(":")
    return f"`{code}` scored {score} per mille in what the {voice} says"


def _times(count: int) -> str:
    return "" if count == 1 else f" {count} times"


def _duty(one: Answered) -> str:
    return duty_text(one.question.duty) if one.question.duty else ""
