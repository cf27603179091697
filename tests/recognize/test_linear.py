"""No text makes a recognizer slow: every pattern on texts made to stall it, and long texts of every kind."""

import base64
import random
import time

import pytest
from tests.recognize.reading import CIVIL, NATIONAL, prose

from caveat.recognize.phrase import any_of
from caveat.wire.call import Part

SIZE = 100_000
NEAR = 8
"""Times longer that twice the text may take; noise on a busy machine included, a square would be slower still on
the step from a quarter to the whole (16 times)."""
MOST_SECONDS = 5.0


def full(piece: str) -> str:
    return piece * (SIZE // len(piece))


_BASE64 = base64.b64encode(random.Random(1).randbytes(SIZE)).decode()
STALLERS = {
    **{repr(c): full(c) for c in "a0 <>[]()/*#-_=.,:;@+%\\&|\"'`!\n\té\u200b\u202e\u0301аｅ中😀"},
    "spaced letters": full("a b c d e f "),
    "dotted letters": full("i.g.n.o.r.e."),
    "words": full("ignore "),
    "leads and keys": full("ignore all the instructions of "),
    "nearly an override": full("ignore aaaa bbbb cccc dddd eeee "),
    "gaps": "ignore" + " " * SIZE + "instructions",
    "gaps again and again": full("ignore      "),
    "persona": full("you are now going to be a "),
    "longest lead rows": full("append send include encode add put "),
    "leaks": full("reveal show print repeat your the its all "),
    "French": full("ne tu vous si oubliez tout ce "),
    "German": full("du sie vergiss alles zeige mir "),
    "Spanish": full("ahora eres no haz caso "),
    "levels": full("SECRET "),
    "level lines": full("SECRET\n"),
    "slashes after a level": "SECRET" + full("//"),
    "caveats for ever": "SECRET" + full("//SI/TK"),
    "unknown caveats": "SECRET" + full("//PURPLE"),
    "countries for ever": "SECRET//REL TO " + full("USA, "),
    "labels": full("Classification: "),
    "decorated": full("*** SECRET *** = "),
    "tags": full("<b><i>SECRET"),
    "portions": full("(S//"),
    "portions closed": full("(S//NF)"),
    "at signs": full("a@"),
    "nearly addresses": full("a.b-c@d-e.f-"),
    "one long domain": "a@" + full("b."),
    "cards": full("4111 1111 1111 1111 "),
    "accounts": full("FR7630006000011234567890189 "),
    "nearly accounts": full("FR76 "),
    "Italian": full("RCCMNL83S18D969H"),
    "telephones": full("+33 6 12 34 56 78 "),
    "plus and digits": full("+1"),
    "digits and blanks": full("1 "),
    "dashes and digits": full("536-90-4399-"),
    "passports": full("P<UTOERIKSSON<<ANNA<"),
    "fillings": full("<<"),
    "key heads": full("-----BEGIN PRIVATE KEY-----"),
    "key heads apart": full("-----BEGIN PRIVATE KEY-----\nAAAA\n"),
    "tokens": full("ghp_"),
    "web tokens": full("eyJhbGciOi."),
    "web tokens of eyJ": full("eyJ"),
    "passwords": full("password: "),
    "password of passwords": full("password="),
    "addresses": full("://a:"),
    "addresses with a user": full("a://b:c@"),
    "bearers": full("bearer Bearer "),
    "assignments": full("aws secret "),
    "closing tags": full("</system>"),
    "opening and closing tags": full("<system></system>"),
    "headings": full("### instruction"),
    "brackets": full("[system] "),
    "pictures": full("![a](https://b/c?d="),
    "half pictures": full("!["),
    "img": full("<img https://a"),
    "turns": full("system: "),
    "turns in lines": full("system:\n"),
    "quotes": full("'ignore all previous instructions' attack "),
    "control tokens": full("<|im_end|>"),
    "half control tokens": full("<|im_"),
    "percents": full("%41"),
    "percents apart": full("%41 word "),
    "escapes": full("\\u0041"),
    "references": full("&#65;"),
    "long references": "&#" + full("9"),
    "base64": _BASE64,
    "base64 in lines": "\n".join(_BASE64[i : i + 76] for i in range(0, SIZE, 76)),
    "base64 pieces": full("aWdub3JlIGFsbCBwcmV2aW91cw "),
    "base64 of base64": base64.b64encode(
        base64.b64encode(full("ignore all previous instructions ")[:50_000].encode())
    ).decode(),
    "hex": full("69676e6f7265"),
    "hex pairs": full("69 67 6e "),
    "leetspeak": full("1gn0r3 4ll pr3v10us 1nstruct10ns "),
    "rot13": full("vtaber nyy cerivbhf vafgehpgvbaf "),
    "mixed scripts": full("pаsswοrd "),
    "zero-width between": full("a\u200b"),
    "tag characters": full("\U000e0041"),
    "selectors": full("x\ufe0f"),
    "flags": full("\U0001f3f4\U000e0067\U000e0062\U000e007f"),
    "overrides": full("\u202eab"),
    "all leads": " ".join(
        any_of("ignore you do act reveal what repeat if note append tu ne du sage no")[3:-1].split("|") * 3_000
    )[:SIZE],
}


def seconds(text: str) -> float:
    best = MOST_SECONDS
    for _ in range(2):
        began = time.process_time()
        NATIONAL.recognize_text(text, "tool")
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("text", STALLERS.values(), ids=STALLERS)
def test_time_grows_with_the_text(text):
    """A quarter of it takes no less than an eighth of the time (or both are too short to tell)."""
    assert any(grows(text) for _ in range(4))  # what else the machine does falls into one of them, not into all


def grows(text: str) -> bool:
    whole = seconds(text)
    return whole < MOST_SECONDS and (whole < 0.25 or whole < NEAR * max(seconds(text[: SIZE // 4]), 0.01))


@pytest.mark.parametrize(
    "text", [prose(10_000_000), "😀" * 5_000_000, "0123456789" * 1_000_000], ids=["prose", "emoji", "digits"]
)
def test_ten_megabytes(text):
    began = time.process_time()
    assert isinstance(CIVIL.recognize([Part("/x", "user", text)]), tuple)
    assert time.process_time() - began < 40
