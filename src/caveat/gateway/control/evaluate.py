"""A dry run: decide a call without making it, in the shape of the AuthZEN Authorization API 1.0.

    {"resource": {"type": "dialect", "id": "openai_chat"}, "context": {"body": {...}, "headers": {...}}}
      -> {"decision": false, "context": {"verdict": "deny", "clauses": [...], "reason": "...", "facts": {...}}}

It is an oracle of the terms, so it needs the role operator, and each use is on record.
"""

from typing import Any

import msgspec
from msgspec import Struct

from caveat.decide.decide import able, decide
from caveat.decide.explain import best_language, refusal
from caveat.errors import BadInput
from caveat.gateway.call.duties import FULFILS
from caveat.gateway.call.opening import gathered
from caveat.gateway.call.routing import find_route
from caveat.gateway.exceptions.lifting import offered
from caveat.gateway.house.begun import Asked, Request
from caveat.gateway.house.house import House
from caveat.gateway.house.leasing import leased
from caveat.gateway.upstream.second import opinion
from caveat.register import CallerKey
from caveat.wire.dialects import DIALECTS


class _Resource(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    type: str = "dialect"


class _Context(Struct, frozen=True, forbid_unknown_fields=True):
    body: msgspec.Raw
    headers: dict[str, str] = {}


class _Evaluation(Struct, frozen=True, forbid_unknown_fields=True):
    resource: _Resource
    context: _Context


async def dry_run(house: House, key: CallerKey, body: bytes) -> dict[str, Any]:
    """What would be decided of the call in `body` for the key that asks.

    Raises BadInput for a body of another shape, Unreadable and Refused as the call itself would.
    """
    try:
        asked_for = msgspec.json.decode(body, type=_Evaluation)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"expected an evaluation request: {error}", hint="see /caveat/v1/openapi.json") from None
    dialect = DIALECTS.get(asked_for.resource.id)
    if dialect is None:
        raise BadInput(f"expected a dialect of {', '.join(DIALECTS)}, got `{asked_for.resource.id}`")
    headers = {name.lower(): value for name, value in asked_for.context.headers.items()}
    await house.note("evaluated", key.caller.id)
    request = Request(dialect.paths[0], b"", headers, bytes(asked_for.context.body))
    asked = Asked("0" * 32, key, dialect, request)
    view = house.view
    call = dialect.read_call(request.body)
    route = find_route(view, call, dialect.name, house.now_ms())
    told = await opinion(house.second, route.policy.reads, call.parts)
    facts = gathered(house, asked, call, route, told)
    phase = (await leased(house, view, route.policy.terms)).phase
    decision = able(decide(route.policy, facts, offered(house, view, asked), phase), FULFILS)
    draft = route.policy.terms.draft
    language = best_language(headers.get("accept-language", ""), key.caller.language, draft.languages)
    reason = "" if decision.verdict == "allow" else refusal(decision, route.policy.terms, language).message
    return {
        "decision": decision.verdict == "allow",
        "context": {**msgspec.to_builtins(decision), "reason": reason, "facts": msgspec.to_builtins(facts)},
    }
