"""Cutting into word pieces: likeliest, the same wherever the text was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.learned_words import MARK, UNKNOWN, Words

PIECES = [
    "<unk>",
    "<s>",
    "</s>",
    MARK,
    MARK + "un",
    MARK + "under",
    "der",
    "stand",
    MARK + "stand",
    "s",
    "t",
    "a",
    "n",
    "d",
]
SCORES = [-9000, -9000, -9000, -6000, -4000, -3000, -3500, -3000, -3000, -5000, -5000, -5000, -5000, -5000]


@pytest.fixture
def words():
    return Words(PIECES, SCORES)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("understand", [MARK + "under", "stand"]),
        ("stand", [MARK + "stand"]),
        ("undern", [MARK + "under", "n"]),
        ("sad", [MARK, "s", "a", "d"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_likeliest_cut(words, text, pieces):
    ids, _, _ = words.cut(text)
    assert [PIECES[i] for i in ids] == pieces


def test_unknown_character_is_one_unknown(words):
    assert words.cut("stand€")[0] == [PIECES.index(MARK + "stand"), UNKNOWN]


def test_spans_are_the_words(words):
    """Each piece bears the characters of its word."""
    text = "  stand understand"
    ids, starts, ends = words.cut(text)
    assert [(PIECES[i], text[s:e]) for i, s, e in zip(ids, starts, ends, strict=True)] == [
        (MARK + "stand", "stand"),
        (MARK + "under", "understand"),
        ("stand", "understand"),
    ]


@given(st.lists(st.text("unders tand€", min_size=1, max_size=12), max_size=8))
def test_words_are_cut_by_themselves(parts):
    """A text's pieces are those of its words, one after the other."""
    fresh = Words(PIECES, SCORES)
    together = fresh.cut(" ".join(parts))[0]
    assert together == [i for part in parts for i in fresh.cut(part)[0]]


def test_endless_word_costs_linear_time(words):
    """A word of a million characters is read in stretches of 48."""
    ids, starts, ends = words.cut("stand" * 200_000)
    assert max(e - s for s, e in zip(starts, ends, strict=True)) <= 48
    assert len(ids) >= 200_000
