"""From text to the second reader's word pieces.

WordPiece (Wu 2016, as in BERT): a word, or one sign, is cut from its beginning into the longest pieces known; where none
fits, the whole word is unknown.  Rules of this file: a word is cut by itself, so where the text around was cut does not
matter; a word of over 48 letters is read as several.
"""

import re
from collections.abc import Sequence

from caveat.recognize.learned_cut import Cutter

UNKNOWN, FIRST, LAST = 0, 1, 2
"""Ids that are no piece: a word outside the vocabulary, a window's beginning, its end."""

INSIDE = "##"
"""Stands before a piece that does not begin a word."""

_WORD = re.compile(r"[^\W_]{1,48}|[^\s]")
_KEPT = 1 << 15


class Pieces(Cutter):
    """The vocabulary.  pieces[0:3] are UNKNOWN, FIRST and LAST."""

    def __init__(self, pieces: Sequence[str]) -> None:
        super().__init__(_WORD, _KEPT)
        self._id = {piece: i for i, piece in enumerate(pieces) if i > LAST}
        self._longest = max(map(len, pieces))

    def _cut_word(self, word: str) -> tuple[int, ...]:
        return self._longest_first(word)

    def _longest_first(self, word: str) -> tuple[int, ...]:
        cut: list[int] = []
        at = 0
        while at < len(word):
            found = self._longest_at(word, at)
            if found is None:
                return (UNKNOWN,)
            cut.append(found[0])
            at = found[1]
        return tuple(cut)

    def _longest_at(self, word: str, at: int) -> tuple[int, int] | None:
        """The longest piece that begins at `at`, and where it ends."""
        mark = INSIDE if at else ""
        for end in range(min(len(word), at + self._longest), at, -1):
            found = self._id.get(mark + word[at:end])
            if found is not None:
                return found, end
        return None
