"""Refusals in OpenAI's format, alike for all its endpoints.

    HTTP 403   x-should-retry: false   x-request-id: ...
    {"error": {"message": "...", "type": "permission_error", "param": null, "code": "terms_denied"}}

openai-python turns this into PermissionDeniedError with `.code` and `.type`, after one attempt (probed with 3.54 and
1.109, autumn 2026).  `code` must be a string.
"""

from typing import Any

from caveat.wire.dialect import Refusal
from caveat.wire.reply import Halt
from caveat.wire.retry import headers
from caveat.wire.span import written

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def refuse(status: int, halt: Halt, call_id: str) -> Refusal:
    """See dialect.Dialect.refuse."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return Refusal(status, headers(status, halt, call_id), written(error(halt, kind)).encode())


def error(halt: Halt, kind: str) -> dict[str, Any]:
    """The error object, as a body or as a stream event."""
    return {"error": {"message": halt.message, "type": kind, "param": None, "code": halt.code}}


def broke(halt: Halt) -> bytes:
    """The event that makes the SDK raise APIError in mid-stream."""
    return f"event: error\ndata: {written(error(halt, 'server_error'))}\n\n".encode()
