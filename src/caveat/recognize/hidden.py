"""Text hidden in plain sight: characters that a machine reads and a person does not see, or sees as others.

Rules of this file: what honest writing uses is no finding.  Joiners inside emoji and Persian, direction marks in
Arabic and Hebrew, soft hyphens, a byte-order mark, flag emoji, a Greek letter in a formula, a Russian ending on a
Latin name all pass; the folding removes them all the same, so nothing can hide behind them.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from caveat.recognize.finding import Seen
from caveat.recognize.fold import LOOKALIKES, folded_char, strangers

MOST = 10_000
"""Places of one kind that are told apart in one text."""
_NEAR = 8
"""Findings of one kind that lie within as many characters are one."""

_JOINER, _FLAG = "\u200c", "\U0001f3f4"
_INVISIBLE = "\u034f\u115f\u1160\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
_TAGS = "\U000e0020-\U000e007e"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_RUN = re.compile(f"[{_INVISIBLE}{_TAGS}{_SELECTORS}]+")
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_TURN = re.compile("[\u202b\u202d\u202e\u2067]")
_OVERRIDES = "\u202d\u202e"
_REACH = 32
_SPELLS = 4
"""Invisible characters in a row that are more than any honest writing has."""

_FOREIGN = frozenset(c for c in LOOKALIKES if not unicodedata.name(c).startswith("LATIN")) | frozenset(
    chr(c) for low, high in ((0xFF21, 0xFF3A), (0xFF41, 0xFF5A)) for c in range(low, high + 1)
)
"""Look-alikes of other scripts, and full-width letters; a Turkish dotless i is a letter of its own."""
MIXED = re.compile(f"[{re.escape(''.join(sorted(_FOREIGN)))}][A-Za-z]")
_GREEK = re.compile("[\u0370-\u03ff]")
_WORD_SIDE = 32


def hidden(text: str, strange: str | None = None) -> list[Seen]:
    """Zero-width, direction and look-alike characters where honest writing has none; [] for ASCII.

    `strange` are the text's `strangers` (fold.py), where they are known: what none of them is, is not searched for.
    """
    strange = strangers(text) if strange is None else strange
    unseen, turns, foreign = _RUN.search(strange), _TURN.search(strange), not _FOREIGN.isdisjoint(strange)
    invisible = (run.span() for run in _RUN.finditer(text) if _hides(text, run)) if unseen else iter(())
    turned = (turn.span() for turn in _TURN.finditer(text) if _turns(text, turn)) if turns else iter(())
    return [
        *_near("hidden.homoglyph", _homoglyphs(text) if foreign else iter(()), len(text)),
        *_near("hidden.zero-width", invisible, len(text)),
        *_near("hidden.bidi", turned, len(text)),
    ]


def _hides(text: str, run: re.Match[str]) -> bool:
    """A run that spells something, or characters within a Latin word, but no joiner between two letters, no emoji's
    selector and no flag."""
    start, end = run.span()
    if text[start - 1 : start] == _FLAG:
        return False
    if end - start >= _SPELLS:
        return True
    if run.group() == _JOINER or run.group()[0] in "\ufe0e\ufe0f":
        return False
    return _latin(text[start - 1 : start]) and _latin(text[end : end + 1])


def _latin(c: str) -> bool:
    return c.isalnum() and c < "\u0250"


def _turns(text: str, turn: re.Match[str]) -> bool:
    """Overrides always; embeddings and isolates to the right only where nothing near is written to the right."""
    return turn.group() in _OVERRIDES or not _RTL.search(text, turn.end(), turn.end() + _REACH)


def _near(category: str, spans: Iterator[tuple[int, int]], end_of_text: int) -> list[Seen]:
    """Spans in ascending order, those near each other as one; of a great many, the last reaches to the text's end."""
    merged: list[tuple[int, int]] = []
    for start, end in islice(spans, MOST):
        if merged and start - merged[-1][1] <= _NEAR:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    if merged and any(True for _ in spans):
        merged[-1] = (merged[-1][0], end_of_text)
    return [Seen(category, start, end, 1000) for start, end in merged]


def _homoglyphs(text: str) -> Iterator[tuple[int, int]]:
    done = 0
    for pair in MIXED.finditer(text):
        if pair.start() < done:
            continue
        start, done = _word(text, pair.start(), pair.end())
        if _imitates(text[start:done]):
            yield start, done


def _word(text: str, start: int, end: int) -> tuple[int, int]:
    """The run of letters and digits around, at most 32 characters to each side."""
    low, high = max(0, start - _WORD_SIDE), min(len(text), end + _WORD_SIDE)
    while start > low and text[start - 1].isalnum():
        start -= 1
    while end < high and text[end].isalnum():
        end += 1
    return start, end


def _imitates(word: str) -> bool:
    """Whether it reads as a Latin word though some letters are of another script, and no formula is written so:
    at least four letters, and a stranger before a Latin letter, for Greek also after one."""
    if len(word) < 4 or not all(folded_char(c).isascii() for c in word):
        return False
    tail = max(i for i, c in enumerate(word) if c.isascii())
    strangers = [i for i, c in enumerate(word[:tail]) if c in _FOREIGN]
    greek = [i for i in strangers if _GREEK.match(word[i])]
    inside = [i for i in greek if i > 0 and word[i - 1].isascii()]
    return bool(len(strangers) > len(greek) or inside)
