"""How the tests of this room read a text: all views, one recognizer or the whole panel."""

import base64
import codecs
import random

from caveat.recognize.finding import Finding, Recognizer
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import Panel, default_panel
from caveat.wire.call import Voice

NATIONAL = default_panel(load_profile("national"))
CIVIL = default_panel(load_profile("civil"))
_SENTENCE = "the report says that figures rose in most regions while costs fell and nobody objected to the plan at all"
WORDS = _SENTENCE.split()


def found(text: str, voice: Voice = "user", panel: Panel = NATIONAL) -> dict[str, tuple[str, int]]:
    """category -> (the original's characters, per mille) of the surest finding of each."""
    best: dict[str, Finding] = {}
    for finding in panel.recognize_text(text, voice):
        if finding.category not in best or best[finding.category].per_mille < finding.per_mille:
            best[finding.category] = finding
    return {category: (text[f.start : f.end], f.per_mille) for category, f in best.items()}


def seen_by(recognizer: Recognizer, text: str, voice: Voice = "user") -> dict[str, tuple[str, int]]:
    """The same by one recognizer alone."""
    return found(text, voice, Panel([recognizer]))


def prose(size: int, seed: int = 0) -> str:
    """Harmless words, at least `size` characters of them."""
    drawn = random.Random(seed)
    pieces = [drawn.choice(WORDS) + drawn.choice([" ", " ", " ", ", ", ". "]) for _ in range(size // 3 + 1)]
    return "".join(pieces)


_CYRILLIC = str.maketrans("aeopcxi", "аеорсхі")

EVASIONS = {
    "zero-width": "\u200b".join,
    "word joiners": lambda text: text.replace("o", "o\u2060").replace("e", "e\u2060"),
    "homoglyphs": lambda text: text.translate(_CYRILLIC),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "bold letters": lambda text: "".join(chr(0x1D400 + ord(c) - 65) if "A" <= c <= "Z" else c for c in text),
    "combining marks": lambda text: "".join(c + ("\u0301" if c.isalpha() else "") for c in text),
    "tag characters": lambda text: "".join(chr(0xE0000 + ord(c)) for c in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex with spaces": lambda text: text.encode().hex(" "),
    "hex of base64": lambda text: base64.b64encode(text.encode()).hex(),
    "percent": lambda text: "".join(f"%{b:02x}" for b in text.encode()),
    "\\x escapes": lambda text: "".join(f"\\x{b:02x}" for b in text.encode()),
    "\\u escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "references": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "rot13": lambda text: codecs.encode(text, "rot13"),
}
"""Ways to write a text so that a reader of bytes does not see it."""
