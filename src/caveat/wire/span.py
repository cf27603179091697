"""Where a value stands in a body's bytes, so that exactly it can be rewritten and every other byte stays as it came.

Rule of this file: only bodies that read_json has accepted come here; anything wrong with one is then a bug.  The
work is done on the decoded text, which UTF-8 turns back into the same bytes.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

_SPACE = re.compile(r"[ \t\n\r]*")
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().raw_decode
_scan_string: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]
"""From after the opening quote; the one piece of the json module that we use beyond its documentation."""


class Edit(Struct, frozen=True):
    """Replace characters [start, end) of the text."""

    start: int
    end: int
    text: str


def edited(text: str, edits: list[Edit]) -> bytes:
    """The bytes of `text` after edits that do not overlap."""
    out: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda one: one.start):
        out += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*out, text[at:]]).encode()


def members(text: str, at: int = 0) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of each member's value of the object that begins at or after `at`; [start, end)."""
    at = _skip(text, _skip(text, at) + 1)
    while text[at] != "}":
        name, at = _scan_string(text, at + 1)
        start = _skip(text, _skip(text, at) + 1)
        end = _scan(text, start)[1]
        yield name, start, end
        at = _after(text, end)


def items(text: str, at: int) -> Iterator[tuple[int, int]]:
    """[start, end) of each item of the array that begins at or after `at`."""
    at = _skip(text, _skip(text, at) + 1)
    while text[at] != "]":
        end = _scan(text, at)[1]
        yield at, end
        at = _after(text, end)


def opened(text: str, name: str, at: int = 0) -> int | None:
    """Where the value of one member begins, None where the object has no such member; what is behind is not read."""
    at = _skip(text, _skip(text, at) + 1)
    while text[at] != "}":
        key, at = _scan_string(text, at + 1)
        start = _skip(text, _skip(text, at) + 1)
        if key == name:
            return start
        at = _after(text, _scan(text, start)[1])
    return None


def member(text: str, name: str, at: int = 0) -> tuple[int, int] | None:
    """[start, end) of one member's value, None where the object has no such member."""
    return next(((start, end) for key, start, end in members(text, at) if key == name), None)


def value(text: str, span: tuple[int, int]) -> Any:
    """The value that stands at `span`."""
    return _scan(text, span[0])[0]


written: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A thing as compact JSON text."""


def with_member(body: bytes, name: str, thing: Any) -> bytes:
    """The body with the value of one top-level member rewritten in place.  The member must be there."""
    text = body.decode()
    found = member(text, name)
    assert found is not None
    return edited(text, [Edit(*found, written(thing))])


def at_most(body: bytes, names: tuple[str, ...], insert: str, limit: int) -> bytes:
    """The body with each of the top-level numbers `names` lowered to `limit` where it is null, negative or over it;
    where none of them is present, `insert` is added with that number as the first member.

    The body as it came where nothing is over the limit.
    """
    text = body.decode()
    edits: list[Edit] = []
    present = False
    for name, start, end in members(text):
        if name not in names:
            continue
        present = True
        given = value(text, (start, end))
        if type(given) is not int or not 0 <= given <= limit:
            edits.append(Edit(start, end, str(limit)))
    if not present:
        brace = text.index("{") + 1
        edits.append(Edit(brace, brace, f"{written(insert)}:{limit}{'' if text[_skip(text, brace)] == '}' else ','}"))
    return edited(text, edits) if edits else body


def appended(span: tuple[int, int], addition: str) -> Edit:
    """The edit that adds text to the end of the JSON string at `span`, its own characters untouched."""
    end = span[1] - 1
    return Edit(end, end, written(addition)[1:-1])


def _skip(text: str, at: int) -> int:
    if text[at] not in " \t\n\r":
        return at
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _after(text: str, end: int) -> int:
    """Where the next item or the closing bracket stands."""
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at
