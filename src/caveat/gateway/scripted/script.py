"""A script for the scripted upstream: which request gets which reply, and how the reply is cut, delayed or broken.

A script is a JSON or YAML file.  Rules are tried in order; the first that fits and is not used up answers:

    {"rules": [
        {"path": "/v1/messages", "contains": "weather", "times": 1,
         "reply": {"answer": {"text": "Rain.", "piece": 2}, "pause_ms": 20}},
        {"at": {"/model": "broken"}, "reply": {"status": 529, "json": {"type": "error"}}},
        {"reply": {"answer": {"text": "Hello."}, "take": 300, "end": "drop"}}]}
"""

from io import StringIO
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from caveat.errors import BadInput


class ToolCall(Struct, frozen=True, forbid_unknown_fields=True):
    """A call to a tool that the model makes; `arguments` is the JSON text as the model wrote it, well-formed or not."""

    name: str
    arguments: str = "{}"


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """What the model says; gateway/scripted/answers.py puts it into the dialect of the request's path.

    reasoning    said before the text, on a channel of its own
    refusal      the words with which the model refuses, where the dialect has a place for them
    others       what every answer but the last says instead, where a request asks for several; "" for the same
    stop         "" for the natural ending: "tool" where tools are called, else "stop"
    piece        characters in one event of a stream; 0 for a word each
    tokens_in, tokens_out   the usage reported; tokens_out 0 counts the events of a stream
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    others: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    stop: Literal["", "stop", "length", "tool", "filter"] = ""
    piece: int = 0
    tokens_in: int = 12
    tokens_out: int = 0


class Event(Struct, frozen=True, forbid_unknown_fields=True):
    """One server-sent event; `data` is text as it goes over the wire, or any other JSON value to be written out."""

    data: Any
    event: str = ""


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """A reply: exactly one of answer, json, text, base64 and events, or none for an empty body.

    framing    how the body's end is told: "length", "chunked", "close"; "" is chunked for events, else length
    cuts       byte offsets into the body at which it is cut into pieces, each written (and chunked) on its own
    every      instead of cuts: a cut after every so many bytes
    delay_ms   before the first byte;  pause_ms  before every piece but the first
    head       false: not even a status line is sent
    take       send only so many bytes of the body
    end        done; drop: the connection is reset; hang: it stays open and silent; repeat: the last piece over and over
    """

    answer: Answer | None = None
    json: Any | UnsetType = UNSET
    text: str | None = None
    base64: bytes | None = None
    events: tuple[Event, ...] = ()
    status: int = 200
    headers: dict[str, str] = {}
    framing: Literal["", "length", "chunked", "close"] = ""
    cuts: tuple[int, ...] = ()
    every: int = 0
    delay_ms: int = 0
    pause_ms: int = 0
    head: bool = True
    take: int | None = None
    end: Literal["done", "drop", "hang", "repeat"] = "done"

    @property
    def plain(self) -> bool:
        """Whether it can be written at once: nothing delayed, broken or left open."""
        return not (self.delay_ms or self.pause_ms) and self.head and self.end == "done" and self.take is None


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """When a reply is given: all conditions must hold, an absent one always does.

    path      the request's path without query, exactly
    contains  text that stands in the body's bytes, as UTF-8
    at        RFC 6901 pointers into the JSON body and the values that must stand there
    headers   request headers (lower-case names) and their exact values
    times     how often the rule may answer; 0 for always
    """

    reply: Reply
    path: str = ""
    contains: str = ""
    at: dict[str, Any] = {}
    headers: dict[str, str] = {}
    times: int = 0

    def fits(self, path: str, headers: dict[str, str], body: bytes) -> bool:
        """Whether the rule answers this request (how often it did before is the server's to know)."""
        if self.path and self.path != path:
            return False
        if self.contains and self.contains.encode() not in body:
            return False
        if any(headers.get(name) != value for name, value in self.headers.items()):
            return False
        return not self.at or _holds(self.at, body)


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """Rules in the order in which they are tried; a request that none fits gets status 404."""

    rules: tuple[Rule, ...]


def always(reply: Reply) -> Script:
    """The script that gives one reply to everything."""
    return Script((Rule(reply),))


def says(text: str) -> Script:
    """The script of a model that only ever says one thing."""
    return always(Reply(answer=Answer(text)))


def load_script(path: Path) -> Script:
    """The script in a file, YAML (of which JSON is a part).  Raises BadInput."""
    try:
        return read_script(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read the script `{path}`: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"the script `{path}` is not UTF-8 text") from None


def read_script(text: str) -> Script:
    """The script in a YAML or JSON text.  Raises BadInput that names the place."""
    try:
        return msgspec.convert(YAML(typ="safe", pure=True).load(StringIO(text)), Script)
    except YAMLError as error:
        raise BadInput(f"the script is not YAML: {' '.join(str(error).split())}") from None
    except msgspec.ValidationError as error:
        raise BadInput(f"the script does not fit: {error}") from None


def _holds(at: dict[str, Any], body: bytes) -> bool:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    return all(_found(document, pointer) == value for pointer, value in at.items())


def _found(document: Any, pointer: str) -> Any:
    """What stands at an RFC 6901 pointer, UNSET where nothing does."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            return UNSET
    return document
