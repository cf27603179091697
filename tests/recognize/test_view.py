"""Views: shapes, words, and the ways back."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.recognize.reading import prose

from caveat.recognize.view import Steps, View, lower, neighbourhoods, through, whole


@given(st.text())
def test_lower_case_keeps_every_character_in_its_place(text):
    low = lower(text)
    assert len(low) == len(text)
    assert all(c.lower() in (d, c.lower()) for c, d in zip(text, low, strict=True))


@given(st.text())
def test_there_is_one_byte_a_character(text):
    assert len(View(text, "plain").raw) == len(text)


def test_words_are_runs_of_letters_and_digits():
    assert View("Top_Secret, it's 42!", "plain").words == {b"top", b"secret", b"it", b"s", b"42"}


def test_words_of_a_long_text_are_all_there():
    """Also those on the edge of what is read at once."""
    text = prose(65_530) + "boundaryword " + prose(1_000)
    assert b"boundaryword" in View(text, "plain").words


def test_runs_are_what_keys_are_made_of():
    assert View("see abc and ghp_0123456789abcdef now", "plain").runs == "ghp_0123456789abcdef"


def test_steps_lead_back():
    steps = Steps(10)
    steps.step(0, 2)
    steps.step(3, 7)
    assert steps(0, 3) == (2, 7)
    assert steps(3, 5) == (7, 9)
    assert through(whole(1, 4), steps)(0, 9) == steps(1, 4)


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 40)), max_size=20))
def test_neighbourhoods_hold_every_place_and_do_not_overlap(drawn):
    text = prose(6_000)
    places = sorted((start, start + size) for start, size in drawn)
    stretches = list(neighbourhoods(text, places))
    assert all(any(low <= start and end <= high for low, high in stretches) for start, end in places)
    assert all(one[1] <= two[0] for one, two in pairwise(stretches))
