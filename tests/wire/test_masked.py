"""Masks: the same words wherever a text is cut, and nothing that cannot be placed with certainty."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.wire.masked import Mask, Unmaskable, check_arguments, masked, merged, without
from caveat.wire.reply import Frame, Said

MASKS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=5).map(
    lambda pairs: merged(Mask(start, start + length, "personal.x") for start, length in pairs)
)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abc ", min_size=0, max_size=50), MASKS, st.lists(st.integers(0, 50), max_size=6))
def test_the_pieces_of_a_text_masked_are_the_masked_text(text, masks, cuts):
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [without(text[a:b], a, masks) for a, b in pairwise(places)]
    assert "".join(pieces) == without(text, 0, masks)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abc", min_size=1, max_size=50), MASKS)
def test_of_masked_characters_none_is_left(text, masks):
    kept = "".join(c for i, c in enumerate(text) if not any(m.start <= i < m.end for m in masks))
    assert without(text, 0, masks).replace("[personal.x]", "") == kept


def test_masks_that_meet_become_one_under_the_first_label():
    made = merged([Mask(5, 9, "b"), Mask(0, 6, "a"), Mask(2, 3, "c"), Mask(9, 10, "d")])
    assert made == (Mask(0, 9, "a"), Mask(9, 10, "d"))


def frame(value, *says):
    return Frame(json.dumps(value).encode(), tuple(Said(channel, text) for channel, text in says))


def by(**masks):
    return lambda channel: masks.get(channel, ())


def test_every_other_byte_stays_as_it_came():
    raw = b'{ "a" :  "see me" , "n": 1.50, "see me": [ "see" ] }'
    made = masked(Frame(raw, (Said("t", "see me"),)), [0], by(t=(Mask(4, 6, "x"),)), {})
    assert made.raw == b'{ "a" :  "see [x]" , "n": 1.50, "see me": [ "see" ] }'
    assert made.says == (Said("t", "see [x]"),)


def test_a_frame_without_a_mask_is_the_same_object():
    one = frame({"a": "words"}, ("t", "words"))
    assert masked(one, [0], by(), {}) is one


def test_what_a_program_follows_is_not_masked_even_if_it_looks_alike():
    made = masked(frame({"id": "abc", "text": "abc"}, ("t", "abc")), [0], by(t=(Mask(0, 3, "x"),)), {})
    assert json.loads(made.raw) == {"id": "abc", "text": "[x]"}


def test_a_repetition_is_masked_too():
    made = masked(frame({"done": "all of it"}), [], by(), {"all of it": "all of [x]"})
    assert json.loads(made.raw) == {"done": "all of [x]"}


@pytest.mark.parametrize("member", ["token_ids", "bytes", "prompt_token_ids", "tokens"])
def test_words_in_numbers_cannot_be_masked(member):
    with pytest.raises(Unmaskable):
        masked(frame({"x": [{member: [1, 2]}], "t": "abc"}, ("t", "abc")), [0], by(t=(Mask(0, 3, "x"),)), {})
    assert masked(frame({"x": [{member: None}], "t": "abc"}, ("t", "abc")), [0], by(t=(Mask(0, 3, "x"),)), {})


def test_arguments_must_stay_json_where_they_were():
    check_arguments('{"a": "12"}', (Mask(7, 9, "x"),))
    check_arguments("no json 12", (Mask(8, 10, "x"),))
    with pytest.raises(Unmaskable):
        check_arguments('{"a": 12}', (Mask(6, 8, "x"),))
