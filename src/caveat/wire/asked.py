"""What a request's fields put their findings into, and the fields that only requests have.

Rules of this file: every string becomes a Part unless its field is bounded; every member name that the caller chose
freely is a string too.  An `unlisted` pointer names the outermost thing that no table lets pass.
"""

from typing import Any

from caveat.errors import Unreadable
from caveat.wire.body import MAX_KEY, read_json, step, unescaped
from caveat.wire.call import Call, Media, Part, Tool, Voice
from caveat.wire.fields import Field, array, either, wrong

MAX_MODEL = 256
"""Characters in a model's name."""

SCHEMA_WORDS = frozenset(
    """$comment $defs $id $ref $schema additionalProperties allOf anyOf const default definitions description enum
    examples format items maxItems maxLength maximum minItems minLength minimum multipleOf not nullable oneOf
    pattern patternProperties prefixItems properties required strict title type uniqueItems""".split()  # noqa: SIM905
)
"""JSON Schema's own member names: bounded, so not Parts."""

TYPE_WORDS = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
"""The values of JSON Schema's `type`: bounded likewise."""


class Asked:
    """One request being read.  `room` is how many strings may still be found below fields that no table names."""

    __slots__ = ("body", "parts", "room", "structured", "tools", "unlisted", "unread")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.parts: list[Part] = []
        self.tools: list[Tool] = []
        self.unlisted: list[str] = []
        self.unread: list[str] = []
        self.structured = False
        self.room = 10_000 + len(body) // 16

    def call(
        self,
        value: dict[str, Any],
        dialect: str,
        operation: str,
        *,
        choices: int = 1,
        max_output_tokens: int | None = None,
    ) -> Call:
        """All that was found, as a Call."""
        return Call(
            dialect=dialect,
            operation=operation,
            model=value["model"],
            parts=tuple(self.parts),
            tools=tuple(self.tools),
            streams=operation == "chat" and value.get("stream") is True,
            choices=choices,
            max_output_tokens=max_output_tokens,
            unlisted=tuple(self.unlisted),
            unread=tuple(self.unread),
            structured=self.structured,
            body=self.body,
        )

    def unknown(self, at: str, value: Any, name: str | None = None) -> None:
        """See fields.Reading: a clause must list it, and all its strings are Parts."""
        self.unlisted.append(at)
        if name is not None:
            self.parts.append(Part(at, "field", name))
        self.spell(value, at, "field")

    def spell(self, value: Any, at: str, voice: Voice, *, schema: bool = False) -> None:
        """Every string and member name in `value` as a Part; in a schema, but for JSON Schema's own words."""
        self._spend(1)
        kind = type(value)
        if kind is str:
            self.parts.append(Part(at, voice, value))
        elif kind is dict:
            self._spell_members(value, at, voice, schema=schema)
        elif kind is list:
            for index, item in enumerate(value):
                self.spell(item, f"{at}/{index}", voice, schema=schema)

    def _spell_members(self, value: dict[str, Any], at: str, voice: Voice, *, schema: bool) -> None:
        """The same of an object's members; strings are put down at once, for there may be very many."""
        put, strings = self.parts.append, 0
        before, room = f"{at}/", MAX_KEY - len(at)
        for name, item in value.items():
            plain = "/" not in name and "~" not in name and len(name) < room
            here = before + name if plain else step(at, name)
            if not schema or name not in SCHEMA_WORDS:
                put(Part(here, voice, name))
            if type(item) is not str:
                self.spell(item, here, voice, schema=schema)
            elif not schema or name != "type" or item not in TYPE_WORDS:
                put(Part(here, voice, item))
                strings += 1
        self._spend(strings)

    def _spend(self, strings: int) -> None:
        self.room -= strings
        if self.room < 0:
            raise Unreadable("the body holds too many separate strings for its size", status=413)


def ask(body: bytes, fields: Field) -> tuple[dict[str, Any], Asked]:
    """Read a request's body by its dialect's table.  Raises Unreadable."""
    value = read_json(body)
    asked = Asked(body)
    fields(value, "", asked)
    return value, asked


