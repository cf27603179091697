"""Refusals in Anthropic's format, alike for all its endpoints.

    HTTP 403   x-should-retry: false   request-id: ...
    {"type": "error", "request_id": "...", "error": {"type": "permission_error", "message": "...",
     "details": {"error_code": "terms_denied", "clause": "persons.surveillance"}}}

anthropic-python turns this into PermissionDeniedError with `.type`, `.error_code` and `.details` after one attempt
(probed with 2.12, autumn 2026; 0.40 gives only `.body`).  A stream event without its `event: error` line would be
dropped silently by the SDK.
"""

from typing import Any

from caveat.wire.dialect import Refusal
from caveat.wire.reply import Halt
from caveat.wire.retry import headers
from caveat.wire.span import written

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def refuse(status: int, halt: Halt, call_id: str) -> Refusal:
    """See dialect.Dialect.refuse."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    if halt.code == "overloaded":
        kind = "overloaded_error"
    body = {**error(halt, kind), "request_id": call_id}
    return Refusal(status, headers(status, halt, call_id), written(body).encode())


def error(halt: Halt, kind: str) -> dict[str, Any]:
    """The error object, as a body or as a stream event."""
    details = {"error_code": halt.code, **({"clause": halt.clause} if halt.clause else {})}
    return {"type": "error", "error": {"type": kind, "message": halt.message, "details": details}}


def broke(halt: Halt) -> bytes:
    """The event that makes the SDK raise APIStatusError in mid-stream."""
    return f"event: error\ndata: {written(error(halt, 'api_error'))}\n\n".encode()
