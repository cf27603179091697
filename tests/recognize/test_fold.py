"""Folding: what a reader sees of a text, and the way back to its characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.fold import FEW, MOST_KEPT, TABLE, fold, folded_char, strangers

FOLDED = {
    "ASCII stays": ("Ignore this!", "Ignore this!"),
    "accents fall": ("Précédente Größe niño", "Precedente Große nino"),
    "combining accents fall": ("re\u0301ve\u0301le", "revele"),
    "zero-width falls": ("se\u200bcr\u2060et\ufeff", "secret"),
    "soft hyphens fall": ("se\u00adcret", "secret"),
    "direction marks fall": ("\u202ese\u2066cret\u2069", "secret"),
    "Cyrillic imitations": ("ѕесrеt", "secret"),
    "Greek imitations": ("ΤΟΡ SΕϹRΕΤ", "TOP SECRET"),
    "full width": ("ｓｅｃｒｅｔ：４２", "secret:42"),
    "mathematical letters": ("𝐬𝐞𝐜𝐫𝐞𝐭", "secret"),
    "ligatures grow": ("ﬁle", "file"),
    "tag characters speak": ("".join(chr(0xE0000 + ord(c)) for c in "hi"), "hi"),
    "typographic quotes": ("l’été « oui » – non", 'l\'ete " oui " - non'),
    "no-break spaces": ("4111\u00a01111", "4111 1111"),
    "Russian stays in place": ("мир", "миp"),
    "Chinese stays": ("你好", "你好"),
    "Hangul stays": ("한국어", "한국어"),
    "emoji keep their picture": ("👍🏽", "👍🏽"),
    "the sign of the first pass": ("a\uffffb", "a\uffffb"),
    "half a pair": ("a\ud800b", "a\ud800b"),
}


@pytest.mark.parametrize(("text", "wanted"), FOLDED.values(), ids=FOLDED)
def test_what_is_seen(text, wanted):
    assert fold(text)[0] == wanted


@given(st.text())
def test_each_folded_character_comes_from_where_it_stood(text):
    """Folding the characters that a folded character points back to gives that character again."""
    folded, steps = fold(text)
    for at, c in enumerate(folded):
        start, end = (at, at + 1) if steps is None else steps(at, at + 1)
        assert 0 <= start < end <= len(text)
        assert c in fold(text[start:end])[0]


@given(st.text(), st.text())
def test_folding_is_character_by_character(one, two):
    assert fold(one)[0] + fold(two)[0] == fold(one + two)[0]


def test_a_text_cannot_make_the_table_grow_for_ever():
    """More different characters than it keeps fold all the same."""
    many = [chr(code) for code in range(0x3400, 0x20000) if not 0xD800 <= code < 0xE000]
    assert len(many) > MOST_KEPT
    assert fold("".join(many))[0][:3] == "㐀㐁㐂"
    assert len(TABLE) <= MOST_KEPT
    assert fold(many[-1] + "é")[0] == many[-1] + "e"


FOLDS = "aé\u0301\u200bﬁѕ你ł\uffff’\ud800😀" + "".join(chr(0x100 + i) for i in range(2 * FEW))


@given(st.text(alphabet=FOLDS))
def test_few_different_characters_fold_as_many_do(text):
    """Put in their place one after the other, or looked up one by one: the outcome is the same."""
    assert fold(text)[0] == "".join(map(folded_char, text))


@given(st.text())
def test_the_strangers_of_a_text(text):
    assert sorted(strangers(text)) == sorted({c for c in text if not c.isascii()})
