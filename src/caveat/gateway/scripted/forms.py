"""What the scripted answers of all dialects share: what an answer's form depends on, and how it is cut.

Ids and times are fixed, so that equal requests get equal bytes.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from caveat.gateway.scripted.script import Answer

CREATED = 1767225600
"""2026-01-01, in POSIX seconds: the age of every scripted answer."""

JSON_TYPE = "application/json"
EVENTS_TYPE = "text/event-stream; charset=utf-8"


class StreamOptions(Struct, frozen=True):
    """The only member that matters here; others are ignored."""

    include_usage: bool = False


class Asked(Struct, frozen=True):
    """What an answer's form depends on: the few members of a request that the scripted upstream reads."""

    model: str = "scripted"
    stream: bool = False
    n: int = 1
    encoding_format: str = "float"
    instructions: str | None = None
    stream_options: StreamOptions | None = None


class Rendered(Struct, frozen=True):
    """A body in pieces, one to an event where it is a stream."""

    pieces: tuple[bytes, ...]
    content_type: str


_asked = msgspec.json.Decoder(Asked)


def read_asked(body: bytes) -> Asked:
    """What a request asks for; the defaults where it cannot be read (the gateway's reader is the strict one)."""
    try:
        return _asked.decode(body)
    except msgspec.MsgspecError:
        return Asked()


def event(data: Any, name: str = "") -> bytes:
    """One server-sent event; text goes as it is, a line to a `data:` each, other values as JSON."""
    text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    lines = [f"event: {name}"] if name else []
    return "\n".join([*lines, *(f"data: {line}" for line in text.split("\n")), "", ""]).encode()


def pieces(text: str, size: int) -> list[str]:
    """The text cut as a model's stream cuts it: every `size` characters, or a word at a time for 0."""
    if size:
        return [text[i : i + size] for i in range(0, len(text), size)]
    return re.findall(r"\s*\S+|\s+$", text)


def tokens_out(answer: Answer) -> int:
    return answer.tokens_out or len(pieces(answer.text, answer.piece)) + len(answer.tool_calls)


def ending(answer: Answer) -> str:
    return answer.stop or ("tool" if answer.tool_calls else "stop")
