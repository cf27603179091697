"""Bring the two readers together: how loudly the first speaks beside the second, from where on the second is asked, and
what both logits come to as chances."""

from collections.abc import Sequence

import numpy as np

from caveat.recognize.learned import CODES, MARGIN, NARROW, windows
from caveat.recognize.learned_mini import Mini
from caveat.recognize.learned_net import Net
from caveat.recognize.learned_phrases import Phrases
from caveat.recognize.learned_pieces import Pieces
from caveat.recognize.learned_second import SPEAKS
from caveat.recognize.learned_words import Words
from training import calibrate
from training.batches import ready
from training.corpus import Row
from training.phrases import loudness

MOST = 1000
"""Characters of a calibration row that both read."""
PER_SOURCE = 100
"""Rows of a source, harmful and benign apart, that both read: more add little (calibrate.CAP)."""
LOW = 60
"""Per mille of `any` from which on the second reader is asked: lower costs time and finds hardly more (README.md)."""


def drawn(rows: Sequence[Row]) -> list[Row]:
    """The calibration rows that both read, in the second reader's languages."""
    chance = np.random.default_rng(5)
    taken: dict[tuple[str, bool], int] = {}
    made = []
    for i in chance.permutation(len(rows)):
        row = rows[i]
        if row.lang in SPEAKS and row.source != "written":
            count = taken.get((row.source, row.harmful), 0)
            if count >= PER_SOURCE:
                continue
            taken[row.source, row.harmful] = count + 1
        if row.lang in SPEAKS:
            made.append(row)
    return made


class Both:
    """Each window's logits by both readers, for rows; `pick` makes a text's logits of its windows'."""

    def __init__(self, data: dict[str, np.ndarray], names: list[str], cut: Words, rows: Sequence[Row]) -> None:
        self._cut, self._net, self._phrases = cut, Net(data), Phrases(data)
        self._mini, self._pieces = Mini(data), Pieces(names)
        some = [self._windows(row) for row in rows]
        self.owner = np.concatenate([np.full(len(first), i) for i, (first, *_) in enumerate(some)])
        self.first, self.second, self.narrow = (np.concatenate(part) for part in zip(*some, strict=True))
        self.size = len(rows)

    def _windows(self, row: Row) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low = ready(row.text[:MOST])
        ids, starts, ends = self._cut.cut(low)
        if not ids:
            ids, starts, ends = [0], [0], [len(low)]
        wide, narrow = windows(len(ids))
        every = wide + narrow
        first = self._net([ids], [every])
        first[:, 0] += self._phrases(ids, every)
        texts = [self._pieces.cut(low[starts[a] : ends[b - 1]])[0] for a, b in every]
        second = self._mini(texts)
        return first, second, np.r_[np.zeros(len(wide)), np.ones(len(narrow))]

    def pick(self, made: np.ndarray) -> np.ndarray:
        """The highest of a text's windows, a column a code; narrow ones fall short by the margin."""
        best = np.full((self.size, made.shape[1]), -40.0, np.float32)
        np.maximum.at(best, self.owner, made - self.narrow[:, None] * (MARGIN / calibrate.PER_STEP))
        return best


def shares(both: Both, rows: Sequence[Row]) -> np.ndarray:
    """For each code, how many times the first reader's logit is added to the second's."""
    first, second = both.pick(both.first), both.pick(both.second)
    made = np.full(len(CODES), np.nan)
    for k, code in enumerate(CODES):
        positive = calibrate._positive(code, list(rows))
        known = calibrate._known(code, list(rows))
        if positive.sum() >= calibrate.THIN:
            some = [row for row, keep in zip(rows, known, strict=True) if keep]
            w = calibrate.weights(some, positive[known])
            made[k] = loudness(second[known, k], first[known, k], positive[known], w)
    made[np.isnan(made)] = np.nanmedian(made)
    print("the first reader speaks", dict(zip(CODES, made.round(2).tolist(), strict=True)))
    return made.astype(np.float32)


def together(data: dict[str, np.ndarray], names: list[str], cut: Words, mine: Sequence[Row]) -> dict[str, np.ndarray]:
    """What recognize/learned_second.py reads beside the transformer."""
    rows = drawn(mine)
    both = Both(data, names, cut, rows)
    share = shares(both, rows)
    made = both.pick(both.second + both.first * share)
    return {
        "mini.pieces": np.frombuffer("\n".join(names).encode(), np.uint8),
        "second.share": share,
        "second.low": np.int64(LOW),
        "second.calibration": calibrate.table(rows, made),
    }


__all__ = ["NARROW", "Both", "together"]
