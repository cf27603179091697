"""A view: a text made ready for looking, with the way back to the characters it came from.

A part has one plain view (folded: what a reader sees, without what only a machine sees) and, where something in it
asks for that, a few more: leetspeak read as letters, spaced-out letters drawn together, encoded pieces decoded.
Recognizers look at views and never at the text as it came, so that an evaded copy is found like a plain one.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Literal

Kind = Literal["plain", "leet", "spaced", "decoded", "escaped"]
"""`escaped`: nothing but spaces, signs and line ends had been escaped, as programs do; that hides nothing."""
Way = Callable[[int, int], tuple[int, int]]
"""From characters [start, end) of a view to the characters [start, end) that they came from."""

_WORD_BYTES = bytes(
    (i | 32 if 65 <= i <= 90 else i) if (48 <= i <= 57 or 65 <= i <= 90 or 97 <= i <= 122) else 32 for i in range(256)
)
_SHAPE_BYTES = bytes(
    48 if 48 <= i <= 57 else 65 if 65 <= i <= 90 else 97 if 97 <= i <= 122 else i if i < 128 else 63 for i in range(256)
)
_KEY_BYTES = bytes(98 if (chr(i).isalnum() and i < 128) or chr(i) in "+/_-.:~=" else 46 for i in range(256))
_NO_DIGITS = bytes(i for i in range(256) if not 48 <= i <= 57)
_RUN = re.compile(rb"b{16,}")
_CHUNK = 1 << 16
_LONGEST_WORD = 64


class View:
    """One text to look at.

    text   case kept;  low  the same in lower case, character for character
    kind   what was undone to make it
    exact  whether numbers, addresses and signs stand in it as they were written
    way    back to the original's characters
    before where each character was replaced in its place: what stood there, in lower case
    """

    def __init__(self, text: str, kind: Kind, way: Way | None = None, before: str = "") -> None:
        self.text = text
        self.low = lower(text)
        self.kind = kind
        self.way = way
        self.before = before
        self.exact = kind not in ("leet", "spaced")

    @cached_property
    def raw(self) -> bytes:
        """One byte a character: Latin-1, `?` for the rest.  For tests of shape; positions are the text's."""
        return self.text.encode("latin-1", "replace")

    @cached_property
    def words(self) -> frozenset[bytes]:
        """The runs of ASCII letters and digits, in lower case.  Longer words than 64 characters may be cut."""
        raw = self.raw.translate(_WORD_BYTES)
        if len(raw) <= _CHUNK:
            return frozenset(raw.split())
        found: set[bytes] = set()
        for at in range(0, len(raw), _CHUNK):
            found.update(raw[max(0, at - _LONGEST_WORD) : at + _CHUNK].split())
        return frozenset(found)

    @cached_property
    def shape(self) -> bytes:
        """The same with `A` for each capital, `a` for each small letter, `0` for each digit of ASCII."""
        return self.raw.translate(_SHAPE_BYTES)

    @cached_property
    def digits(self) -> int:
        """How many ASCII digits stand in it."""
        return len(self.raw.translate(None, _NO_DIGITS))

    @cached_property
    def runs(self) -> str:
        """The runs of 16 and more characters that keys and addresses are made of, a line each; mostly ""."""
        shape = self.raw.translate(_KEY_BYTES)
        if b"b" * 16 not in shape:
            return ""
        return "\n".join(self.text[slice(*run.span())] for run in _RUN.finditer(shape))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's characters behind characters [start, end) of this view."""
        return (start, end) if self.way is None else self.way(start, end)


def lower(text: str) -> str:
    """Lower case, one character for each: a character whose lower case is longer stays as it is."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


class Steps:
    """A piecewise way back: from view character `at[i]` on, the view runs beside the original from `to[i]` on; the
    original has `end` characters."""

    def __init__(self, end: int) -> None:
        self.at = array("q")
        self.to = array("q")
        self.end = end

    def step(self, at: int, to: int) -> None:
        """From view character `at` on, count from original character `to`; `at` never falls."""
        self.at.append(at)
        self.to.append(to)

    def place(self, at: int) -> int:
        """The original's character behind one of the view's."""
        i = bisect_right(self.at, at) - 1
        return min(self.to[i] + at - self.at[i], self.end) if i >= 0 else min(at, self.end)

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        first = self.place(start)
        last = self.place(end - 1) + 1 if end > start else first
        return first, min(max(self.place(end), last), self.end)


AROUND = 200
"""Characters read before and after something worth reading otherwise."""
CUT = "\x00"
"""Stands in an excerpt where text was left out: no form goes across it and no line begins after it."""


def neighbourhoods(text: str, places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The stretches of text around places in ascending order, cut between words where there are any."""
    start, last = 0, -1
    for low, high in places:
        if last < 0 or low - AROUND > last:
            end = _blank_after(text, last) if last >= 0 else -1
            if low - AROUND > end:
                if end >= 0:
                    yield start, end
                start = _blank_before(text, max(0, low - AROUND))
        last = min(len(text), high + AROUND)
    if last >= 0:
        yield start, _blank_after(text, last)


def _blank_before(text: str, at: int) -> int:
    found = max(text.rfind(" ", max(0, at - AROUND // 2), at), text.rfind("\n", max(0, at - AROUND // 2), at))
    return found if found >= 0 else at


def _blank_after(text: str, at: int) -> int:
    found = [place for blank in " \n" if (place := text.find(blank, at, at + AROUND // 2)) >= 0]
    return min(found, default=at)


class Lazy:
    """A way back that is worked out when it is first asked for: most views hold no finding."""

    def __init__(self, work_out: Callable[[], Steps]) -> None:
        self._work_out = work_out

    @cached_property
    def _steps(self) -> Steps:
        return self._work_out()

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        return self._steps(start, end)


def whole(start: int, end: int) -> Way:
    """The way back from a decoded piece: every character of it came from the whole piece [start, end)."""
    return lambda _start, _end: (start, end)


def through(inner: Way, outer: Way | None) -> Way:
    """First back by `inner`, then by `outer`."""
    return inner if outer is None else lambda start, end: outer(*inner(start, end))
