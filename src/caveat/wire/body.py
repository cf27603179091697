"""Bytes to JSON values, strictly: what two parsers could read differently is refused.

Rules of this file: RFC 8259 and no more (no NaN, no trailing bytes, no byte order mark), plus what RFC 7493 (I-JSON)
asks of senders: UTF-8, no lone surrogate, no duplicate name, no number outside double precision.  Beyond them: no two
names of one object that are equal in Unicode normal form C, at most 64 levels, and no more separate values than a
call needs, so that no body costs more time than its size warrants.  A message never holds the caller's words.
"""

import math
import re
from typing import Any
from unicodedata import normalize

import jiter

from caveat.errors import Unreadable

MAX_BODY = 64 * 2**20
"""Bytes.  The last resort; the gateway's settings say less."""

MAX_DEPTH = 64
"""Levels of objects and arrays, the outermost included."""

MAX_INT = 2**53 - 1
"""Beyond it a parser that reads numbers as doubles has another value than one that reads integers."""

MAX_KEY = 1024
"""Characters in a member name, and in a pointer."""

MAX_WIDE_KEY = 256
"""Characters in a member name that is not ASCII: the cost of its normal form grows with the square of its length."""

_SMALL = 4_000
"""Objects and arrays that any body may hold."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A JSON string, or the rest of the body where it has no end: so one pass over the body is enough."""

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def read_json(body: bytes, limit: int = MAX_BODY, *, dense: bool = False) -> dict[str, Any]:
    """The object that `body` holds, at most `limit` bytes.  Raises Unreadable; anything else is a bug.

    `dense`: it may hold as many numbers as it has room for (vectors).
    """
    if len(body) > limit:
        raise Unreadable(f"the body is larger than {limit} bytes", status=413)
    if not body:
        raise Unreadable("the body is empty", hint="send a JSON object")
    room = 20_000 + len(body) // (2 if dense else 12)
    _check_room(body, room)
    try:
        value = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError as error:
        raise Unreadable(_explain(str(error))) from None
    if type(value) is not dict:
        raise Unreadable("the body is not a JSON object")
    _check_values(value, room=room, plain=b"\\u" not in body and body.isascii())
    return value


def check_headers(
    content_type: str | None, content_encoding: str | None, content_length: str | None = None, limit: int = MAX_BODY
) -> None:
    """Refuse a body by its headers, before it is read: only JSON in UTF-8, not encoded, at most `limit` bytes."""
    kind, *params = (content_type or "").split(";")
    if kind.strip().lower() != "application/json":
        raise Unreadable("the content type is not `application/json`", status=415, hint="send JSON in UTF-8")
    for param in params:
        if param.replace(" ", "").lower() not in {"charset=utf-8", 'charset="utf-8"'}:
            raise Unreadable("the content type has a parameter other than `charset=utf-8`", status=415)
    if (content_encoding or "identity").strip().lower() != "identity":
        raise Unreadable("the body is compressed", status=415, hint="send it without a content encoding")
    if content_length is not None and not re.fullmatch(r"[0-9]{1,15}", content_length):
        raise Unreadable("the content length is not one decimal number")
    if content_length is not None and int(content_length) > limit:
        raise Unreadable(f"the body is larger than {limit} bytes", status=413)


def step(at: str, key: str) -> str:
    """The pointer of member `key` of what is at `at` (RFC 6901 section 3).  Raises Unreadable where it grows over
    MAX_KEY characters."""
    if "~" in key or "/" in key:
        key = key.replace("~", "~0").replace("/", "~1")
    if len(at) + len(key) >= MAX_KEY:
        raise Unreadable(f"a pointer is longer than {MAX_KEY} characters", at=at[:MAX_KEY])
    return f"{at}/{key}"


def strings(value: Any) -> list[str]:
    """All strings and member names in a value, in order."""
    found: list[str] = []
    _gather(value, found)
    return found


