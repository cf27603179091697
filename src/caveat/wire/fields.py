"""The field table: what each member of a body is.

Rules of this file:

- a table maps every member name that a dialect knows to a `Field`, a small function that reads the value at a pointer
  and puts what it finds into a `Reading`; tables are made once, at import;
- bounded means that a value can carry no words: true or false, a finite number, a word of a closed list;
- a member that is not in the table, or a word that is not in its closed list, goes to `Reading.unknown`: a request
  puts its pointer into `unlisted`, a reply is refused;
- a known member of the wrong JSON type is Unreadable in both, naming its pointer.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from caveat.errors import Unreadable
from caveat.wire.body import step


class Reading(Protocol):
    """What fields put their findings into: wire/asked.py for requests, wire/heard.py for replies."""

    def unknown(self, at: str, value: Any, name: str | None = None) -> None:
        """Something no table knows stands at `at`; `name` is its member name where that itself is unknown."""
        ...


Field = Callable[[Any, str, Any], None]
"""(value, pointer, reading) -> None; raises Unreadable."""

_KINDS = {
    str: "a string",
    dict: "an object",
    list: "an array",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def wrong(wanted: str, value: Any, at: str) -> Unreadable:
    """The refusal of a value of the wrong JSON type."""
    return Unreadable(f"expected {wanted}, got {_KINDS.get(type(value), 'null')}", at=at)


def known(_value: Any, _at: str, _reading: Any) -> None:
    """A member that something else has read already: a discriminator."""


def unknown(value: Any, at: str, reading: Any) -> None:
    """A value that no table knows."""
    reading.unknown(at, value)


def boolean(value: Any, at: str, _reading: Any) -> None:
    """True or false."""
    if type(value) is not bool:
        raise wrong("true or false", value, at)


def number(low: float = -1e308, high: float = 1e308) -> Field:
    """A number, low <= n <= high."""

    def read(value: Any, at: str, _reading: Any) -> None:
        if type(value) is not int and type(value) is not float:
            raise wrong("a number", value, at)
        if not low <= value <= high:
            raise Unreadable(f"expected a number from {low} to {high}", at=at)

    return read


def integer(low: int, high: int) -> Field:
    """An integer written as one, low <= n <= high."""

    def read(value: Any, at: str, _reading: Any) -> None:
        if type(value) is not int:
            raise (
                wrong("an integer", value, at) if type(value) is not float else Unreadable("expected an integer", at=at)
            )
        if not low <= value <= high:
            raise Unreadable(f"expected an integer from {low} to {high}", at=at)

    return read


def word(*closed: str) -> Field:
    """One word of a closed list."""
    words = frozenset(closed)

    def read(value: Any, at: str, reading: Any) -> None:
        if type(value) is not str:
            raise wrong("a string", value, at)
        if value not in words:
            reading.unknown(at, value)

    return read


def optional(field: Field) -> Field:
    """The same, or null."""

    def read(value: Any, at: str, reading: Any) -> None:
        if value is not None:
            field(value, at, reading)

    return read


def table(fields: Mapping[str, Field], needs: Iterable[str] = ()) -> Field:
    """An object with these members, of which those in `needs` must be there."""
    fields, needs = dict(fields), tuple(needs)
    find = fields.get

    def read(value: Any, at: str, reading: Any) -> None:
        if type(value) is not dict:
            raise wrong("an object", value, at)
        for name, item in value.items():
            field = find(name)
            if field is None:
                reading.unknown(step(at, name), item, name)
            else:
                field(item, f"{at}/{name}", reading)
        for name in needs:
            if name not in value:
                raise Unreadable(f"expected a member `{name}`", at=at)

    return read


def array(item: Field) -> Field:
    """An array whose items are all of one kind."""

    def read(value: Any, at: str, reading: Any) -> None:
        if type(value) is not list:
            raise wrong("an array", value, at)
        for index, one in enumerate(value):
            item(one, f"{at}/{index}", reading)

    return read


def by(tag: str, kinds: Mapping[str, Field], default: str | None = None, other: Field = unknown) -> Field:
    """An object whose member `tag` says which table reads it; one of another kind is unknown as a whole.

    `default` is the kind of an object whose tag is absent or null; `other` reads one of a kind not in `kinds`.
    """
    kinds = dict(kinds)

    def read(value: Any, at: str, reading: Any) -> None:
        if type(value) is not dict:
            raise wrong("an object", value, at)
        kind = value.get(tag)
        if kind is None:
            kind = default
        if type(kind) is not str:
            raise wrong("a string", kind, f"{at}/{tag}")
        kinds.get(kind, other)(value, at, reading)

    return read


def either(text: Field, other: Field) -> Field:
    """A string, or what else it may be."""

    def read(value: Any, at: str, reading: Any) -> None:
        (text if type(value) is str else other)(value, at, reading)

    return read
