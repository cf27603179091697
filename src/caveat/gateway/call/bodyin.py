"""A request's body and headers off the ASGI channel, in bounded memory and time."""

import asyncio
from collections.abc import Iterable
from typing import Any

from caveat.errors import Unreadable
from caveat.gateway.house.watch import ClientGone

KEYS = (b"authorization", b"x-api-key")
ONCE = frozenset({"authorization", "x-api-key", "content-type", "content-encoding", "content-length"})
"""Headers that two readers could take differently when they come twice."""


def key_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that may bear a key, those that came once: so that whoever sends the rest twice is known and on record."""
    found = [(name.lower(), value) for name, value in pairs if name.lower() in KEYS]
    names = [name for name, _ in found]
    return {name.decode(): value.decode("latin-1") for name, value in found if names.count(name) == 1}


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; repeated ones joined by a comma (RFC 9110 section 5.2).

    Raises Unreadable for one that must come once and did not.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers:
            if name in ONCE or name.startswith("caveat-"):
                raise Unreadable(f"the header `{name}` came twice", hint="send it once")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


async def read_body(receive: Any, *, limit: int, seconds: float) -> bytes:
    """The whole body, at most `limit` bytes, within `seconds`.

    Raises Unreadable (413, 408), ClientGone where the client hung up before it was whole.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                piece = message.get("body", b"")
                size += len(piece)
                if size > limit:
                    raise Unreadable(f"the body is larger than {limit:,} bytes", status=413, hint="send less")
                pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise Unreadable(f"the body did not come whole within {seconds:g} seconds", status=408) from None
