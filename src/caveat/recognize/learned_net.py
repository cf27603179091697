"""The network that reads word pieces: Google's multilingual n-gram encoder, narrowed, with our outputs.

A piece's features depend on its four neighbours to each side, so they are computed once, however many windows hold it;
a window is judged by the mean over its pieces.

Rule of this file: every machine computes the same bits.  Sums are the only place where machines differ, because they
add in different orders; so every sum here is one of whole numbers small enough to be exact: weights and activations
are integers, in float32 where the sum stays below 2**24 (export.py checks each layer's bound), in float64 below 2**53.
What is left, single additions, products, quotients and roots, IEEE 754 rounds alike everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from caveat.recognize.learned_alone import BRANCH, ORDERS, SLOTS, WIDE, Alone, own, products
from caveat.recognize.learned_layer import MIDDLE, SMALL, Array, Floats, Ids, Layer, Norm, rounded
from caveat.recognize.learned_words import FIRST, LAST

_EDGE = 2
"""Rows of nothing between two stretches: an n-gram reaches as far to each side."""
_EPS = 1e-6
BLOCK = 8
"""Pieces whose features are summed first: windows begin at multiples of it."""
_TOGETHER = 40
"""Blocks that are computed at once: enough to keep the processor busy, few enough for its cache."""
_REACH = 4
"""How far to each side a piece's features look."""
_WINDOWS, _NEAR = 512, 128
"""Windows that are judged at once, and of one text that are summed at once: they bound the memory."""
Window = tuple[int, int]


