"""From text to the encoder's word pieces.

A unigram model (Kudo 2018, as in SentencePiece): of all ways to cut a word into known pieces, the likeliest.  Rules of
this file: scores are integers, so every machine cuts alike; ties go to the longest last piece's earliest start; a word
is cut by itself, so where the text around was cut does not matter; a word of over 48 characters is read as several.
"""

import re
from collections.abc import Sequence

from caveat.recognize.learned_cut import Cutter

UNKNOWN, FIRST, LAST = 0, 1, 2
"""Ids that are no piece: a character outside the vocabulary, a window's beginning, its end."""

MARK = "\u2581"
"""Stands before a word's first piece."""

_WORD = re.compile(r"\S{1,48}")
_KEPT = 1 << 15
_FAR = -(1 << 40)


class Words(Cutter):
    """The vocabulary.  pieces[0:3] are UNKNOWN, FIRST and LAST; scores are log-probabilities in thousandths."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[int]) -> None:
        super().__init__(_WORD, _KEPT)
        self._id = {piece: i for i, piece in enumerate(pieces) if i > LAST}
        self._score = list(scores)
        self._longest = max(map(len, pieces))
        self._unknown = min(scores) - 10_000

    def commonest(self, count: int) -> list[int]:
        """The likeliest pieces, the first of equals, beside the marks of a beginning and an end."""
        likeliest = sorted(self._id.values(), key=lambda i: -self._score[i])
        return [FIRST, LAST, *likeliest[: count - 2]]

    def _cut_word(self, word: str) -> tuple[int, ...]:
        return self._likeliest(MARK + word)

    def _likeliest(self, word: str) -> tuple[int, ...]:
        size = len(word)
        best, come, piece = [0] + [_FAR] * size, [0] * (size + 1), [UNKNOWN] * (size + 1)
        for at in range(size):
            if best[at] + self._unknown > best[at + 1]:
                best[at + 1], come[at + 1], piece[at + 1] = best[at] + self._unknown, at, UNKNOWN
            for end in range(at + 1, min(size, at + self._longest) + 1):
                found = self._id.get(word[at:end])
                if found is not None and best[at] + self._score[found] > best[end]:
                    best[end], come[end], piece[end] = best[at] + self._score[found], at, found
        return _back(come, piece)


def _back(come: list[int], piece: list[int]) -> tuple[int, ...]:
    cut = []
    at = len(come) - 1
    while at > 0:
        cut.append(piece[at])
        at = come[at]
    return tuple(reversed(cut))
