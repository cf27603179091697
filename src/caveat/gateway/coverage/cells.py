"""The cells of the coverage matrix: every way in which words reach a model, or come back from it, in this build.

Rules of this file: cells follow from `wire.DIALECTS`; what a dialect can do (streams, several answers) is asked of its
own reader, never written down a second time; so a dialect that is added has its cells at once.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from caveat.errors import Unreadable
from caveat.gateway.coverage.talk import Inexpressible, Turn, write
from caveat.gateway.coverage.talk import Talk as _Talk
from caveat.wire.dialect import Dialect

Side = Literal["request", "reply"]
Path = Literal["direct", "fallback", "worker"]

REQUEST = {
    "system": "the system's or developer's words",
    "user": "the user's words",
    "history": "the model's own earlier words",
    "definition": "a tool's description",
    "arguments": "the arguments of an earlier tool call",
    "result": "a tool's result",
    "shape": "the schema that dictates the reply's shape",
    "label": "a label of the caller's, such as metadata",
    "call": "a whole call, as the probe gives it",
}
REPLY = {
    "text": "the reply's text",
    "reasoning": "the reply's reasoning",
    "refusal": "the words with which the model refuses",
    "tool_arguments": "the arguments of a tool call in the reply",
    "tool_call": "a tool call in the reply, as the probe names it",
}
PLACES = {**REQUEST, **REPLY}
LETTERS = dict(zip(PLACES, "suhdarwlc" + "TRFAC", strict=True))
"""One letter a place, for the head of a column: small where the words go to the model, capital where they come back."""

PATHS: tuple[Path, ...] = ("direct", "fallback", "worker")
BESIDE = ("user", "text")
"""The places that are tried on every path beside the direct one: words that go to the model, words that come back."""
_PATH_SAYS = {"fallback": ", answered by a fallback", "worker": ", taken by a second worker"}


class Cell(Struct, frozen=True):
    """One way: wire format, streamed or not, one answer or several, which part, and by which path through the house."""

    dialect: str
    stream: bool
    many: bool
    place: str
    path: Path = "direct"

    @property
    def side(self) -> Side:
        """Whether the words go to the model or come from it."""
        return "request" if self.place in REQUEST else "reply"

    @property
    def group(self) -> tuple[str, bool, bool, str]:
        """Cells that stand together in a table."""
        return self.dialect, self.stream, self.many, self.path

    @property
    def name(self) -> str:
        """`openai_chat n>1 stream user`."""
        words = [self.dialect, *(["n>1"] if self.many else []), *(["stream"] if self.stream else [])]
        return " ".join([*words, *([self.path] if self.path != "direct" else []), self.place])

    @property
    def says(self) -> str:
        """A sentence's worth of the same."""
        streamed = "streamed" if self.stream else "whole"
        several = ", several answers" if self.many else ""
        return f"{self.dialect}, {streamed}{several}{_PATH_SAYS.get(self.path, '')}: {PLACES[self.place]}"


def cells(dialects: dict[str, Dialect]) -> tuple[Cell, ...]:
    """Every cell of a build that speaks these dialects, in the order of the tables."""
    found: list[Cell] = []
    for dialect in dialects.values():
        streams, many = _can(dialect, {"stream": True}), _can(dialect, {"n": 2})
        for several in (False, True) if many else (False,):
            for stream in (False, True) if streams else (False,):
                found += [Cell(dialect.name, stream, several, place) for place in PLACES]
        for stream in (False, True) if streams else (False,):
            found += [Cell(dialect.name, stream, False, place, path) for path in PATHS[1:] for place in BESIDE]
    return tuple(found)


def _can(dialect: Dialect, asked: dict[str, Any]) -> bool:
    """Whether the dialect's own reader takes a request for streams, or for several answers, as one."""
    try:
        body = write(dialect.name, _Talk((Turn("user", "Hello"),)), "any")
        call = dialect.read_call(msgspec.json.encode({**body, **asked}))
    except (Inexpressible, Unreadable):
        return False
    return call.streams if "stream" in asked else call.choices > 1
