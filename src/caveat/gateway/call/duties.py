"""Duties that the gateway fulfils, each by one function.  A duty that has none here denies the call (opening.py)."""

from collections.abc import Callable

from caveat.canon import digest
from caveat.decide.decision import Decision
from caveat.decide.explain import best_language
from caveat.facts.gather import UNLISTED, tool_rule
from caveat.gateway.house.begun import Begun
from caveat.terms.document import Duty
from caveat.wire.call import Tool
from caveat.wire.strip import without_tools

FULFILS = frozenset(
    {
        "label.output",
        "limit.tokens",
        "log.full",
        "log.digest",
        "strip.tools",
        "review.human",
        "redact.output",
        "notify.vendor",
        "retain.days",
    }
)
LATE = frozenset({"log.digest", "review.human", "notify.vendor"})
"""Those that can still be met when they come up in the middle of a reply."""
LATE_WHOLE = LATE | {"redact.output"}
"""The same of a reply of which nothing has left."""


def owes(begun: Begun, name: str) -> Duty | None:
    """The duty of that name, None where the call does not owe it."""
    for duty in begun.decision.duties:
        if duty.name == name:
            return duty
    return None


def outgoing(begun: Begun) -> bytes:
    """The body to send upstream: the caller's bytes, but for the routed model's name, an output limit, and tools that
    the terms do not list where they are to be stripped."""
    body = without_tools(begun.call.body, stripped(begun))
    if begun.route.name != begun.call.model:
        body = begun.asked.dialect.with_model(body, begun.route.name)
    limit = token_limit(begun)
    if limit and limit != begun.facts.tokens_out_max:
        body = begun.asked.dialect.with_limit(body, limit)
    return body


def stripped(begun: Begun) -> tuple[Tool, ...]:
    """The tools that do not go with the call: those that the terms do not list, where the duty is owed."""
    if owes(begun, "strip.tools") is None:
        return ()
    rules = begun.route.policy.terms.draft.tools
    return tuple(tool for tool in begun.call.tools if tool_rule(tool.name, rules) is UNLISTED)


def token_limit(begun: Begun) -> int:
    """The most tokens that the reply may have: the duty's number or the caller's own, whichever is less; 0 where no such
    duty is owed."""
    duty = owes(begun, "limit.tokens")
    if duty is None:
        return 0
    return min(int(duty.value), begun.facts.tokens_out_max or int(duty.value))


def notice(begun: Begun) -> str:
    """The notice under machine-made text, in the caller's language; "" where none is owed.

    A reply of dictated shape is for a program: text added to it would break it, so it is labelled by its header alone.
    """
    if begun.call.structured:
        return ""
    if owes(begun, "label.output") is None:
        return ""
    draft = begun.route.policy.terms.draft
    return draft.notice[language(begun)]


def source_type(begun: Begun) -> str:
    """The IPTC digital source type that the reply's header bears, "" where none is owed."""
    duty = owes(begun, "label.output")
    return str(duty.value) if duty else ""


def language(begun: Begun) -> str:
    """The caller's language among those of the terms: header, then key, then the terms' first."""
    wanted = begun.asked.request.headers.get("accept-language", "")
    return best_language(wanted, begun.asked.key.caller.language, begun.route.policy.terms.draft.languages)


def done(begun: Begun, decision: Decision, *, notices: int, masked: dict[str, int]) -> list[dict[str, object]]:
    """What was done about each duty, for the record: of the last decision over the reply; where that denies, of the
    request's."""
    owed = (begun.decision if decision.verdict == "deny" else decision).duties
    return [{"duty": duty.name, "value": duty.value, "done": _HOW[duty.name](begun, notices, masked)} for duty in owed]


def _without(begun: Begun) -> dict[str, object]:
    gone = stripped(begun)
    return {"count": len(gone), "names": [digest(tool.name.encode()) for tool in gone]}


_HOW: dict[str, Callable[[Begun, int, dict[str, int]], object]] = {
    "label.output": lambda _, notices, __: {"notices": notices, "header": True},
    "limit.tokens": lambda begun, _, __: token_limit(begun),
    "log.full": lambda *_: "vault",
    "log.digest": lambda *_: "record",
    "review.human": lambda begun, _, __: {"hold": begun.asked.id},
    "redact.output": lambda _, __, masked: {"masked": masked},
    "notify.vendor": lambda *_: "record",
    "retain.days": lambda begun, _, __: "vault" if owes(begun, "log.full") else "nothing is kept",
    "strip.tools": lambda begun, _, __: _without(begun),
}
"""By duty: what stands in the record of it."""
