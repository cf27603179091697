"""Windows: every place is read whole, however a stream is cut."""

from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.window import behind, evaluations, may_leave, windows


@given(st.integers(0, 3_000), st.integers(1, 200), st.data())
def test_every_run_no_longer_than_the_overlap_lies_whole_in_a_window(length, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    cut = list(windows(length, size, overlap))
    assert cut[0][0] == 0
    assert cut[-1][1] == length
    assert all(end - start <= size for start, end in cut)
    run = data.draw(st.integers(0, min(overlap, length)))
    at = data.draw(st.integers(0, length - run))
    assert any(start <= at and at + run <= end for start, end in cut)


@given(st.lists(st.integers(0, 700)), st.integers(1, 300))
def test_the_offsets_do_not_depend_on_the_cuts(pieces, stride):
    length = 0
    reached: list[int] = []
    for piece in pieces:
        reached += evaluations(length, length + piece, stride)
        length += piece
    assert reached == list(range(stride, length + 1, stride))


def test_what_an_evaluation_reads_and_lets_leave():
    assert behind(1_000, 2_048) == (0, 1_000)
    assert behind(4_096, 2_048) == (2_048, 4_096)
    assert may_leave(256, 512) == 0
    assert may_leave(1_024, 512) == 512
