"""Folding: from the characters as they came to the characters that a reader sees.

One pass over the text: compatibility forms composed away (NFKC), accents dropped, zero-width and direction controls
removed, look-alikes of other scripts turned to the Latin letters that they imitate (UTS 39), invisible tag characters
turned to the ASCII that they spell.  ASCII text is its own folding.
"""

import json
import re
import unicodedata
from importlib import resources

from caveat.recognize.view import Lazy, Steps, Way

STOP = "\uffff"
"""Stands in the first pass for a character that folds to none or to several."""

_ACCENTS = range(0x0300, 0x0370)
_DELETED = frozenset(
    [0x00AD, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x3164, 0xFEFF, 0xFFA0, 0xE0001, 0xE007F]
    + [
        c
        for low, high in [(0x180B, 0x180D), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F)]
        for c in range(low, high + 1)
    ]
    + [
        c
        for low, high in [(0xFE00, 0xFE0F), (0xFFF9, 0xFFFB), (0x1D173, 0x1D17A), (0xE0100, 0xE01EF)]
        for c in range(low, high + 1)
    ]
)
_PLAIN = {
    **dict.fromkeys("‘’‚‛′´`ʼ", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u2028\u2029\u0085", "\n"),
    "…": ".",
    "▁": "_",
    "·": ".",
    "ł": "l",
    "Ł": "L",
    "ø": "o",
    "Ø": "O",
}
"""Typographic signs, and letters whose stroke is no accent to Unicode, as the plain sign that patterns are written in."""


def _lookalikes() -> dict[str, str]:
    data = json.loads(resources.files("caveat.recognize").joinpath("data/confusables.json").read_text("utf-8"))
    return {c: letter for letter, same in data["lookalikes"].items() for c in same}


LOOKALIKES = _lookalikes()
"""Other scripts' letters that look like a Latin one -> that letter."""

MOST_KEPT = 1 << 16


class _Table(dict[int, str]):
    """Code point -> its folding, filled as characters are met, up to a bound: a text cannot make it grow for ever."""

    def __missing__(self, code: int) -> str:
        folded = folded_char(chr(code))
        one = folded if len(folded) == 1 else STOP
        if len(self) < MOST_KEPT:
            self[code] = one
        return one


def folded_char(c: str) -> str:
    """What a reader sees of one character: none, one or several."""
    code = ord(c)
    if code < 128:
        return c
    if code in _DELETED or code in _ACCENTS:
        return ""
    if 0xE0020 <= code <= 0xE007E:
        return chr(code - 0xE0000)
    if c in _PLAIN or c in LOOKALIKES:
        return _PLAIN.get(c) or LOOKALIKES[c]
    composed = unicodedata.normalize("NFKC", c)
    return "".join(map(_without_accent, composed))


def _without_accent(c: str) -> str:
    if c in LOOKALIKES:
        return LOOKALIKES[c]
    bare = "".join(d for d in unicodedata.normalize("NFD", c) if ord(d) not in _ACCENTS)
    if len(bare) != 1:
        return c if ord(c) not in _ACCENTS else ""
    return LOOKALIKES.get(bare, _PLAIN.get(bare, bare))


TABLE = _Table()
FEW = 32
"""Different characters, up to which each is put in its place by a search of its own: that is much faster than a look
into a table for each character of the text."""
_ASCII = bytes(range(128))
_STOPS = re.compile(f"{STOP}+")


class _Resizing(dict[int, str]):
    """Code point -> its folding, of any length; kept for one text only."""

    def __missing__(self, code: int) -> str:
        one = TABLE[code]
        folded = self[code] = folded_char(chr(code)) if one == STOP else one
        return folded


def strangers(text: str) -> str:
    """The characters of a text that are not ASCII, each once, in no order."""
    if text.isascii():
        return ""
    wide = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return "".join(set(wide.decode("utf-8", "surrogatepass")))


def fold(text: str, strange: str | None = None) -> tuple[str, Way | None]:
    """The folded text and the way back, None where every character kept its place.  `strange` are its `strangers`, where
    they are known already."""
    if text.isascii():
        return text, None
    strange = strangers(text) if strange is None else strange
    first = _folded(text, strange, TABLE)
    if STOP not in first:
        return first, None
    return _folded(text, strange, _Resizing()), Lazy(lambda: _steps(text, first))


def _folded(text: str, strange: str, table: dict[int, str]) -> str:
    """The text with each character's folding in its place: one character after the other where few are to be changed,
    and none becomes another one of them."""
    changed = {c: to for c in strange if (to := table[ord(c)]) != c}
    if len(changed) > FEW or not changed.keys().isdisjoint("".join(changed.values())):
        return text.translate(table)
    for c, to in changed.items():
        text = text.replace(c, to)
    return text


def _steps(text: str, first: str) -> Steps:
    """The way back: beside the text, but for the characters that fold to none or to several."""
    steps = Steps(len(text))
    size = done = 0
    for stops in _STOPS.finditer(first):
        steps.step(size, done)
        size += stops.start() - done
        for at in range(*stops.span()):
            for _ in folded_char(text[at]):
                steps.step(size, at)
                size += 1
        done = stops.end()
    steps.step(size, done)
    return steps
