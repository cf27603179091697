"""Runs of pieces: found in their window alone, each once, the same everywhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.learned_phrases import BUCKETS, Phrases, runs, within

PIECES = st.lists(st.integers(0, 71_354), min_size=1, max_size=60)


def test_buckets_are_fixed():
    """Weights are bound to these buckets: another hash would be another model."""
    assert [some.tolist() for some in runs([5, 9, 70_000, 5])] == GOLDEN


GOLDEN = [[85210, 142017, 215947, 85210], [94596, 182341, 240353], [260158, 4230]]


@given(PIECES, st.data())
def test_a_window_holds_what_the_cut_text_holds(ids, data):
    """The runs in pieces [start, end) are those of that stretch by itself."""
    start = data.draw(st.integers(0, len(ids) - 1))
    end = data.draw(st.integers(start + 1, len(ids)))
    stretch = ids[start:end]
    assert np.array_equal(within(runs(ids), start, end), within(runs(stretch), 0, len(stretch)))


@given(PIECES)
def test_buckets_lie_in_the_table(ids):
    every = np.concatenate(runs(ids))
    assert every.min() >= 0
    assert every.max() < BUCKETS


def test_saying_it_twice_counts_once():
    weights = np.zeros(BUCKETS, np.int16)
    weights[runs([7])[0]] = 10
    ask = Phrases(
        {
            "phrases.w": weights,
            "phrases.scale": np.array(0.5),
            "phrases.shift": np.array(-1.0),
            "phrases.clear": np.array(-6.0),
        }
    )
    assert ask([7], [(0, 1)]) == [10 * 0.5 - 1]
    assert ask([7, 7, 7], [(0, 3)]) == [10 / np.sqrt(3) * 0.5 - 1]
