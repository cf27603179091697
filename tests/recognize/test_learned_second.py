"""Which windows the second reader is asked about, and whose word they supersede."""

import numpy as np
import pytest

from caveat.recognize.learned import NARROW, WIDE, windows
from caveat.recognize.learned_second import LOOKS, WHOLE, looked_at, superseded


def every(size):
    wide, narrow = windows(size)
    return wide + narrow, len(wide)


def chances(some, peak, rest=200):
    """`rest` for every window but the one that begins and ends as `peak`."""
    return np.array([900 if window == peak else rest for window in some])


def test_a_clear_text_is_not_looked_at():
    some, wide = every(300)
    assert looked_at(np.full(len(some), 99), some, wide, 100) == []
    assert not superseded(some, []).any()


@pytest.mark.parametrize("size", [1, NARROW[0], NARROW[0] + 1, WHOLE])
def test_a_short_text_is_looked_at_whole_and_nothing_else_of_it_counts(size):
    some, wide = every(size)
    assert looked_at(np.full(len(some), 100), some, wide, 100) == [0]
    assert superseded(some, [0]).all()


@pytest.mark.parametrize("size", [WHOLE + 1, WIDE[0], WIDE[0] + 1, 512, 5000])
def test_of_a_longer_text_only_few_narrow_windows_are(size):
    """So its time is bounded, however long it is."""
    some, wide = every(size)
    looked = looked_at(np.full(len(some), 800), some, wide, 100)
    assert looked == list(range(wide, wide + LOOKS))
    assert all(end - start <= NARROW[0] for start, end in (some[i] for i in looked))


def test_the_likeliest_narrow_window_is_looked_at():
    some, wide = every(512)
    peak = (NARROW[1] * 9, NARROW[1] * 9 + NARROW[0])
    assert some.index(peak) in looked_at(chances(some, peak), some, wide, 100)


def test_only_windows_that_share_half_their_words_are_superseded():
    """What stands elsewhere in the text keeps the first reader's word: a harmless alarm hides nothing behind it."""
    some, wide = every(512)
    at = wide + 9
    start, end = some[at]
    made = superseded(some, [at])
    for gone, (first, last) in zip(made, some, strict=True):
        shared = min(end, last) - max(start, first)
        assert gone == (2 * shared >= min(end - start, last - first))
    assert made[at]
    assert not made[wide:][: 9 - 1].any()
    assert sum(~made[:wide]) >= wide - 3
