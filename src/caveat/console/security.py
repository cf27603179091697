"""What every answer of the console bears, and what every form must: against script from elsewhere, frames, forged posts.

Nothing inline runs or styles anything (no `unsafe-inline`); everything comes from this gateway; a page is in no cache.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from caveat.errors import BadInput, Refused

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; frame-src 'self'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
}
MOST_FORM_BYTES = 1 << 20
MOST_FIELDS = 200


def with_headers(send: Any) -> Any:
    """The same way out, with the headers on every answer that does not set them itself."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = {**HEADERS, "cache-control": "no-store"}
            added = [(k.encode(), v.encode()) for k, v in more.items() if k.encode() not in given]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sending


def check_origin(request: Request) -> None:
    """Raises Refused for a post that a browser says comes from elsewhere."""
    site, origin = request.headers.get("sec-fetch-site", "same-origin"), request.headers.get("origin", "")
    host = request.headers.get("host", "")
    if site not in ("same-origin", "none") or (origin and origin != "null" and urlsplit(origin).netloc != host):
        raise Refused("this form was sent from another site", code="role_missing")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, as browsers send one without files; a field given twice has its last value.

    Raises BadInput for anything else.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise BadInput("expected a form")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_FORM_BYTES:
            raise BadInput("the form is too long")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise BadInput("the form cannot be read") from None
    return dict(pairs)


def local_path(wanted: str, otherwise: str) -> str:
    """Where to go on after the log-in: a path of the console, never another site."""
    fits = wanted.startswith("/console") and "\\" not in wanted and "//" not in wanted and wanted.isprintable()
    return wanted if fits else otherwise


def text_of(fields: Mapping[str, str], name: str, most: int = 2000) -> str:
    """A field's text, without what stands around it.  Raises BadInput for one that is too long."""
    text = fields.get(name, "").strip()
    if len(text) > most:
        raise BadInput(f"`{name}` has more than {most} characters")
    return text
