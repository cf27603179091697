"""Evaded copies: the same request, written so that a filter trips and a reader does not."""

import base64
import codecs
import random

GREEK = str.maketrans("aoeicpxyAEHOPTXBKM", "аоеісрхуАЕНОРТХВКМ")  # Cyrillic look-alikes
LEET = str.maketrans("aeiost", "4310$7")
_ZERO = "\u200b"


def zero_width(text: str) -> str:
    """A zero-width space inside each word."""
    return " ".join(w[: len(w) // 2] + _ZERO + w[len(w) // 2 :] for w in text.split(" "))


def homoglyph(text: str) -> str:
    return text.translate(GREEK)


def leet(text: str) -> str:
    return text.translate(LEET)


def spaced(text: str) -> str:
    return "  ".join(" ".join(word) for word in text.split())


def in_base64(text: str) -> str:
    return "Read this: " + base64.b64encode(text.encode()).decode()


def in_hex(text: str) -> str:
    return "Read this: " + text.encode().hex()


def rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def capitals(text: str) -> str:
    return text.upper()


def typos(text: str) -> str:
    """Two neighbours swapped in every third longer word, from a fixed seed."""
    chance = random.Random(text)
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) > 4 and chance.random() < 0.34:
            at = chance.randrange(1, len(word) - 2)
            words[i] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def buried(text: str) -> str:
    """Between two harmless paragraphs."""
    before = "The library opens at nine and closes at six. Reading cards are free for pupils and cost ten euros a year for others. "
    after = " On Thursdays there is a story hour for small children, and the café serves soup until two."
    return before * 4 + text + after * 4


WAYS = {f.__name__: f for f in (zero_width, homoglyph, leet, spaced, in_base64, in_hex, rot13, capitals, typos, buried)}
