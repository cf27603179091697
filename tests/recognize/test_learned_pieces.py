"""WordPiece: from its beginning a word is cut into the longest pieces known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.learned_pieces import UNKNOWN, Pieces

NAMES = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "kill",
    "##ing",
    "##s",
    "the",
    "process",
    "p",
    "##y",
    "##th",
    "##on",
    "?",
    "'",
    "_",
    "1",
    "##2",
]
PIECES = Pieces(NAMES)


def cut(text):
    return [NAMES[i] for i in PIECES.cut(text)[0]]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("killing the process?", ["kill", "##ing", "the", "process", "?"]),
        ("python", ["p", "##y", "##th", "##on"]),
        ("kill_process", ["kill", "_", "process"]),
        ("kills' 12", ["kill", "##s", "'", "1", "##2"]),
        ("zebra", ["[UNK]"]),
        ("killz", ["[UNK]"]),
        ("", []),
        ("  \n\t ", []),
    ],
)
def test_cut(text, pieces):
    assert cut(text) == pieces


@given(
    st.text(st.sampled_from("kilngsthepyo?'_12 \nz"), max_size=80), st.text(st.sampled_from("kil ths?"), max_size=30)
)
def test_where_the_text_around_was_cut_does_not_matter(one, other):
    together = PIECES.cut(f"{one} {other}")
    assert together[0] == PIECES.cut(one)[0] + PIECES.cut(other)[0]


@given(st.text(max_size=300))
def test_any_text_is_cut_and_every_piece_lies_in_a_word(text):
    ids, starts, ends = PIECES.cut(text)
    assert len(ids) == len(starts) == len(ends)
    for start, end in zip(starts, ends, strict=True):
        assert 0 <= start < end <= len(text)
        assert not any(map(str.isspace, text[start:end]))


def test_a_very_long_word_is_read_as_several():
    assert PIECES.cut("z" * 100_000)[0] == [UNKNOWN] * (100_000 // 48 + 1)
