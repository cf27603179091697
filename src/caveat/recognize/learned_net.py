"""The network that reads word pieces: Google's multilingual n-gram encoder, narrowed, with our outputs.

A piece's features depend on its four neighbours to each side, so they are computed once, however many windows hold it;
a window is judged by the mean over its pieces.

Rule of this file: every machine computes the same bits.  Sums are the only place where machines differ, because they
add in different orders; so every sum here is one of whole numbers small enough to be exact: weights and activations
are integers, in float32 where the sum stays below 2**24 (export.py checks each layer's bound), in float64 below 2**53.
What is left, single additions, products, quotients and roots, IEEE 754 rounds alike everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from caveat.recognize.learned_words import FIRST, LAST

Array = NDArray[Any]
Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

ORDERS = ((2, 0), (3, 1), (5, 2))
"""N-gram length, and how many tokens of it lie to the left of its own."""
BRANCH = 256
_LEFT, _RIGHT = 2, 2
_EPS = 1e-6
_SMALL, _MIDDLE = 127.0, 2047.0
"""Largest activation that goes into a float32 product; the same for what is squared or summed over a window."""
BLOCK = 8
"""Pieces whose features are summed first: windows begin at multiples of it."""
_TOGETHER = 80
"""Blocks that are computed at once: enough to keep the processor busy, few enough for its cache."""
_REACH = 4
"""How far to each side a piece's features look."""
_WINDOWS = 512
"""Windows that are judged at once: bounds the memory."""
Window = tuple[int, int]


class Layer:
    """x @ weights * scale + bias, for whole x; `step` is the size of one unit of x."""

    def __init__(self, data: Mapping[str, Array], name: str, kind: type[np.float32 | np.float64] = np.float32) -> None:
        self.weights = data[f"{name}.w"].astype(kind)
        self.step = float(data[f"{name}.step"])
        self.scale = (data[f"{name}.scale"] * self.step).astype(np.float32)
        self.bias = data[f"{name}.bias"].astype(np.float32)

    def __call__(self, whole: Array) -> Floats:
        out: Floats = (whole @ self.weights).astype(np.float32, copy=False)
        out *= self.scale
        out += self.bias
        return out


class Norm:
    """Mean 0 and variance 1 along each row, then gain and bias; the row is rounded to steps first."""

    def __init__(self, data: Mapping[str, Array], name: str) -> None:
        self.step = float(data[f"{name}.step"])
        self.gain, self.bias = data[f"{name}.gain"].astype(np.float32), data[f"{name}.bias"].astype(np.float32)

    def __call__(self, x: Floats) -> Floats:
        whole = rounded(x, self.step, _MIDDLE)
        size = x.shape[1]
        mean = np.add.reduce(whole, axis=1, dtype=np.float64) / size
        square = np.add.reduce(whole * whole, axis=1, dtype=np.float64) / size
        spread = np.sqrt(square - mean * mean + _EPS / self.step**2)
        whole -= mean.astype(np.float32)[:, None]
        whole *= (1.0 / spread).astype(np.float32)[:, None]
        whole *= self.gain
        whole += self.bias
        return whole


def rounded(x: Array, step: float, most: float) -> Array:
    """x in whole steps, at most `most` of them either way."""
    whole = x / step
    np.rint(whole, out=whole)
    np.clip(whole, -most, most, out=whole)
    return whole


