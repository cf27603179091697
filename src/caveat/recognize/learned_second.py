"""Asking the second reader: which windows it looks at, and what the two readers' opinions come to together.

It looks at windows of text in its own language (English, or too little to tell) that the first reader does not hold to be
clear.  Where it looked, both logits count, the first one's `share` times; elsewhere the first reader's word stands.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caveat.recognize.learned_language import language_of
from caveat.recognize.learned_mini import Mini
from caveat.recognize.learned_pieces import Pieces

SPEAKS = ("en", "und")
"""Languages in which the second reader was measured to help."""


class Second:
    """Keeps nothing between calls but the words that it cut.

    low    per mille of `any` from which on a window is looked at
    table  the calibration of both together, as learned.py's own
    """

    def __init__(self, data: Mapping[str, NDArray[Any]]) -> None:
        self._mini = Mini(data)
        self._pieces = Pieces(bytes(data["mini.pieces"]).decode("utf-8").split("\n"))
        self._share = data["second.share"].astype(np.float32)
        self.low = int(data["second.low"])
        self.table = data["second.calibration"]

    @staticmethod
    def reads(low: str) -> bool:
        """Whether the text is in a language that it reads."""
        return language_of(low).code in SPEAKS

    def __call__(self, texts: Sequence[str], first: NDArray[np.float32]) -> NDArray[np.float32]:
        """Both readers' logits together, a row a window; `first` are the first reader's."""
        together: NDArray[np.float32] = self.alone(texts) + first * self._share
        return together

    def alone(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Its own logits; windows alike in length are read together."""
        return self._mini([self._pieces.cut(text)[0] for text in texts])
