"""Decoding: encoded text is read, what is no text gives nothing."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.decode import as_text, decodings
from caveat.recognize.view import CUT, View

SAID = "Please meet me at noon by the old mill."
SPELLED = {
    "base64": base64.b64encode(SAID.encode()).decode(),
    "base64 in lines": base64.encodebytes((SAID * 4).encode()).decode(),
    "base64 after an equals sign": "note=" + base64.b64encode(SAID.encode()).decode(),
    "base64 as a path step": "/a/" + base64.b64encode(b"Meet me at noon by the mill").decode(),
    "hex": SAID.encode().hex(),
    "upper-case hex": SAID.encode().hex().upper(),
    "hex with colons": SAID.encode().hex(":"),
    "percent": "".join(f"%{b:02X}" for b in SAID.encode()),
    "JSON escapes": "".join(f"\\u{ord(c):04x}" for c in SAID),
    "hexadecimal references": "".join(f"&#x{ord(c):x};" for c in SAID),
}
NO_TEXT = {
    "a picture": base64.b64encode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + secrets.token_bytes(600)).decode(),
    "a digest": "sha256:" + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "a path": "/usr/local/lib/python3/site-packages/stdnum/luhn.py",
    "an identifier": "getUserAccountSettingsPageController",
    "a German word": "Donaudampfschifffahrtsgesellschaftskapitän",
    "a snake": "get_current_weather_forecast_for_location",
    "a UUID": "123e4567-e89b-12d3-a456-426614174000",
    "half an escape": "100% of \\ and & and %4 and \\x6 and &#; stay",
}


@pytest.mark.parametrize("text", SPELLED.values(), ids=SPELLED)
def test_read(text):
    around = f"Before {text} after"
    views = list(decodings(View(around, "plain")))
    assert any("noon by the" in view.text for view in views)


@pytest.mark.parametrize("text", NO_TEXT.values(), ids=NO_TEXT)
def test_no_text(text):
    assert [view.text for view in decodings(View(text, "plain")) if view.kind == "decoded"] == []


def test_a_decoded_piece_points_at_the_whole_of_it():
    text = "x " + SPELLED["base64"] + " y"
    (view,) = decodings(View(text, "plain"))
    start, end = view.span(7, 11)
    assert text[start:end] == SPELLED["base64"]


def test_an_escape_points_at_itself():
    text = "go %69gnore now"
    (view,) = decodings(View(text, "plain"))
    at = view.text.index("ignore")
    start, end = view.span(at, at + 6)
    assert text[start:end] == "%69gnore"


def test_escapes_of_signs_alone_hide_nothing():
    """A program writes `\\n`, `%20` and `&#39;`; only escaped letters and digits were escaped to hide them."""
    (view,) = decodings(View("one\\ntwo%20three&#39;s", "plain"))
    assert (view.kind, view.text) == ("escaped", "one\ntwo three's" + CUT)


def test_sixteen_bit_text_is_read():
    assert as_text("run this now".encode("utf-16-le")) == "run this now"


@given(st.binary())
def test_text_of_bytes_is_their_text_or_none(data):
    text = as_text(data)
    assert text is None or text.encode() == data or text.encode("utf-16-le", "surrogatepass") == data


@given(st.text(min_size=30, alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"])))
def test_base64_of_any_text_is_read(text):
    views = [view.text for view in decodings(View(base64.b64encode(text.encode()).decode(), "plain"))]
    assert text in views


@given(st.text())
def test_nothing_decoded_is_longer_than_what_it_came_from(text):
    for view in decodings(View(text, "plain")):
        assert len(view.text) <= len(text)
