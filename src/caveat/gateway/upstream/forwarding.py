"""What crosses between caller and upstream beside the body: three closed lists.

Rules of this file: a request header or query parameter that is not listed never goes upstream, so neither the
caller's key nor anything else that no recognizer reads can leave by it; listed ones are bounded words, not text.  A
reply header that is not listed never reaches the caller.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from caveat.errors import Refused

REQUEST_HEADERS = ("accept", "content-type", "anthropic-version", "anthropic-beta", "openai-beta")

REPLY_HEADERS = ("retry-after", "retry-after-ms", "anthropic-ratelimit-", "x-ratelimit-", "openai-processing-ms")
"""By prefix.  Which request it was (`request-id`) the gateway tells by its own id."""

QUERY = {"beta": ("true", "false")}
"""Query parameters and their values.  The Anthropic SDK sends `?beta=true` with its beta methods."""

_WORDS = re.compile(r"[A-Za-z0-9 .,;:=*/+_-]{0,512}")


def check_forwarding(query: bytes, headers: Mapping[str, str]) -> None:
    """Raises Refused `header_invalid` for what cannot go upstream as it is: call it before a call is decided.

    A query parameter that is not listed is refused rather than dropped, since it would change what is asked for.
    """
    forwarded_query(query)
    forwarded_headers(headers)


def forwarded_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The listed headers among a request's (names in lower case).  Raises Refused for a value that is no words."""
    chosen = {name: headers[name] for name in REQUEST_HEADERS if name in headers}
    for name, value in chosen.items():
        if not _WORDS.fullmatch(value):
            raise Refused(
                f"the header `{name}` holds more than 512 characters, or one that no known value has",
                code="header_invalid",
                status=400,
            )
    return chosen


def forwarded_query(query: bytes) -> str:
    """The query as it goes upstream.  Raises Refused for a parameter or value that is not listed."""
    if not query:
        return ""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    for name, value in pairs:
        if value not in QUERY.get(name, ()):
            raise Refused(
                "the address has a query parameter that the gateway does not forward",
                code="header_invalid",
                status=400,
                hint=f"it forwards {', '.join(f'`{name}`' for name in QUERY)}",
            )
    return "&".join(f"{name}={value}" for name, value in pairs)


def returned_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The headers of an upstream's reply that may reach the caller, names in lower case."""
    found = ((name.lower(), value) for name, value in headers.items())
    return tuple((name, value) for name, value in found if name.startswith(REPLY_HEADERS))
