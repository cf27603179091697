"""What the scripted upstream sends: a script being played, and each reply as bytes cut the way the script says.

Rule of this file: no IO.  A plain reply is made once for each way of asking and then served from memory.
"""

from collections import deque
from http import HTTPStatus
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

from caveat.gateway.scripted.answers import EVENTS_TYPE, JSON_TYPE, Asked, Rendered, event, render
from caveat.gateway.scripted.script import Reply, Script

REMEMBERED = 10_000
"""Requests kept for /__received; older ones are forgotten."""


class Received(Struct):
    """One request as it came.  `cut` is true once the client hung up before the reply was done."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    cut: bool = False


class Stage:
    """A script being played: which rules are used up, what was received, which replies are made already."""

    def __init__(self, script: Script) -> None:
        self.received: deque[Received] = deque(maxlen=REMEMBERED)
        self.play(script)

    def play(self, script: Script) -> None:
        """Play another script from its beginning."""
        self._script = script
        self._used = [0] * len(script.rules)
        self._made: dict[tuple[int, str, Asked | None], bytes] = {}

    def reply(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Reply] | None:
        """The first rule that fits and is not used up, by number, and its reply."""
        for number, rule in enumerate(self._script.rules):
            if rule.times and self._used[number] >= rule.times:
                continue
            if rule.fits(path, headers, body):
                self._used[number] += 1
                return number, rule.reply
        return None

    def plain(self, number: int, reply: Reply, path: str, asked: Asked | None) -> bytes:
        """The whole response of a plain reply, made once for each way of asking."""
        key = (number, path, asked)
        made = self._made.get(key)
        if made is None:
            made = b"".join((head(reply, path, asked), *framed(reply, path, asked)))
            self._made[key] = made
        return made


def _rendered(reply: Reply, path: str, asked: Asked | None) -> Rendered:
    if reply.answer is not None:
        rendered = render(path, asked or Asked(), reply.answer)
        return rendered or Rendered((b'{"error":{"message":"no dialect owns this path"}}',), JSON_TYPE)
    if reply.events:
        return Rendered(tuple(event(e.data, e.event) for e in reply.events), EVENTS_TYPE)
    if reply.json is not msgspec.UNSET:
        return Rendered((msgspec.json.encode(reply.json),), JSON_TYPE)
    if reply.text is not None:
        return Rendered((reply.text.encode(),), JSON_TYPE)
    return Rendered((reply.base64 or b"",), JSON_TYPE)


def _cut(reply: Reply, pieces: tuple[bytes, ...]) -> list[bytes]:
    """The body's pieces as the reply wants them cut; without cuts as the answer came."""
    whole = b"".join(pieces)
    if not reply.cuts and not reply.every:
        return list(pieces)
    offsets = list(reply.cuts) or list(range(reply.every, len(whole), reply.every))
    bounds = [0, *sorted({min(offset, len(whole)) for offset in offsets}), len(whole)]
    return [whole[a:b] for a, b in pairwise(bounds) if a < b]


def _framing(reply: Reply, content_type: str) -> str:
    return reply.framing or ("chunked" if content_type == EVENTS_TYPE else "length")


def framed(reply: Reply, path: str, asked: Asked | None) -> list[bytes]:
    """The pieces of the body as they go over the wire, the last chunk included where the reply ends well."""
    rendered = _rendered(reply, path, asked)
    pieces = _taken(_cut(reply, rendered.pieces), reply.take)
    if _framing(reply, rendered.content_type) != "chunked":
        return pieces
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
    return [*chunks, b"0\r\n\r\n"] if reply.end == "done" else chunks


def _taken(pieces: list[bytes], take: int | None) -> list[bytes]:
    if take is None:
        return pieces
    taken = []
    for piece in pieces:
        taken.append(piece[:take])
        take -= len(taken[-1])
    return [piece for piece in taken if piece]


def head(reply: Reply, path: str, asked: Asked | None) -> bytes:
    """The status line and headers; a wrong content-length where the reply is to break off."""
    rendered = _rendered(reply, path, asked)
    framing = _framing(reply, rendered.content_type)
    headers = {"content-type": rendered.content_type, **{k.lower(): v for k, v in reply.headers.items()}}
    if framing == "chunked":
        headers["transfer-encoding"] = "chunked"
    elif framing == "length":
        headers["content-length"] = str(sum(map(len, rendered.pieces)))
    else:
        headers["connection"] = "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} {_phrase(reply.status)}\r\n{lines}\r\n".encode("latin-1")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Scripted"


def own(body: Any, status: int = 200) -> bytes:
    """A whole response of the scripted upstream itself, as JSON."""
    data = msgspec.json.encode(body)
    head = f"HTTP/1.1 {status} {_phrase(status)}\r\ncontent-type: {JSON_TYPE}\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data