def text(voice: Voice) -> Field:
    """A string that is a Part."""

    def read(value: Any, at: str, asked: Asked) -> None:
        if type(value) is not str:
            raise wrong("a string", value, at)
        asked.parts.append(Part(at, voice, value))

    return read


def routed(value: Any, at: str, _asked: Asked) -> None:
    """The model's name: bounded, since the gateway routes only names that the terms list."""
    if type(value) is not str:
        raise wrong("a string", value, at)
    if not 0 < len(value) <= MAX_MODEL:
        raise Unreadable(f"expected a model's name of at most {MAX_MODEL} characters", at=at)


def texts(voice: Voice) -> Field:
    """A string, or an array of strings."""
    one = text(voice)
    several = array(one)

    def read(value: Any, at: str, asked: Asked) -> None:
        if type(value) is list and set(map(type, value)) == {str}:
            asked.parts += [Part(f"{at}/{i}", voice, item) for i, item in enumerate(value)]
        else:
            several(value, at, asked)

    return either(one, read)


def arguments(voice: Voice) -> Field:
    """JSON inside a string: a Part as it stands, and a second one of its strings where escapes hide them."""
    plain = text(voice)

    def read(value: Any, at: str, asked: Asked) -> None:
        plain(value, at, asked)
        hidden = unescaped(value)
        if hidden:
            asked.parts.append(Part(at, voice, hidden))

    return read


def free(voice: Voice) -> Field:
    """Any JSON, every string and member name of which is a Part."""

    def read(value: Any, at: str, asked: Asked) -> None:
        asked.spell(value, at, voice)

    return read


def schema(value: Any, at: str, asked: Asked) -> None:
    """A JSON Schema: descriptions, property names, enum values and constants are Parts."""
    if type(value) is not dict:
        raise wrong("an object", value, at)
    asked.spell(value, at, "definition", schema=True)


def listed(*, structured: bool = False) -> Field:
    """A field that the dialect has and that only a clause's `fields:` lets pass; `structured` where it dictates the
    reply's shape or words."""

    def read(value: Any, at: str, asked: Asked) -> None:
        if value is None:
            return
        asked.unlisted.append(at)
        asked.structured = asked.structured or structured
        asked.spell(value, at, "field")

    return read


def media(kind: Media, voice: Voice, inner: Field) -> Field:
    """A part that no recognizer reads: its pointer is `unread`; `inner` reads what text there is about it."""

    def read(value: Any, at: str, asked: Asked) -> None:
        asked.unread.append(at)
        asked.parts.append(Part(at, voice, "", kind))
        inner(value, at, asked)

    return read


def blob(value: Any, at: str, _asked: Asked) -> None:
    """The bytes of a part that stands in `unread` already."""
    if type(value) is not str:
        raise wrong("a string", value, at)


def address(voice: Voice) -> Field:
    """A URL: its words are a Part, unless it carries the bytes of an unread part itself (`data:`, RFC 2397)."""
    plain = text(voice)

    def read(value: Any, at: str, asked: Asked) -> None:
        if type(value) is not str or value[:5].lower() != "data:":
            plain(value, at, asked)

    return read


def offered(name: str, definition: Field) -> Field:
    """A tool definition read by `definition`; the member at `name` (steps joined by /) is the tool's name."""
    steps = name.split("/")

    def read(value: Any, at: str, asked: Asked) -> None:
        definition(value, at, asked)
        found = value
        for key in steps:
            found = found.get(key) if type(found) is dict else None
        if type(found) is not str:
            raise Unreadable("expected a tool's name", at=at)
        asked.tools.append(Tool(found, at))

    return read


def strange_tool(value: Any, at: str, asked: Asked) -> None:
    """A tool of a type that no table knows: unknown as a whole, and counted under its name or type all the same."""
    asked.unknown(at, value)
    name = value.get("name", value.get("type"))
    asked.tools.append(Tool(name if type(name) is str else "", at))
