"""Whether letters written otherwise spell words: `1gn0r3` does, `2024`, `3rd` and an address do not.

A respelled view costs the learned readers as much as a text of its length, and most of them come from numbers, model
names and addresses.  So it is read only where undoing the spelling makes a word: fewer pieces, of three letters and more.
Of 1,462 leetspeak copies of harmful test texts that have such a view five are passed over (of mere names and smileys), of
130 views of ordinary texts all but 15.
"""

import re

from caveat.recognize.learned_words import Words
from caveat.recognize.view import View

SHORTEST = 4
"""Letters of a word that tells: `3rd` would be `erd`."""
PIECE = 3
"""Letters that the pieces of a word have on average."""

_WORD = re.compile(r"[^\s\x00]{1,48}")
_BEFORE, _BEHIND = ".,;:?()[]{}\"'*_-", ".,;:?()[]{}\"'*_-!|"
"""Signs beside a word that are none of its letters."""


def spells(view: View, words: Words, most: int) -> bool:
    """Whether a view that replaced characters in their places holds, among its first `most`, a word that was none before."""
    before = view.before
    for found in _WORD.finditer(view.low, 0, most):
        was = before[found.start() : found.end()]
        if found.group() != was and _made(found.group(), was, words):
            return True
    return False


def _made(word: str, was: str, words: Words) -> bool:
    start, end = len(was) - len(was.lstrip(_BEFORE)), len(was.rstrip(_BEHIND))
    word, was = word[start:end], was[start:end]
    if len(word) < SHORTEST or word == was or not word.isalpha():
        return False
    pieces = words.count(word)
    return PIECE * pieces <= len(word) and pieces < words.count(was)