def unescaped(text: str) -> str:
    """The text of JSON that stands in a string, its escapes undone; "" where it has none.

    Tool arguments are such: `{"q": "b\\u006fmb"}` is a word to the tool, not to whoever reads it as it stands.
    """
    if "\\" not in text:
        return ""
    wide = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2]), text)
    if wide.isascii():
        return wide
    return wide.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _gather(value: Any, found: list[str]) -> None:
    if type(value) is str:
        found.append(value)
    elif type(value) is dict:
        for name, item in value.items():
            found.append(name)
            _gather(item, found)
    elif type(value) is list:
        for item in value:
            _gather(item, found)


def _check_room(body: bytes, room: int) -> None:
    """Refuse a body with more objects, arrays and members than its size warrants, before any is made."""
    if len(body) <= _SMALL:  # it has not the bytes for too many
        return
    most = _SMALL + len(body) // 20
    if body.count(b"[") + body.count(b"{") <= most and 2 * body.count(b":") <= room:
        return
    bare = _STRING.sub(b"", body)
    if bare.count(b"[") + bare.count(b"{") > most:
        raise Unreadable("the body holds too many objects and arrays for its size", status=413)
    if 2 * bare.count(b":") > room:
        raise Unreadable("the body holds too many values for its size", status=413)


def _explain(said: str) -> str:
    """The parser's complaint in our words: its own text may quote a member name."""
    where = said[said.rfind(" at line ") :] if " at line " in said else ""
    if "duplicate key" in said:
        return f"an object has the same name twice{where}"
    if "recursion limit" in said:
        return f"the body is more than {MAX_DEPTH} levels deep"
    if "trailing characters" in said:
        return f"something follows the JSON object{where}"
    return f"the body is not strict JSON in UTF-8{where}"


_FEW = 8
_NEITHER = frozenset({str, bool, type(None)})
"""Types of values that are neither numbers nor hold others."""


def _check_values(value: Any, *, room: int, plain: bool) -> None:
    """Depth, numbers and names.  `room` is how many values there may be, a named one counting twice; `plain` says
    that no name can hold anything but ASCII."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            named = type(node) is dict
            room -= 2 * len(node) if named else len(node)
            if room < 0:
                raise Unreadable("the body holds too many values for its size", status=413)
            if named and not plain:
                _check_names(node)
            items = node.values() if named else node
            if len(node) > _FEW and _NEITHER.issuperset(map(type, items)):
                continue
            for item in items:
                kind = type(item)
                if kind is dict or kind is list:
                    below.append(item)
                elif (kind is int and not -MAX_INT <= item <= MAX_INT) or (kind is float and math.isinf(item)):
                    raise Unreadable("a number has another value in double precision", at=_where(value, item))
        if not below:
            return
        level = below
    raise Unreadable(f"the body is more than {MAX_DEPTH} levels deep")


def _check_names(node: dict[str, Any]) -> None:
    wide = [key for key in node if not key.isascii()]
    if not wide:
        return
    if max(map(len, wide)) > MAX_WIDE_KEY:
        raise Unreadable(f"a member name that is not ASCII is longer than {MAX_WIDE_KEY} characters")
    joined = "\n".join(wide)
    normal = normalize("NFC", joined)  # all at once; a line end composes with nothing
    if normal == joined:
        return
    changed = normal.split("\n") if joined.count("\n") == len(wide) - 1 else [normalize("NFC", key) for key in wide]
    if len(set(changed)) < len(wide) or any(new in node for old, new in zip(wide, changed, strict=True) if new != old):
        raise Unreadable("an object has two names that are equal in Unicode normal form")


def _where(value: Any, sought: Any, at: str = "") -> str:
    """The pointer of the very object `sought`; "" where it is not below `value`."""
    pairs = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, item in pairs:
        here = step(at, str(key))
        if item is sought:
            return here
        found = _where(item, sought, here)
        if found:
            return found
    return ""
