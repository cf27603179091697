"""The second reader: a small transformer (all-MiniLM-L6-v2, fine-tuned) that is asked where the first is not sure.

Rule of this file, as of learned_net.py: every machine computes the same bits.  Every sum is one of whole numbers small
enough to be exact: rows of activations are rounded to 8 bits by their own largest value, weights are 8 bits, products add
up below 2**24 in float32 (training/export_mini.py checks each layer); norms and means add fixed-point numbers in float64.
Exponentials and the GELU come from tables in the file, since machines differ in their last digit.  What is left, single
additions, products, quotients and roots, IEEE 754 rounds alike everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caveat.recognize.learned_layer import Layer, rounded
from caveat.recognize.learned_pieces import FIRST, LAST

Array = NDArray[Any]
Floats = NDArray[np.float32]

WIDTH, HEADS, DEPTH = 384, 12, 32
MOST = 190
"""Pieces of a window that are read."""
SMALL = 127.0
"""Largest whole activation."""
FINE = 4096.0
"""Fixed-point steps of one where rows are normed and averaged."""
_HIGHEST = 2.0**18
"""Largest fixed-point number: a square of it, 384 times, stays below 2**53."""
_EPS = 1e-12
_PER = 64.0
"""Steps of the table of exponentials for one."""
_ROOM = float(2**24) / 128
"""What the weights of one row's attention may add up to, for sums with 8-bit values to stay exact."""
_TOP = 4095.0
TOGETHER = 320
"""Pieces that are computed at once: larger products were slower, for want of cache."""


class Dense:
    """x @ weights * scale + bias; each row of x is rounded to whole steps of its own.  Weights are widened as a Layer's."""

    def __init__(self, data: Mapping[str, Array], name: str) -> None:
        self.weights = data[f"{name}.w"]
        self.scale, self.bias = data[f"{name}.scale"].astype(np.float32), data[f"{name}.bias"].astype(np.float32)

    def __call__(self, x: Floats) -> Floats:
        whole, step = wholes(x)
        out: Floats = whole @ self.weights.astype(np.float32)
        out *= step
        out *= self.scale
        out += self.bias
        return out


class Norm:
    """Mean 0 and variance 1 along each row, then gain and bias."""

    def __init__(self, data: Mapping[str, Array], name: str) -> None:
        self.gain, self.bias = data[f"{name}.gain"].astype(np.float32), data[f"{name}.bias"].astype(np.float32)

    def __call__(self, x: Floats) -> Floats:
        whole = fixed(x)
        size = whole.shape[1]
        mean = np.add.reduce(whole, axis=1) / size
        spread = 1.0 / np.sqrt(np.add.reduce(whole * whole, axis=1) / size - mean * mean + _EPS)
        whole -= mean[:, None]
        whole *= spread[:, None]
        out = whole.astype(np.float32)
        out *= self.gain
        out += self.bias
        return out


def wholes(x: Floats) -> tuple[Floats, Floats]:
    """x in whole steps along its last axis, at most SMALL of them either way, and the steps."""
    step = np.maximum(np.abs(x).max(axis=-1, keepdims=True), np.float32(1e-20)) / np.float32(SMALL)
    whole = x / step
    np.rint(whole, out=whole)
    return whole, step


def fixed(x: Floats) -> Array:
    """x in fixed-point steps, as float64."""
    whole = x.astype(np.float64)
    whole *= FINE
    np.rint(whole, out=whole)
    np.clip(whole, -_HIGHEST, _HIGHEST, out=whole)
    return whole


