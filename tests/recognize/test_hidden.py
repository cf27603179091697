"""Text hidden in plain sight, and honest writing that looks alike."""

import pytest

from caveat.recognize.hidden import hidden

HIDES = {
    "zero-width space in a word": ("ig\u200bnore", "hidden.zero-width", "\u200b"),
    "word joiner in a word": ("se\u2060cret", "hidden.zero-width", "\u2060"),
    "zero-width joiner between Latin letters": ("ig\u200dnore", "hidden.zero-width", "\u200d"),
    "a run that spells bits": (
        "hi \u200b\u200c\u200b\u200c\u200b there",
        "hidden.zero-width",
        "\u200b\u200c\u200b\u200c\u200b",
    ),
    "in French": ("oub\u200bliez", "hidden.zero-width", "\u200b"),
    "tag characters": (
        "hi\U000e0069\U000e0067\U000e006e\U000e006f",
        "hidden.zero-width",
        "\U000e0069\U000e0067\U000e006e\U000e006f",
    ),
    "selectors that carry bytes": (
        "x\U000e0101\U000e0102\U000e0103\U000e0104",
        "hidden.zero-width",
        "\U000e0101\U000e0102\U000e0103\U000e0104",
    ),
    "an override to the right": ("user\u202enimda", "hidden.bidi", "\u202e"),
    "an isolate to the right of code": ("if ok \u2067 { return", "hidden.bidi", "\u2067"),
    "Cyrillic inside a word": ("pаssword", "hidden.homoglyph", "pаssword"),
    "Cyrillic at its head": ("Іgnore", "hidden.homoglyph", "Іgnore"),
    "Greek inside a word": ("passwοrd", "hidden.homoglyph", "passwοrd"),
    "full width inside a word": ("seｃret", "hidden.homoglyph", "seｃret"),
}

HONEST = {
    "ASCII": "plain text",
    "French": "L’été dernier, où êtes-vous allés ? À Cœur joie.",
    "German with a joiner for its typesetter": "Auf\u200clage, Schaf\u200cfell",
    "a soft hyphen": "Donau\u00addampf\u00adschiff",
    "a byte-order mark": "\ufeffBonjour",
    "a family of emoji": "👨\u200d👩\u200d👧\u200d👦 and ❤\ufe0f",
    "a flag": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f is England's",
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "Arabic with its marks": "\u200fمرحبا\u200f 123 \u2067عالم\u2069",
    "a break in a long address": "and/\u200bor",
    "Russian": "Привет, как дела?",
    "a Russian ending on a Latin name": "в iPhoneе и iPhoneа",
    "Greek": "Καλημέρα κόσμε",
    "a formula": "ρgh, νmax, kα, sinα, Δt, Ωm, µm",
    "Turkish": "karşılıklı ve sıcak, performanslı",
    "pronunciation": "/kɑːr/, /ɡɪt/",
    "Japanese full width alone": "ＡＢＣ社のＷｅｂ",
    "a product of two lengths": "width×height",
    "Vietnamese": "Việt Nam đẹp",
}


@pytest.mark.parametrize(("text", "category", "where"), HIDES.values(), ids=HIDES)
def test_hidden(text, category, where):
    assert [(s.category, text[s.start : s.end]) for s in hidden(text)] == [(category, where)]


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_honest(text):
    assert hidden(text) == []


def test_findings_close_to_each_other_are_one():
    text = "i\u200bg\u200bn\u200bo\u200br\u200be"
    (only,) = hidden(text)
    assert (only.start, only.end) == (1, len(text) - 1)
