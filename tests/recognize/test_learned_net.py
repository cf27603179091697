"""The network in whole numbers, on small random weights: windows and batches change nothing."""

import numpy as np
import pytest

from caveat.recognize.learned_alone import ORDERS
from caveat.recognize.learned_net import BLOCK, Net

CODES, WIDTH, PIECES = 4, 16, 50


def _layer(chance, name, shape, step=0.05):
    return {
        f"{name}.w": chance.integers(-90, 90, shape).astype(np.int8),
        f"{name}.scale": np.full(shape[1], 0.01, np.float32),
        f"{name}.bias": chance.normal(size=shape[1]).astype(np.float32),
        f"{name}.step": np.array(step, np.float32),
    }


def _norm(chance, name, size):
    return {
        f"{name}.step": np.array(0.02, np.float32),
        f"{name}.gain": chance.normal(1, 0.1, size).astype(np.float32),
        f"{name}.bias": chance.normal(0, 0.1, size).astype(np.float32),
    }


def data():
    chance = np.random.default_rng(5)
    data: dict[str, np.ndarray] = {"table": chance.integers(-127, 128, (PIECES, WIDTH)).astype(np.int8)}
    data |= _layer(chance, "wide", (WIDTH, 512), 1.0) | _layer(chance, "project", (WIDTH, 768), 1.0)
    data |= _norm(chance, "norm", 768) | _norm(chance, "features", 1280)
    for i, (order, _) in enumerate(ORDERS):
        for name in (f"first.{i}", f"second.{i}"):
            data |= _layer(chance, name, (order * 256, 256))
    for name, shape in {
        "summary": (1280, 512),
        "d0": (512, 320),
        "d1": (320, 320),
        "p1": (512, 320),
        "out": (832, CODES),
    }.items():
        data |= _layer(chance, name, shape)
    return data | {"pooled.step": np.array(0.01, np.float32), "length.step": np.array(0.01, np.float32)}


@pytest.fixture(scope="module")
def net():
    return Net(data(), range(1, PIECES, 3))


def texts(*sizes):
    chance = np.random.default_rng(sum(sizes))
    return [chance.integers(3, PIECES, size).tolist() for size in sizes]


def whole(some):
    return [[(0, len(text))] for text in some]


def test_a_row_a_window(net):
    some = texts(3, 200)
    assert net(some, [[(0, 3)], [(0, 160), (80, 200), (0, 48)]]).shape == (4, CODES)
    assert net([], []).shape == (0, CODES)


def test_company_changes_nothing(net):
    """Bit for bit: alone, together, in another order."""
    some = texts(1, 7, 64, 650, 2000)
    together = net(some, whole(some))
    alone = np.concatenate([net([text], whole([text])) for text in some])
    back = net(some[::-1], whole(some[::-1]))[::-1]
    assert np.array_equal(together, alone)
    assert np.array_equal(together, back)


@pytest.mark.parametrize("size", [8 * 79, 8 * 80, 8 * 80 + 1, 8 * 81, 3000])
def test_where_computing_was_cut_does_not_show(net, size):
    """Stretches are computed with their neighbours: a window over the seam is what reference sums say."""
    text = texts(size)[0]
    cut = net._blocks([text])[0]
    ids = np.array([1, *text, 2])
    features = net._tokens([ids.tolist()])
    edges = [0, *range(1, len(ids) - 1, BLOCK), len(ids) - 1]
    assert np.array_equal(cut, np.add.reduceat(features, edges, axis=0))


def test_which_pieces_are_kept_does_not_show(net):
    some = texts(1, 64, 700)
    for common in ((), range(PIECES)):
        assert np.array_equal(Net(data(), common)(some, whole(some)), net(some, whole(some)))


def test_pieces_matter_and_order_matters(net):
    one, two = [3, 4, 5, 6], [6, 5, 4, 3]
    logits = net([one, two, [3, 4, 5, 7]], whole([one, two, one]))
    assert not np.array_equal(logits[0], logits[1])
    assert not np.array_equal(logits[0], logits[2])
