"""What a word piece brings before its neighbours count: half of the network's work, done once for each different piece.

The first layer of an n-gram is a sum of one product for each of its pieces, which depends on that piece alone; sums are of
whole numbers, so adding them up later changes no bit.  The commonest pieces' values are worked out when the weights are
loaded, the others' for each batch anew.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from caveat.recognize.learned_layer import SMALL, Array, Floats, Ids, Layer, Norm, rounded

ORDERS = ((2, 0), (3, 1), (5, 2))
"""N-gram length, and how many tokens of it lie to the left of its own."""
BRANCH = 256
WIDE = 512
KEPT = 4096
"""Pieces whose values are kept: nearly three quarters of what texts are made of, in 63 MB."""
_CHUNK = 256

_OWN = WIDE // BRANCH
_PRODUCTS = _OWN + len(ORDERS)
SLOTS = _PRODUCTS + sum(order for order, _ in ORDERS)
"""A piece's values, BRANCH at a time: the wide features, each order's narrowed ones, each order's products."""


class Alone:
    """The values of pieces; nothing is kept but the commonest pieces' values, from the beginning.

    wide, project, norm, first   the network's layers of those names
    """

    def __init__(self, data: Mapping[str, Array], common: Sequence[int]) -> None:
        self._table = data["table"]
        self.wide, self.project, self._norm = Layer(data, "wide"), Layer(data, "project"), Norm(data, "norm")
        self.first = [Layer(data, f"first.{i}") for i in range(len(ORDERS))]
        self._side_by_side = [
            np.concatenate(np.split(layer.weights, order), axis=1)
            for layer, (order, _) in zip(self.first, ORDERS, strict=True)
        ]
        ids = np.array(sorted(common)[:KEPT], np.int64)
        self._slot = np.full(len(self._table), -1, np.int64)
        self._slot[ids] = np.arange(len(ids))
        self._kept = np.empty((len(ids), SLOTS, BRANCH), np.float32)
        for at in range(0, len(ids), _CHUNK):
            self._kept[at : at + _CHUNK] = self._worked_out(ids[at : at + _CHUNK])

    def __call__(self, pieces: Ids) -> Floats:
        """The values of pieces, and of none as the last row: zeros.  BRANCH of them a row, SLOTS rows a piece."""
        made = np.empty((len(pieces) + 1, SLOTS, BRANCH), np.float32)
        slots = self._slot[pieces]
        known = slots >= 0
        made[:-1][known] = self._kept[slots[known]]
        if not known.all():
            made[:-1][~known] = self._worked_out(pieces[~known])
        made[-1] = 0
        return made.reshape(-1, BRANCH)

    def _worked_out(self, pieces: Ids) -> Floats:
        made = np.empty((len(pieces), SLOTS, BRANCH), np.float32)
        table = self._table[pieces].astype(np.float32)
        made[:, :_OWN] = self.wide(table).reshape(-1, _OWN, BRANCH)
        x = self._norm(self.project(table)).reshape(-1, len(ORDERS), BRANCH)
        made[:, _OWN:_PRODUCTS] = x
        at = _PRODUCTS
        for i, (order, _) in enumerate(ORDERS):
            whole = rounded(x[:, i], self.first[i].step, SMALL)
            made[:, at : at + order] = (whole @ self._side_by_side[i].astype(np.float32)).reshape(-1, order, BRANCH)
            at += order
        return made


def own(i: int) -> int:
    """The slot of an order's narrowed features."""
    return _OWN + i


def products(i: int) -> range:
    """The slots of an order's products, from its leftmost piece's."""
    before = _PRODUCTS + sum(order for order, _ in ORDERS[:i])
    return range(before, before + ORDERS[i][0])