class Net:
    """Reads windows; keeps nothing between calls."""

    def __init__(self, data: Mapping[str, Array], common: Sequence[int] = ()) -> None:
        """`common` are pieces that texts have often."""
        self._alone = Alone(data, common)
        self._features = Norm(data, "features")
        self._second = [Layer(data, f"second.{i}") for i in range(len(ORDERS))]
        self._pooled, self._length = (float(data[f"{name}.step"]) for name in ("pooled", "length"))
        self._summary, self._d0, self._d1, self._p1, self._out = (
            Layer(data, name, np.float64) for name in ("summary", "d0", "d1", "p1", "out")
        )

    def __call__(self, texts: Sequence[Sequence[int]], windows: Sequence[Sequence[Window]]) -> Floats:
        """Logits, a row a window, in the texts' order.  Windows are pieces [start, end), start a multiple of BLOCK, end
        another or the text's own; the text's beginning and end count as two pieces of every window."""
        made: list[Floats] = []
        sums: list[Array] = []
        sizes: list[int] = []
        for blocks, some in zip(self._blocks(texts), windows, strict=True):
            for near in _neighbours(some):
                sums.append(_sums(blocks, near))
                sizes += [end - start + 2 for start, end in near]
                if len(sizes) >= _WINDOWS:
                    made.append(self._answers(np.concatenate(sums), np.array(sizes)))
                    sums, sizes = [], []
        if sizes:
            made.append(self._answers(np.concatenate(sums), np.array(sizes)))
        return np.concatenate(made) if made else np.zeros((0, len(self._out.bias)), np.float32)

    def _blocks(self, texts: Sequence[Sequence[int]]) -> list[Array]:
        """For each text the features' sums: its beginning, each BLOCK pieces, its end."""
        made = [np.empty((-(-len(ids) // BLOCK) + 2, WIDE + len(ORDERS) * BRANCH), np.float32) for ids in texts]
        done = [0] * len(texts)
        for some in _batches(_stretches(texts)):
            features = self._tokens([stretch.ids for stretch in some])
            at = 0
            for stretch in some:
                ours = features[at + stretch.first : at + stretch.last]
                at += len(stretch.ids) + _EDGE
                summed = _summed(ours, begins=stretch.begins, ends=stretch.ends)
                low = done[stretch.text]
                done[stretch.text] = high = low + len(summed)
                made[stretch.text][low:high] = summed
        return made

    def _tokens(self, stretches: Sequence[Sequence[int]]) -> Floats:
        """Each piece's features in its surroundings, in whole steps; _EDGE rows that mean nothing between stretches."""
        at, gaps = _laid_out(stretches)
        values = self._alone(at.pieces)
        rows = at.rows * SLOTS
        here = rows[_EDGE:-_EDGE]
        features = np.empty((len(here), WIDE + len(ORDERS) * BRANCH), np.float32)
        features[:, :BRANCH], features[:, BRANCH:WIDE] = values[here], values[here + 1]
        for i in range(len(ORDERS)):
            h = np.maximum(self._alone.first[i].from_sums(_added(values, rows, i)), 0)
            h += values[here + own(i)]
            more = np.maximum(self._second[i](_side_by_side(rounded(h, self._second[i].step, SMALL), gaps, i)), 0)
            np.add(h, more, out=features[:, WIDE + i * BRANCH : WIDE + (i + 1) * BRANCH])
        return rounded(self._features(features), self._pooled, MIDDLE)

    def _answers(self, sums: Array, sizes: Ids) -> Floats:
        """From a window's summed features to its logits, in float64: few numbers, so width costs nothing."""
        mean = sums * self._pooled / sizes[:, None]
        wide = self._summary(rounded(mean, self._summary.step, MIDDLE)).astype(np.float64)
        whole = rounded(wide, self._length, MIDDLE)
        length = np.sqrt(np.add.reduce(whole * whole, axis=1, dtype=np.float64) / whole.shape[1] + _EPS)
        unit = whole / length[:, None]
        first = np.maximum(self._d0(rounded(unit, self._d0.step, MIDDLE)), 0).astype(np.float64)
        second = self._p1(rounded(unit, self._p1.step, MIDDLE)) + self._d1(rounded(first, self._d1.step, MIDDLE))
        both = np.concatenate([unit, np.maximum(second, 0).astype(np.float64)], 1)
        return self._out(rounded(both, self._out.step, MIDDLE))


class _Places(NamedTuple):
    """Stretches laid out in rows, _EDGE rows of nothing before, between and behind them: each row's place among the
    different pieces, that of nothing being the last."""

    pieces: Ids
    rows: Ids


def _laid_out(stretches: Sequence[Sequence[int]]) -> tuple[_Places, Ids]:
    """The rows, and which rows between stretches are nothing, the first of the first stretch being 0."""
    nothing = [-1] * _EDGE
    every: list[int] = list(nothing)
    gaps: list[int] = []
    for ids in stretches:
        every += ids
        gaps += range(len(every) - _EDGE, len(every))
        every += nothing
    pieces, rows = np.unique(np.array(every, np.int64), return_inverse=True)
    rows = np.where(rows == 0, len(pieces) - 1, rows - 1)
    return _Places(pieces[1:], rows), np.array(gaps[:-_EDGE], np.int64)


def _added(values: Floats, rows: Ids, i: int) -> Floats:
    """The first layer's sums of an order: of each of its pieces the product for that place."""
    left = ORDERS[i][1]
    size = len(rows) - 2 * _EDGE
    sums: Floats | None = None
    for j, slot in enumerate(products(i)):
        low = _EDGE - left + j
        one: Floats = values[rows[low : low + size] + slot]
        sums = one if sums is None else np.add(sums, one, out=sums)
    assert sums is not None
    return sums


def _side_by_side(whole: Floats, gaps: Ids, i: int) -> Floats:
    """For each row the rows of its n-gram, one behind the other."""
    order, left = ORDERS[i]
    whole[gaps] = 0
    padded = np.zeros((len(whole) + 2 * _EDGE, BRANCH), np.float32)
    padded[_EDGE:-_EDGE] = whole
    made = np.empty((len(whole), order, BRANCH), np.float32)
    for j in range(order):
        low = _EDGE - left + j
        made[:, j] = padded[low : low + len(whole)]
    return made.reshape(len(whole), order * BRANCH)


def _summed(features: Floats, *, begins: bool, ends: bool) -> Array:
    """Sums of BLOCK rows each, whole numbers that float32 counts exactly; the first and the last row by themselves where the text begins or ends."""
    first, last = int(begins), len(features) - int(ends)
    inner = features[first:last]
    sums = inner[::BLOCK].copy()
    for at in range(1, BLOCK):
        more = inner[at::BLOCK]
        sums[: len(more)] += more
    return np.concatenate([features[:first], sums, features[last:]])


class _Stretch(NamedTuple):
    """Pieces of one text that are computed together, with their neighbours.

    first, last   the pieces of its own, [first, last) of `ids`
    begins, ends  whether the text does so here
    """

    text: int
    ids: Sequence[int]
    first: int
    last: int
    begins: bool
    ends: bool


def _stretches(texts: Sequence[Sequence[int]]) -> Iterator[_Stretch]:
    for text, pieces in enumerate(texts):
        ids = (FIRST, *pieces, LAST)
        edges = [0, *range(1, len(ids) - 1, BLOCK), len(ids) - 1, len(ids)]
        for at in range(0, len(edges) - 1, _TOGETHER):
            ours = edges[at : at + _TOGETHER + 1]
            low, high = max(0, ours[0] - _REACH), min(len(ids), ours[-1] + _REACH)
            yield _Stretch(text, ids[low:high], ours[0] - low, ours[-1] - low, at == 0, ours[-1] == len(ids))


def _batches(stretches: Iterator[_Stretch]) -> Iterator[list[_Stretch]]:
    some: list[_Stretch] = []
    room = BLOCK * _TOGETHER
    for stretch in stretches:
        if some and room < len(stretch.ids):
            yield some
            some, room = [], BLOCK * _TOGETHER
        some.append(stretch)
        room -= len(stretch.ids)
    if some:
        yield some


def _neighbours(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """The windows in turn, so many at a time that their sums need little room; none begins before the one before it."""
    some: list[Window] = []
    for window in windows:
        if some and (len(some) == _NEAR or window < some[-1]):
            yield some
            some = []
        some.append(window)
    if some:
        yield some


def _sums(blocks: Array, windows: Sequence[Window]) -> Array:
    """The windows' sums, from running totals over the blocks; whole numbers, so no order of adding matters."""
    starts = np.array([start // BLOCK for start, _ in windows])
    ends = np.array([-(-end // BLOCK) for _, end in windows])
    first = int(starts.min())
    inner = blocks[first + 1 : int(ends.max()) + 1]
    running = np.zeros((len(inner) + 1, blocks.shape[1]))
    for at, block in enumerate(inner):
        np.add(running[at], block, out=running[at + 1])
    made: Array = running[ends - first] - running[starts - first] + blocks[0] + blocks[-1]
    return made
