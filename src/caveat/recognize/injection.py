"""Prompt injection by its shapes: phrases_*.py and forged.py, graded by who speaks and how.

Someone who asks about injection quotes it, reports it or describes it; such a phrase keeps a low grade, so that it
shows and does not trip a threshold of 500.  A shape is no proof: terms should not rest on this alone.
"""

import re
from collections.abc import Iterator
from functools import cache

from caveat.recognize.finding import Seen
from caveat.recognize.forged import SHAPES
from caveat.recognize.phrase import ABOUT, Row, grade
from caveat.recognize.phrases_en import ENGLISH
from caveat.recognize.phrases_eu import FRENCH, GERMAN, SPANISH
from caveat.recognize.view import View
from caveat.wire.call import Voice

HORIZON = 480
"""Characters: the widest phrase, gaps and other words included (tests hold every pattern to it)."""
REPORTED = 250
"""Per mille of a phrase that is quoted, reported or described."""
_NEAR = 160
_GAP = r"(?:[\W_]{1,6})"
_NO_GAP = r"(?:[\W_]{0,4})"
_WORD = r"[^\W_]{1,16}"
_OPENED = re.compile("(?<![^\\W_])([\"'`]) ?$")
_INFINITIVE = re.compile(r"(?<!you )(?<!us to )(?<![^\W_])(?:to|will|would|can|could|might|de|d'|zu|que)[ ]$")
_OWN = re.compile(r"(?<![^\W_])(?:my|mon|ma|mes|mein|meine|meinen|mi|mis)(?![^\W_])")
_THEIR = re.compile(r"(?<![^\W_])(?:its|their|his|her|model's|ses|leurs?|seine|ihre|su)(?![^\W_])")
_LETTERS = re.compile(rb"[a-z0-9]+")

ROWS = (*ENGLISH, *FRENCH, *GERMAN, *SPANISH)
_BY_LEAD: dict[bytes, list[tuple[str, Row]]] = {}
for _row in ROWS:
    for _lead in _row.leads:
        _BY_LEAD.setdefault(_lead.encode(), []).append((_lead, _row))
_LEADS = frozenset(_BY_LEAD)
_WORD_SHAPES = tuple((shape.sign.encode(), shape) for shape in SHAPES if shape.sign.isalpha())
_SIGN_SHAPES = tuple(shape for shape in SHAPES if not shape.sign.isalpha())
_SIGN_STARTS = tuple(sorted({shape.sign[0] for shape in _SIGN_SHAPES}))
_ALONE = _LEADS | {sign for sign, _ in _WORD_SHAPES}


@cache
def compiled(lead: str, tail: str, *, spaced: bool) -> re.Pattern[str]:
    """A row's pattern for one lead; `spaced` reads words that were drawn together, so gaps may be missing.

    It begins with the lead itself, which the engine finds fast; the look-behind keeps it to whole words.
    """
    gap = _NO_GAP if spaced else _GAP
    other = r"[^\n]{0,24}?" if spaced else None
    tail = re.sub(r"@(\d)", lambda m: other or f"~(?:{_WORD}~){{0,{m.group(1)}}}?", tail).replace("~", gap)
    return re.compile(f"{lead}(?<![^\\W_]{lead}){tail}" if not spaced else lead + tail)


class Injection:
    """The recognizer of prompt-injection shapes: x_inj."""

    learned = False
    name = "injection@1"
    horizon = HORIZON

    def might(self, view: View) -> bool:
        """Whether a phrase's first word or a shape's sign stands in it."""
        return view.kind == "spaced" or not _ALONE.isdisjoint(view.words) or any(c in view.text for c in _SIGN_STARTS)

    def look(self, view: View, voice: Voice) -> list[Seen]:
        """Phrases and shapes, the highest grade where several overlap."""
        seen = [*self._phrases(view, voice), *self._shapes(view, voice)]
        return [s for s in seen if s.per_mille > 0]

    def _phrases(self, view: View, voice: Voice) -> Iterator[Seen]:
        spaced = view.kind == "spaced"
        for word in _LEADS if spaced else _LEADS & view.words:
            for lead, row in _BY_LEAD[word]:
                if not spaced and row.keys.isdisjoint(view.words):
                    continue
                for match in compiled(lead, row.tail, spaced=spaced).finditer(view.low):
                    full = grade(row, voice)
                    per_mille = min(full, REPORTED) if _reported(view.low, match) else full
                    yield Seen("x_inj", match.start(), match.end(), per_mille)

    def _shapes(self, view: View, voice: Voice) -> Iterator[Seen]:
        if view.kind == "spaced":
            return
        shapes = [shape for sign, shape in _WORD_SHAPES if sign in view.words]
        if any(c in view.text for c in _SIGN_STARTS):
            shapes += [shape for shape in _SIGN_SHAPES if shape.sign in view.low]
        for shape in shapes:
            full = shape.told if voice in ("tool", "definition", "field") else shape.asked
            full = full // 3 if voice == "system" else full
            for match in shape.pattern.finditer(view.low):
                if not shape.honest(view.low, match):
                    yield Seen(
                        "x_inj", match.start(), match.end(), min(full, REPORTED) if _quoted(view.low, match) else full
                    )


def _reported(low: str, match: re.Match[str]) -> bool:
    """Whether the phrase is quoted or told of, not said: in quotation marks or after `to`, near a word of those who
    speak about injection; or about a third person's orders; or about the speaker's own earlier ones."""
    if _OWN.search(match.group()):
        return True
    if _quoted(low, match):
        return True
    before = low[max(0, match.start() - 12) : match.start()]
    told_of = _INFINITIVE.search(before) is not None or _THEIR.search(match.group()) is not None
    return told_of and _speaks_about(low, match)


def _quoted(low: str, match: re.Match[str]) -> bool:
    """Whether a quotation mark opens right before it and closes behind it, near a word of those who speak about it."""
    opened = _OPENED.search(low, max(0, match.start() - 3), match.start())
    return (
        opened is not None and opened.group(1) in low[match.end() : match.end() + _NEAR] and _speaks_about(low, match)
    )


def _speaks_about(low: str, match: re.Match[str]) -> bool:
    around = low[max(0, match.start() - _NEAR) : match.start()] + " " + low[match.end() : match.end() + _NEAR]
    words = _LETTERS.findall(around.encode("latin-1", "replace"))
    return any(word.decode() in ABOUT for word in words)
