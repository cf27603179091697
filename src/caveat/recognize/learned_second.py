"""Asking the second reader: which windows it looks at, and what the two readers' opinions come to together.

It looks at text in its own language (English, or too little to tell) that the first reader does not hold to be clear: at
a short one whole, at the likeliest narrow window of a longer one (LOOKS), so that its time is bounded.  Where it looked,
both logits count, the first one's `share` times, and what the first said of the same words through another window is
superseded; elsewhere the first reader's word stands.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caveat.recognize.learned_language import language_of
from caveat.recognize.learned_mini import Mini
from caveat.recognize.learned_net import Window
from caveat.recognize.learned_pieces import Pieces

SPEAKS = ("en", "und")
"""Languages in which the second reader was measured to help."""

WHOLE = 96
"""Pieces of a text that is looked at whole."""
LOOKS = 1
"""Narrow windows of a longer text that are looked at: two took twice the time and found one in a hundred more."""


def looked_at(
    chance: NDArray[np.int64], windows: Sequence[Window], wide: int, low: int, looks: int = LOOKS
) -> list[int]:
    """Which of a text's windows to look at, the first `wide` of which are wide; none where all lie below `low`."""
    if max(chance) < low:
        return []
    if windows[0][1] <= WHOLE:
        return [0]
    likeliest = np.argsort(-chance[wide:], kind="stable")[:looks]
    return sorted((likeliest + wide).tolist())


def superseded(windows: Sequence[Window], looked: Sequence[int]) -> NDArray[np.bool_]:
    """Which windows share half of the words, theirs or its own, with one that was looked at."""
    starts, ends = np.array(windows).T
    made = np.zeros(len(windows), np.bool_)
    for i in looked:
        shared = np.minimum(ends, ends[i]) - np.maximum(starts, starts[i])
        made |= 2 * shared >= np.minimum(ends - starts, ends[i] - starts[i])
    return made


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
