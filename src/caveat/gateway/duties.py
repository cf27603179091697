"""Duties that the gateway fulfils, each by one function.  A duty that has none here denies the call (opening.py)."""

from caveat.decide.explain import best_language
from caveat.gateway.begun import Begun
from caveat.terms.document import Duty

FULFILS = frozenset({"label.output", "limit.tokens", "log.full", "log.digest"})


def owes(begun: Begun, name: str) -> Duty | None:
    """The duty of that name, None where the call does not owe it."""
    return next((duty for duty in begun.decision.duties if duty.name == name), None)


def outgoing(begun: Begun) -> bytes:
    """The body to send upstream: the caller's bytes, but for the routed model's name and an output limit."""
    body = begun.call.body
    if begun.route.name != begun.call.model:
        body = begun.asked.dialect.with_model(body, begun.route.name)
    limit = owes(begun, "limit.tokens")
    if limit is not None and not 0 < begun.facts.tokens_out_max <= int(limit.value):
        body = begun.asked.dialect.with_limit(body, int(limit.value))
    return body


def notice(begun: Begun) -> str:
    """The notice under machine-made text, in the caller's language; "" where none is owed."""
    if owes(begun, "label.output") is None:
        return ""
    draft = begun.route.policy.terms.draft
    return draft.notice[language(begun)]


def language(begun: Begun) -> str:
    """The caller's language among those of the terms: header, then key, then the terms' first."""
    wanted = begun.asked.request.headers.get("accept-language", "")
    return best_language(wanted, begun.asked.key.caller.language, begun.route.policy.terms.draft.languages)


def done(begun: Begun, notices: int) -> list[dict[str, object]]:
    """What was done about each duty, for the record."""
    how: dict[str, object] = {
        "label.output": notices,
        "limit.tokens": begun.facts.tokens_out_max,
        "log.full": "vault",
        "log.digest": "record",
    }
    return [{"duty": duty.name, "value": duty.value, "done": how[duty.name]} for duty in begun.decision.duties]
