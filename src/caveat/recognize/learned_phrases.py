"""A second opinion on `any`: which runs of one to three word pieces occur in a window, whatever their order.

A linear model over hashed runs.  It knows phrases by heart where the network knows meanings, so the two err apart.
Rule of this file: weights are integers and so are their sums; one root and one quotient follow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUCKETS = 1 << 18
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(40)

Hashes = NDArray[np.int64]


def runs(ids: Sequence[int]) -> tuple[Hashes, Hashes, Hashes]:
    """The bucket of the run of one, two and three pieces that begins at each piece."""
    one = np.asarray(ids, np.uint64) + np.uint64(1)
    two = one[:-1] * _MIX + one[1:]
    three = two[:-1] * _MIX + one[2:] if len(one) > 2 else two[:0]
    return _bucket(one), _bucket(two), _bucket(three)


def _bucket(value: NDArray[np.uint64]) -> Hashes:
    mixed = (value ^ (value >> np.uint64(29))) * _MIX
    return ((mixed >> _SHIFT) & np.uint64(BUCKETS - 1)).astype(np.int64)


def within(found: tuple[Hashes, Hashes, Hashes], start: int, end: int) -> Hashes:
    """The buckets of the runs in pieces [start, end), each once."""
    every = np.concatenate([some[start : max(start, end - n)] for n, some in enumerate(found)])
    every.sort()
    first = np.empty(len(every), np.bool_)
    first[:1] = True
    np.not_equal(every[1:], every[:-1], out=first[1:])
    return every[first]


class Phrases:
    """Keeps nothing between calls.  `clear`: a text all of whose windows are below is harmless by its phrases alone;
    of the harmful texts of the calibration split, two in a thousand were."""

    def __init__(self, data: Mapping[str, NDArray[Any]]) -> None:
        self._weights = data["phrases.w"].astype(np.int64)
        self._scale, self._shift = float(data["phrases.scale"]), float(data["phrases.shift"])
        self.clear = float(data["phrases.clear"])

    def __call__(self, ids: Sequence[int], windows: Sequence[tuple[int, int]]) -> list[float]:
        """What to add to the logit of `any`, a number a window."""
        found = runs(ids)
        return [self._opinion(within(found, start, end)) for start, end in windows]

    def _opinion(self, buckets: Hashes) -> float:
        return int(self._weights[buckets].sum()) / float(np.sqrt(len(buckets))) * self._scale + self._shift
