"""Bring the two readers together: how loudly the first speaks beside the second, what both logits come to as chances, and
from where on the second is asked.

Rule of this file: everything is chosen on rows of the calibration split.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from caveat.recognize.learned import CODES, MARGIN, NARROW, Scores, per_mille, windows
from caveat.recognize.learned_mini import Mini
from caveat.recognize.learned_net import Net, Window
from caveat.recognize.learned_phrases import Phrases
from caveat.recognize.learned_pieces import Pieces
from caveat.recognize.learned_second import LOOKS, SPEAKS, looked_at, superseded
from caveat.recognize.learned_words import Words
from training import calibrate
from training.batches import ready
from training.corpus import Row
from training.phrases import loudness

MOST = 2000
"""Characters of a calibration row that both read."""
PER_SOURCE = 100
"""Rows of a source, harmful and benign apart, that both read: more add little (calibrate.CAP)."""
LOWS = (30, 60, 100, 150, 200, 300)
"""Per mille of `any` from which on the second reader may be asked: the higher, the less time it takes."""
SLACK = 1.01
"""How much greater than the least the loss of `any` may be for less time."""


def drawn(rows: Sequence[Row], most: int = PER_SOURCE) -> list[Row]:
    """The calibration rows that both read, in the second reader's languages: our own all, of a source `most`."""
    chance = np.random.default_rng(5)
    taken: dict[tuple[str, bool], int] = {}
    made = []
    for i in chance.permutation(len(rows)):
        row = rows[i]
        count = taken.get((row.source, row.harmful), 0)
        if row.lang in SPEAKS and (row.source == "written" or count < most):
            taken[row.source, row.harmful] = count + 1
            made.append(row)
    return made


class Read(NamedTuple):
    """A text as both read it: its windows, the first `wide` of them wide, with the first reader's logits, and the second's
    of those that it looked at."""

    windows: list[Window]
    wide: int
    first: np.ndarray
    looked: list[int]
    second: np.ndarray

    @property
    def narrow(self) -> np.ndarray:
        return np.arange(len(self.windows)) >= self.wide


class Both:
    """What both readers say of texts, the second one asked about every one."""

    def __init__(
        self,
        data: dict[str, np.ndarray],
        names: list[str],
        cut: Words,
        texts: Sequence[str],
        shape: tuple[int, int] = NARROW,
        looks: int = LOOKS,
    ) -> None:
        self._cut, self._net, self._phrases = cut, Net(data), Phrases(data)
        self._mini, self._pieces, self._table = Mini(data), Pieces(names), data["calibration"]
        self.reads = [self._read(ready(text[:MOST]), shape, looks) for text in texts]

    def _read(self, low: str, shape: tuple[int, int], looks: int) -> Read:
        ids, starts, ends = self._cut.cut(low)
        if not ids:
            ids, starts, ends = [0], [0], [len(low)]
        wide, narrow = windows(len(ids), shape)
        every = wide + narrow
        first = self._net([ids], [every])
        first[:, 0] += self._phrases(ids, every)
        chance = per_mille(first, np.arange(len(every)) >= len(wide), self._table, calibrate.PER_STEP)[:, 0]
        looked = looked_at(chance, every, len(wide), 0, looks)
        texts = [self._pieces.cut(low[starts[every[i][0]] : ends[every[i][1] - 1]])[0] for i in looked]
        return Read(every, len(wide), first, looked, self._mini(texts))

    def highest(self, share: np.ndarray | float, second: float = 1.0) -> np.ndarray:
        """Of the windows looked at the highest logit of a text, per code: `share` times the first reader's and `second`
        times the second's."""
        short = MARGIN / calibrate.PER_STEP
        return np.array(
            [
                (second * r.second + share * r.first[r.looked] - short * r.narrow[r.looked, None]).max(axis=0)
                for r in self.reads
            ]
        )

    def chances(self, share: np.ndarray, table: np.ndarray, low: int) -> Scores:
        """Per mille, a row a text, as the recognizer would say them."""
        return np.array([self._chances(read, share, table, low) for read in self.reads])

    def _chances(self, read: Read, share: np.ndarray, table: np.ndarray, low: int) -> Scores:
        made = per_mille(read.first, read.narrow, self._table, calibrate.PER_STEP)
        if made[:, 0].max() >= low:
            made[superseded(read.windows, read.looked)] = 0
            both = read.second + read.first[read.looked] * share
            made[read.looked] = per_mille(both, read.narrow[read.looked], table, calibrate.PER_STEP)
        return made.max(axis=0)


def shares(both: Both, rows: Sequence[Row]) -> np.ndarray:
    """For each code, how many times the first reader's logit is added to the second's."""
    first, second = both.highest(1.0, 0.0), both.highest(0.0)
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


def lowest(both: Both, rows: Sequence[Row], share: np.ndarray, table: np.ndarray) -> int:
    """The highest of LOWS at which the loss of `any` is at most SLACK times the least."""
    harmful = np.array([row.harmful for row in rows])
    w = calibrate.weights(list(rows), harmful)
    losses = {low: calibrate.loss(both.chances(share, table, low)[:, 0], harmful, w) for low in LOWS}
    print("loss of `any` with the second reader asked from", {low: round(x, 4) for low, x in losses.items()})
    return max(low for low, x in losses.items() if x <= SLACK * min(losses.values()))


def together(data: dict[str, np.ndarray], names: list[str], cut: Words, mine: Sequence[Row]) -> dict[str, np.ndarray]:
    """What recognize/learned_second.py reads beside the transformer."""
    rows = drawn(mine)
    both = Both(data, names, cut, [row.text for row in rows])
    share = shares(both, rows)
    table = calibrate.table(rows, both.highest(share))
    return {
        "mini.pieces": np.frombuffer("\n".join(names).encode(), np.uint8),
        "second.share": share,
        "second.low": np.int64(lowest(both, rows, share, table)),
        "second.calibration": table,
    }