class Net:
    """Reads windows; keeps nothing between calls."""

    def __init__(self, data: Mapping[str, Array]) -> None:
        self._table = data["table"]
        self._wide, self._project = Layer(data, "wide"), Layer(data, "project")
        self._norm, self._features = Norm(data, "norm"), Norm(data, "features")
        self._first = [Layer(data, f"first.{i}") for i in range(len(ORDERS))]
        self._second = [Layer(data, f"second.{i}") for i in range(len(ORDERS))]
        self._pooled, self._length = (float(data[f"{name}.step"]) for name in ("pooled", "length"))
        self._summary, self._d0, self._d1, self._p1, self._out = (
            Layer(data, name, np.float64) for name in ("summary", "d0", "d1", "p1", "out")
        )

    def __call__(self, texts: Sequence[Sequence[int]], windows: Sequence[Sequence[Window]]) -> Floats:
        """Logits, a row a window, in the texts' order.  Windows are pieces [start, end), start a multiple of BLOCK, end
        another or the text's own; the text's beginning and end count as two pieces of every window."""
        sums = [_sums(blocks, some) for blocks, some in zip(self._blocks(texts), windows, strict=True)]
        sizes = np.array([end - start + 2 for some in windows for start, end in some])
        every = np.concatenate(sums) if sums else np.zeros((0, 1))
        made = [
            self._answers(every[at : at + _WINDOWS], sizes[at : at + _WINDOWS]) for at in range(0, len(every), _WINDOWS)
        ]
        return np.concatenate(made) if made else np.zeros((0, len(self._out.bias)), np.float32)

    def _blocks(self, texts: Sequence[Sequence[int]]) -> list[Array]:
        """For each text the features' sums: its beginning, each BLOCK pieces, its end."""
        made: list[list[Array]] = [[] for _ in texts]
        for some in _batches(_stretches(texts)):
            sizes = np.array([len(stretch.ids) for stretch in some])
            starts = np.cumsum(sizes) - sizes
            features = self._tokens(np.array([i for stretch in some for i in stretch.ids]), starts, sizes)
            for stretch, start in zip(some, starts, strict=True):
                own = features[start + stretch.first : start + stretch.last]
                made[stretch.text].append(np.add.reduceat(own, stretch.bounds, axis=0).astype(np.float64))
        return [np.concatenate(parts) for parts in made]

    def _tokens(self, ids: Ids, starts: Ids, sizes: Ids) -> Floats:
        """Each piece's features in its surroundings, in whole steps."""
        pieces = self._table[ids].astype(np.float32)
        x = self._norm(self._project(pieces))
        near = _near(starts, sizes)
        features = np.empty((len(ids), 512 + len(ORDERS) * BRANCH), np.float32)
        features[:, :512] = self._wide(pieces)
        for i in range(len(ORDERS)):
            own = x[:, i * BRANCH : (i + 1) * BRANCH]
            h = own + np.maximum(self._around(own, self._first[i], near, i), 0)
            features[:, 512 + i * BRANCH : 512 + (i + 1) * BRANCH] = h + np.maximum(
                self._around(h, self._second[i], near, i), 0
            )
        return rounded(self._features(features), self._pooled, _MIDDLE)

    @staticmethod
    def _around(x: Floats, layer: Layer, near: Ids, i: int) -> Floats:
        order, left = ORDERS[i]
        padded = np.zeros((len(x) + 1, BRANCH), np.float32)
        padded[:-1] = rounded(x, layer.step, _SMALL)
        return layer(padded[near[:, _LEFT - left : _LEFT - left + order]].reshape(len(x), order * BRANCH))

    def _answers(self, sums: Array, sizes: Ids) -> Floats:
        """From a window's summed features to its logits, in float64: few numbers, so width costs nothing."""
        mean = sums * self._pooled / sizes[:, None]
        wide = self._summary(rounded(mean, self._summary.step, _MIDDLE)).astype(np.float64)
        whole = rounded(wide, self._length, _MIDDLE)
        length = np.sqrt(np.add.reduce(whole * whole, axis=1, dtype=np.float64) / whole.shape[1] + _EPS)
        unit = whole / length[:, None]
        first = np.maximum(self._d0(rounded(unit, self._d0.step, _MIDDLE)), 0).astype(np.float64)
        second = self._p1(rounded(unit, self._p1.step, _MIDDLE)) + self._d1(rounded(first, self._d1.step, _MIDDLE))
        both = np.concatenate([unit, np.maximum(second, 0).astype(np.float64)], 1)
        return self._out(rounded(both, self._out.step, _MIDDLE))


class _Stretch(NamedTuple):
    """Pieces of one text that are computed together, with their neighbours.

    first, last  the pieces of its own, [first, last) of `ids`
    bounds       where each block begins, counted from `first`
    """

    text: int
    ids: Sequence[int]
    first: int
    last: int
    bounds: list[int]


def _stretches(texts: Sequence[Sequence[int]]) -> Iterator[_Stretch]:
    for text, pieces in enumerate(texts):
        ids = (FIRST, *pieces, LAST)
        edges = [0, *range(1, len(ids) - 1, BLOCK), len(ids) - 1, len(ids)]
        for at in range(0, len(edges) - 1, _TOGETHER):
            own = edges[at : at + _TOGETHER + 1]
            low, high = max(0, own[0] - _REACH), min(len(ids), own[-1] + _REACH)
            yield _Stretch(text, ids[low:high], own[0] - low, own[-1] - low, [edge - own[0] for edge in own[:-1]])


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


def _sums(blocks: Array, windows: Sequence[Window]) -> Array:
    """The windows' sums, from running totals over the blocks; whole numbers, so no order of adding matters."""
    running = np.concatenate([np.zeros((1, blocks.shape[1])), np.cumsum(blocks[1:-1], axis=0)])
    starts = np.array([start // BLOCK for start, _ in windows])
    ends = np.array([-(-end // BLOCK) for _, end in windows])
    made: Array = running[ends] - running[starts] + blocks[0] + blocks[-1]
    return made


def _near(starts: Ids, sizes: Ids) -> Ids:
    """For each piece, the places of its neighbours in its own window; beyond its ends, the place of a zero row."""
    count = int(sizes.sum())
    at = np.arange(count)[:, None] + np.arange(-_LEFT, _RIGHT + 1)
    low, high = np.repeat(starts, sizes)[:, None], np.repeat(starts + sizes, sizes)[:, None]
    return np.where((at >= low) & (at < high), at, count)
