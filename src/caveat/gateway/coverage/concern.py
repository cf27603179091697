"""What a clause looks at, and so where its probe belongs: in every part that is read, in the reply, or as a whole call."""

from typing import Any

from msgspec import Struct

from caveat.terms.condition import Condition, read_condition
from caveat.terms.document import Clause, Probe
from caveat.terms.lint import OUTSIDE, needs_learned
from caveat.vocabulary import FACTS, HAZARDS, per_mille_name

FOUND_IN = frozenset(
    [fact.name for fact in FACTS if fact.setter == "detector" and fact.group != "reply"]
    + ["labelRank", "labelSource"]
    + [per_mille_name(code) for code in HAZARDS]
)
"""Facts that a recognizer finds in a request's texts, or has its share in."""
FOUND_OUT = frozenset(
    [fact.name for fact in FACTS if fact.setter == "detector" and fact.group == "reply"]
    + [per_mille_name(code, out=True) for code in HAZARDS]
)
"""The same of the reply."""
CALLED = frozenset({"toolsCalled", "unlistedCalls", "sideEffectOut"})
"""Facts about the tools that the model calls."""
EXAMPLES = {
    "": "Pay to GB82 WEST 1234 5698 7654 32 at once.",
    "personal": "Pay to GB82 WEST 1234 5698 7654 32 at once.",
    "personal.iban": "Pay to GB82 WEST 1234 5698 7654 32 at once.",
    "personal.email": "Write to anna.miller@post.example.com at once.",
    "secret": "The key is AKIAIOSFODNN7EXAMPLQ as ever.",
}
"""What a reply is made to say where a clause always masks, by what it names."""
ALWAYS = "Good morning."
"""The probe of a clause that always holds."""


class Concern(Struct, frozen=True):
    """Where one clause's probe is tried.

    texts, replies   a text probe goes into every part of the request, of the reply
    whole            the probe is a call as it stands
    tools            the model calls the tools that the probe names
    learned          nothing can trip it: it needs a recognizer that this build has not
    unprobed         why no call can trip it; "" where one can
    operations       the OTel operations that the condition names; empty where it looks at none
    """

    probe: Probe | None
    texts: bool = False
    replies: bool = False
    whole: bool = False
    tools: bool = False
    learned: bool = False
    unprobed: str = ""
    always: bool = False
    operations: frozenset[str] = frozenset()

    def has(self, place: str) -> bool:
        """Whether the clause's probe is tried in that place."""
        if place == "call":
            return self.whole
        if place == "tool_call":
            return self.tools
        return self.replies if place in ("text", "reasoning", "refusal", "tool_arguments") else self.texts


def concern_of(clause: Clause, sees: frozenset[str]) -> Concern:
    """Where the probe of an enforced clause belongs; `sees` are the hazards that the recognizers at hand can find."""
    condition = read_condition(clause.when or "false")
    if condition.constant is True and (masks := _masks(clause)):
        probe = EXAMPLES.get(masks[0])
        return Concern(
            Probe(probe, ALWAYS) if probe else None,
            replies=True,
            always=True,
            unprobed="" if probe else f"there is no example of `{masks[0]}` to be masked",
        )
    if condition.constant is True:
        return Concern(Probe(ALWAYS, ALWAYS), whole=True, always=True)
    if clause.probe is None:
        outside = condition.reads <= OUTSIDE
        why = "it depends on who calls and where, not on what a call holds" if outside else ""
        return Concern(None, texts=True, replies=True, whole=True, tools=True, unprobed=why)
    is_text = isinstance(clause.probe.trips, str)
    found_in, found_out = bool(condition.reads & FOUND_IN), bool(condition.reads & FOUND_OUT)
    return Concern(
        clause.probe,
        texts=is_text and found_in,
        replies=is_text and found_out,
        whole=not is_text or not (found_in or found_out),
        tools=not is_text and bool(condition.reads & CALLED) and bool(_tools(clause.probe.trips)),
        learned=needs_learned(clause, condition, sees),
        operations=_operations(condition),
    )


def _masks(clause: Clause) -> tuple[str, ...]:
    """What the clause's masks name."""
    return tuple(str(duty.value) for duty in clause.duties if duty.name == "redact.output")


def _operations(condition: Condition) -> frozenset[str]:
    return (
        frozenset(word for kind, word in condition.named if kind == "Action")
        if "action" in condition.reads
        else frozenset()
    )


def _tools(probe: str | dict[str, Any]) -> tuple[str, ...]:
    return () if isinstance(probe, str) else tuple(tool["function"]["name"] for tool in probe.get("tools", ()))


def tools_of(probe: str | dict[str, Any]) -> tuple[str, ...]:
    """The names of the tools that a whole-call probe offers."""
    return _tools(probe)
