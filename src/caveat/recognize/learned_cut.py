"""Cutting text into pieces, word by word: what both learned readers share, however each cuts a word."""

import re
from abc import ABC, abstractmethod


class Cutter(ABC):
    """Finds the words of a text by a pattern and remembers how the first `kept` different ones were cut."""

    def __init__(self, word: re.Pattern[str], kept: int) -> None:
        self._word_pattern = word
        self._kept = kept
        self._known: dict[str, tuple[int, ...]] = {}

    def cut(self, text: str) -> tuple[list[int], list[int], list[int]]:
        """Ids, and for each the start and end of its word in `text`, all of one length."""
        ids: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        for word in self._word_pattern.finditer(text):
            cut = self._word(word.group())
            ids += cut
            starts += [word.start()] * len(cut)
            ends += [word.end()] * len(cut)
        return ids, starts, ends

    def count(self, word: str) -> int:
        """How many pieces one word has."""
        return len(self._word(word))

    def _word(self, word: str) -> tuple[int, ...]:
        known = self._known.get(word)
        if known is not None:
            return known
        cut = self._cut_word(word)
        if len(self._known) < self._kept:
            self._known[word] = cut
        return cut

    @abstractmethod
    def _cut_word(self, word: str) -> tuple[int, ...]:
        """The ids of one word's pieces."""
