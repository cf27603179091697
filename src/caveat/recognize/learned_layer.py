"""Layers of whole numbers: what the first reader's network is made of (learned_net.py says why they are whole)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

SMALL, MIDDLE = 127.0, 2047.0
"""Largest activation that goes into a float32 product; the same for what is squared or summed over a window: four squares
of it stay below 2**24."""
_EPS = 1e-6


class Layer:
    """x @ weights * scale + bias, for whole x; `step` is the size of one unit of x.  Weights stay as small as they are
    stored and are widened for each product: reading them from memory would take longer."""

    def __init__(self, data: Mapping[str, Array], name: str, kind: type[np.float32 | np.float64] = np.float32) -> None:
        self.weights, self.kind = data[f"{name}.w"], kind
        self.step = float(data[f"{name}.step"])
        self.scale = (data[f"{name}.scale"] * self.step).astype(np.float32)
        self.bias = data[f"{name}.bias"].astype(np.float32)

    def __call__(self, whole: Array) -> Floats:
        return self.from_sums((whole @ self.weights.astype(self.kind)).astype(np.float32, copy=False))

    def from_sums(self, sums: Floats) -> Floats:
        """The same from the products' sums, in their place."""
        sums *= self.scale
        sums += self.bias
        return sums


class Norm:
    """Mean 0 and variance 1 along each row, then gain and bias; the row is rounded to steps first."""

    def __init__(self, data: Mapping[str, Array], name: str) -> None:
        self.step = float(data[f"{name}.step"])
        self.gain, self.bias = data[f"{name}.gain"].astype(np.float32), data[f"{name}.bias"].astype(np.float32)

    def __call__(self, x: Floats) -> Floats:
        whole = rounded(x, self.step, MIDDLE)
        size = x.shape[1]
        mean = np.add.reduce(whole, axis=1).astype(np.float64) / size
        square = _sum_of_squares(whole) / size
        spread = np.sqrt(square - mean * mean + _EPS / self.step**2)
        whole -= mean.astype(np.float32)[:, None]
        whole *= (1.0 / spread).astype(np.float32)[:, None]
        whole *= self.gain
        whole += self.bias
        return whole


def _sum_of_squares(whole: Floats) -> NDArray[np.float64]:
    """Of each row, exactly: four at a time in float32, these in float64.  A row's size is a multiple of four."""
    squares = whole * whole
    part = squares.shape[1] // 4
    four = squares[:, :part]
    for at in range(part, squares.shape[1], part):
        four += squares[:, at : at + part]
    made: NDArray[np.float64] = np.add.reduce(four, axis=1, dtype=np.float64)
    return made


def rounded(x: Array, step: float, most: float) -> Array:
    """x in whole steps, at most `most` of them either way."""
    whole = x / step
    np.rint(whole, out=whole)
    np.clip(whole, -most, most, out=whole)
    return whole
