"""Normalising: bounded, total, and nothing at all for plain text."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from tests.recognize.reading import prose

from caveat.recognize.normalise import MOST, Look


def test_plain_text_has_one_view_and_nothing_hidden():
    look = Look(prose(2_000))
    assert (look.others, look.hidden, look.unread) == ([], [], False)


def test_two_layers_are_read_and_no_third():
    once = base64.b64encode(b"this is what was said below").decode()
    twice = base64.b64encode(once.encode()).decode()
    thrice = base64.b64encode(twice.encode()).decode()
    texts = [view.text for view in Look(thrice).others]
    assert (twice in texts, once in texts, "this is what was said below" in texts) == (True, True, False)


def test_what_does_not_fit_the_bound_is_said():
    """Escapes within escapes, all of it in rot13 besides: more views than the bound lets read."""
    text = (prose(150) + "vtaber %2541 ") * 20
    look = Look(text)
    assert look.unread
    assert sum(len(view.text) for view in look.others) <= MOST * len(text) + 256


@given(st.text())
def test_decoded_views_are_bounded_and_point_into_the_text(text):
    look = Look(text)
    decoded = [view for view in look.others if view.kind in ("decoded", "escaped")]
    assert sum(len(view.text) for view in decoded) <= MOST * len(text) + 256
    for view in look.views:
        for at in range(len(view.text)):
            start, end = view.span(at, at + 1)
            assert 0 <= start <= end <= len(text)