class Block:
    """Attention, then a wide layer, each added to what came in and normed."""

    def __init__(self, data: Mapping[str, Array], name: str) -> None:
        self._qkv, self._mixed = Dense(data, f"{name}.qkv"), Dense(data, f"{name}.mixed")
        self._up, self._down = Dense(data, f"{name}.up"), Dense(data, f"{name}.down")
        self._norm1, self._norm2 = Norm(data, f"{name}.norm1"), Norm(data, f"{name}.norm2")
        self._exp, self._gelu = data["mini.exp"].astype(np.float32), data["mini.gelu"].astype(np.float32)
        self._per = float(data["mini.gelu.per"])

    def __call__(self, x: Floats, bounds: Sequence[tuple[int, int]]) -> Floats:
        qkv = self._qkv(x).reshape(len(x), 3, HEADS, DEPTH)
        mixed = np.empty_like(x)
        for start, end in bounds:
            mixed[start:end] = self._attended(qkv[start:end])
        x = self._norm1(x + self._mixed(mixed))
        return self._norm2(x + self._down(self._curved(self._up(x))))

    def _attended(self, qkv: Floats) -> Floats:
        """One text's mixture of its values, a row a piece."""
        size = len(qkv)
        (q, q_step), (k, k_step) = (wholes(qkv[:, i].transpose(1, 0, 2)) for i in (0, 1))
        v, v_step = wholes(qkv[:, 2].transpose(1, 2, 0))
        near = np.matmul(q, k.transpose(0, 2, 1))
        near *= q_step
        near *= k_step.transpose(0, 2, 1)
        near -= near.max(axis=-1, keepdims=True)
        near *= np.float32(-_PER)
        np.rint(near, out=near)
        np.minimum(near, np.float32(len(self._exp) - 1), out=near)
        weights: Floats = self._exp.take(near.astype(np.int32))
        weights *= np.float32(min(_TOP, float(int(_ROOM / size))))
        np.rint(weights, out=weights)
        total = np.add.reduce(weights, axis=-1, dtype=np.float64).astype(np.float32)
        out: Floats = np.matmul(weights, v.transpose(0, 2, 1))
        out *= v_step.transpose(0, 2, 1)
        out /= total[:, :, None]
        return out.transpose(1, 0, 2).reshape(size, WIDTH)

    def _curved(self, x: Floats) -> Floats:
        """GELU by table; what lies beyond it counts as its end."""
        middle = (len(self._gelu) - 1) // 2
        at = x * np.float32(self._per)
        np.rint(at, out=at)
        np.clip(at, -middle, middle, out=at)
        at += np.float32(middle)
        out: Floats = self._gelu.take(at.astype(np.int32))
        return out


class Mini:
    """Reads windows; keeps nothing between calls."""

    def __init__(self, data: Mapping[str, Array]) -> None:
        self._table, self._steps = data["mini.table"], data["mini.table.step"].astype(np.float32)
        self._places = data["mini.places"].astype(np.float32)
        self._norm = Norm(data, "mini.norm")
        count = sum(name.endswith(".qkv.w") for name in data)
        self._blocks = [Block(data, f"mini.{i}") for i in range(count)]
        self._out = Layer(data, "mini.out", np.float64)

    def __call__(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Logits, a row a text, in the texts' order.  Of a text its first MOST pieces are read."""
        made = np.zeros((len(texts), len(self._out.bias)), np.float32)
        for some in _batches(texts):
            made[some] = self._answers([(FIRST, *texts[i][:MOST], LAST) for i in some])
        return made

    def _answers(self, texts: Sequence[Sequence[int]]) -> Floats:
        sizes = [len(ids) for ids in texts]
        ends = np.cumsum(sizes).tolist()
        bounds = [(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        ids = np.array([i for text in texts for i in text])
        x = self._table[ids].astype(np.float32)
        x *= self._steps[ids][:, None]
        x += self._places[np.concatenate([np.arange(size) for size in sizes])]
        x = self._norm(x)
        for block in self._blocks:
            x = block(x, bounds)
        sums = np.add.reduceat(fixed(x), [start for start, _ in bounds], axis=0)
        means = sums / FINE / np.array(sizes, np.float64)[:, None]
        return self._out(rounded(means, self._out.step, 2047.0))


def _batches(texts: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Indexes of texts, TOGETHER pieces at a time."""
    some: list[int] = []
    room = TOGETHER
    for i, ids in enumerate(texts):
        size = min(len(ids), MOST) + 2
        if some and room < size:
            yield some
            some, room = [], TOGETHER
        some.append(i)
        room -= size
    if some:
        yield some
