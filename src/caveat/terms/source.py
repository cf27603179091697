"""A terms document's bytes as plain values, each with the line it stands on.

The part of YAML 1.2 that a lawyer needs and that two readers cannot read differently: mappings, sequences, text,
integers, true, false and null.  Everything else is refused by name: anchors, aliases, tags, directives, a second
document, duplicate keys, keys that are not text, control characters, depth over 16, more than 50,000 values, size over 1 MiB.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from caveat.errors import BadInput

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
MAX_VALUES = 50_000
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
STEP = re.compile(r"\.([^.\[\]`]+)|\[([0-9]+|\.\.\.)\]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
"""Controls and bidirectional overrides: what a person reads must be what the machine reads."""


class Source(Struct, frozen=True):
    """The document as plain values, and the 1-based line of each, by path: ("clauses", 0, "when") -> 12."""

    value: Any
    lines: dict[tuple[str | int, ...], int]

    def line(self, *path: str | int) -> int:
        """The line of what stands at `path`, or of its nearest ancestor that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_source(data: bytes) -> Source:
    """The values of one document.  Raises BadInput naming the line."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"the document has {len(data)} bytes, expected at most {MAX_BYTES}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise at(data.count(b"\n", 0, error.start) + 1, "the text is not UTF-8") from None
    found = CONTROL.search(text.replace("\r\n", "\n"))
    if found:
        raise at(text.count("\n", 0, found.start()) + 1, f"the character U+{ord(found[0]):04X} is not allowed")
    try:
        return _Composer(YAML(typ="safe", pure=True).parse(text)).compose()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise at(line, f"this is not YAML: {error.problem or 'it cannot be read'}") from None
    except YAMLError:
        raise BadInput("this is not YAML") from None


def at(line: int, message: str, *, hint: str = "") -> BadInput:
    """A BadInput that names the line."""
    return BadInput(f"line {line}: {message}", hint=hint)


def path_of(text: str) -> tuple[str | int, ...]:
    """A path as msgspec writes it (`$.clauses[3].when`) as a tuple; it ends where a step has no name."""
    steps: list[str | int] = []
    for name, index in STEP.findall(text):
        if index == "...":
            break
        steps.append(name or int(index))
    return tuple(steps)


class _Composer:
    """Builds the values of one document out of YAML events."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._lines: dict[tuple[str | int, ...], int] = {}

    def compose(self) -> Source:
        documents = 0
        value: Any = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                _check_start(event, documents)
                value = self._value(next(self._events), ())
        return Source(value, self._lines)

    def _value(self, event: Any, path: tuple[str | int, ...]) -> Any:
        line = event.start_mark.line + 1
        _check_event(event, line, len(path))
        self._lines.setdefault(path, line)
        if len(self._lines) > MAX_VALUES:
            raise at(line, f"the document holds more than {MAX_VALUES} values")
        if isinstance(event, ScalarEvent):
            return _scalar(event)
        return self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(path)

    def _mapping(self, path: tuple[str | int, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            line = event.start_mark.line + 1
            _check_event(event, line, len(path))
            if not isinstance(event, ScalarEvent):
                raise at(line, "expected a word as a key")
            key = event.value
            if key in values:
                raise at(line, f"the key `{key}` stands here a second time")
            self._lines[(*path, key)] = line
            values[key] = self._value(next(self._events), (*path, key))
        return values

    def _sequence(self, path: tuple[str | int, ...]) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values


def _check_start(event: DocumentStartEvent, documents: int) -> None:
    line = event.start_mark.line + 1
    if documents > 1:
        raise at(line, "a second document begins here, expected one")
    if event.version or event.tags:
        raise at(line, "directives are not allowed")


def _check_event(event: Any, line: int, depth: int) -> None:
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        raise at(line, "anchors and aliases are not allowed", hint="write the value out where it is needed")
    if getattr(event, "tag", None):
        raise at(line, f"the tag `{event.tag}` is not allowed")
    if depth > MAX_DEPTH:
        raise at(line, f"the document is nested deeper than {MAX_DEPTH} levels")
    assert isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent)


def _scalar(event: ScalarEvent) -> str | int | bool | None:
    """Quoted and block text is text; a bare word is true, false, null or an integer where it looks like one."""
    text = str(event.value)
    if not event.implicit[0]:
        return text
    if text in WORDS:
        return WORDS[text]
    return int(text) if INTEGER.fullmatch(text) else text
