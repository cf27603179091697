"""The transformer in whole numbers, on small random weights: company changes nothing, and every sum is exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.recognize import learned_mini
from caveat.recognize.learned_mini import MOST, SMALL, Dense, Mini, Norm, wholes

CODES, PIECES, BLOCKS = 4, 60, 2


def _dense(chance, name, shape):
    return {
        f"{name}.w": chance.integers(-60, 60, shape).astype(np.int8),
        f"{name}.scale": np.full(shape[1], 0.0015, np.float32),
        f"{name}.bias": chance.normal(0, 0.05, shape[1]).astype(np.float32),
    }


def _norm(chance, name):
    return {
        f"{name}.gain": chance.normal(1, 0.1, 384).astype(np.float32),
        f"{name}.bias": chance.normal(0, 0.1, 384).astype(np.float32),
    }


def _data():
    chance = np.random.default_rng(11)
    x = np.arange(-12 * 128, 12 * 128 + 1) / 128
    data = {
        "mini.table": chance.integers(-127, 128, (PIECES, 384)).astype(np.int8),
        "mini.table.step": np.full(PIECES, 0.001, np.float32),
        "mini.places": chance.normal(0, 0.02, (MOST + 2, 384)).astype(np.float32),
        "mini.gelu": (x / (1 + np.exp(-1.702 * x))).astype(np.float32),
        "mini.gelu.per": np.float32(128),
        "mini.exp": np.exp(-np.arange(0, 16 * 64 + 1) / 64).astype(np.float32),
        "mini.out.w": chance.integers(-900, 900, (384, CODES)).astype(np.int16),
        "mini.out.scale": np.full(CODES, 0.001, np.float32),
        "mini.out.bias": chance.normal(size=CODES).astype(np.float32),
        "mini.out.step": np.float32(0.002),
        **_norm(chance, "mini.norm"),
    }
    for i in range(BLOCKS):
        for name, shape in {"qkv": (384, 1152), "mixed": (384, 384), "up": (384, 1536), "down": (1536, 384)}.items():
            data |= _dense(chance, f"mini.{i}.{name}", shape)
        data |= _norm(chance, f"mini.{i}.norm1") | _norm(chance, f"mini.{i}.norm2")
    return data


DATA = _data()


@pytest.fixture(scope="module")
def mini():
    return Mini(DATA)


def texts(*sizes):
    chance = np.random.default_rng(sum(sizes))
    return [chance.integers(3, PIECES, size).tolist() for size in sizes]


def test_a_row_a_text(mini):
    made = mini(texts(1, 30, 0, 400))
    assert made.shape == (4, CODES)
    assert np.isfinite(made).all()
    assert len(np.unique(made[:, 0])) == 4
    assert mini([]).shape == (0, CODES)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 120), min_size=1, max_size=8), st.integers(20, 900))
def test_company_changes_no_bit(sizes, together):
    some = texts(*sizes)
    alone = np.concatenate([Mini(DATA)([one]) for one in some])
    before, learned_mini.TOGETHER = learned_mini.TOGETHER, together
    try:
        assert np.array_equal(Mini(DATA)(some), alone)
    finally:
        learned_mini.TOGETHER = before


def test_what_lies_beyond_the_window_is_not_read(mini):
    (long,) = texts(MOST + 50)
    assert np.array_equal(mini([long]), mini([long[:MOST]]))


def test_products_are_exact_whatever_the_order(mini):
    """float32 gives what whole numbers give: so does every machine's order of adding."""
    chance = np.random.default_rng(1)
    dense = Dense(DATA, "mini.0.down")
    whole, _ = wholes(chance.normal(size=(7, 1536)).astype(np.float32) * 3)
    exact = whole.astype(np.int64) @ dense.weights.astype(np.int64)
    assert np.abs(whole).max() == SMALL
    assert np.array_equal((whole @ dense.weights).astype(np.int64), exact)
    turned = chance.permutation(1536)
    assert np.array_equal(whole[:, turned] @ dense.weights[turned], whole @ dense.weights)


def test_norm_does_not_depend_on_the_order_of_a_row():
    chance = np.random.default_rng(2)
    data = {"n.gain": np.ones(384, np.float32), "n.bias": np.zeros(384, np.float32)}
    x = chance.normal(size=(3, 384)).astype(np.float32) * 5
    turned = chance.permutation(384)
    made = Norm(data, "n")(x)
    assert np.array_equal(Norm(data, "n")(x[:, turned]), made[:, turned])
    assert np.allclose(made.mean(1), 0, atol=1e-3)
    assert np.allclose(made.std(1), 1, atol=1e-2)


def test_zero_rows_are_no_fault():
    whole, step = wholes(np.zeros((2, 5), np.float32))
    assert np.array_equal(whole, np.zeros((2, 5)))
    assert (step > 0).all()
