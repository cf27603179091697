"""Each kind of field takes what it is for, names what is unknown, and refuses what is of the wrong type."""

from typing import Any

import pytest

from caveat.errors import Unreadable
from caveat.wire.fields import array, boolean, by, either, integer, known, number, optional, table, word


class Noted:
    """A reading that notes what is unknown."""

    def __init__(self) -> None:
        self.strange: list[tuple[str, Any, str | None]] = []

    def unknown(self, at: str, value: Any, name: str | None = None) -> None:
        self.strange.append((at, value, name))


TABLE = table({"a": boolean, "b": optional(number(0, 1))}, ["a"])
BY = by("type", {"x": table({"type": known, "n": integer(0, 9)})}, default="x")

TAKEN = {
    "true": (boolean, True),
    "an integer as a number": (number(0, 9), 9),
    "a fraction": (number(0, 1), 0.5),
    "an integer": (integer(-1, 9), -1),
    "a word": (word("a", "b"), "b"),
    "null": (optional(boolean), None),
    "not null": (optional(boolean), False),
    "a table": (TABLE, {"a": True, "b": None}),
    "an array": (array(boolean), [True, False]),
    "an empty array": (array(boolean), []),
    "by its tag": (BY, {"type": "x", "n": 3}),
    "by default": (BY, {"n": 3}),
    "by default, null": (BY, {"type": None, "n": 3}),
    "a string or": (either(word("a"), array(word("a"))), "a"),
    "or a list": (either(word("a"), array(word("a"))), ["a"]),
}


@pytest.mark.parametrize("case", TAKEN)
def test_taken(case):
    field, value = TAKEN[case]
    noted = Noted()
    field(value, "/f", noted)
    assert noted.strange == []


UNKNOWN: dict[str, tuple[Any, Any, list[Any]]] = {
    "a member": (TABLE, {"a": True, "c/d": 1}, [("/f/c~1d", 1, "c/d")]),
    "a member without a name": (TABLE, {"a": True, "": 1}, [("/f/", 1, "")]),
    "a word": (word("a"), "z", [("/f", "z", None)]),
    "a kind": (BY, {"type": "y"}, [("/f", {"type": "y"}, None)]),
    "a word in an array": (array(word("a")), ["a", "z"], [("/f/1", "z", None)]),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown(case):
    field, value, wanted = UNKNOWN[case]
    noted = Noted()
    field(value, "/f", noted)
    assert noted.strange == wanted


WRONG: dict[str, tuple[Any, Any, str, str]] = {
    "a word for true": (boolean, "true", "/f", "expected true or false, got a string"),
    "one for true": (boolean, 1, "/f", "expected true or false, got a number"),
    "null for true": (boolean, None, "/f", "expected true or false, got null"),
    "true for a number": (number(), True, "/f", "expected a number, got true or false"),
    "out of range": (number(0, 1), 1.5, "/f", "expected a number from 0 to 1"),
    "a fraction for an integer": (integer(0, 9), 1.0, "/f", "expected an integer"),
    "an integer out of range": (integer(0, 9), 10, "/f", "expected an integer from 0 to 9"),
    "a number for a word": (word("a"), 1, "/f", "expected a string, got a number"),
    "an array for a table": (TABLE, [], "/f", "expected an object, got an array"),
    "a member that is needed": (TABLE, {}, "/f", "expected a member `a`"),
    "within a table": (TABLE, {"a": True, "b": "x"}, "/f/b", "expected a number, got a string"),
    "an object for an array": (array(boolean), {}, "/f", "expected an array, got an object"),
    "within an array": (array(boolean), [True, 1], "/f/1", "expected true or false, got a number"),
    "a tag of the wrong type": (BY, {"type": 1}, "/f/type", "expected a string, got a number"),
    "no tag and no default": (by("type", {}), {}, "/f/type", "expected a string, got null"),
    "a string for a tagged object": (BY, "x", "/f", "expected an object, got a string"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case):
    field, value, at, message = WRONG[case]
    with pytest.raises(Unreadable) as refused:
        field(value, "/f", Noted())
    assert (refused.value.at, refused.value.message) == (at, message)
