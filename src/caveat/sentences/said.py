"""Our own sentences in another language: found again by their shape, filled with the same words.

Rooms make sentences in English, wherever they stand: an error, a step of a verification, what a replay could not tell.
Whoever shows them to a person turns them into that person's language here, at the edge; nothing else of the house knows of
languages.  fr.po holds each sentence with `{name}` for what is put in; fr.json is made from it by `script/words`.

Rules of this file: words between back-ticks are somebody's own and stay as they are; a sentence that is in no book stays
in English, whole; the time for one grows with its length and no faster.
"""

import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import Final

from msgspec import Struct

MOST_LETTERS: Final = 4000
"""Of a sentence; what is longer stays as it is."""
LEAST_LETTERS: Final = 6
LEAST_BEGIN: Final = 4
"""Of its own that a shape must have, or begin with, to be found by them; one with fewer counts where numbers alone, or
somebody's own words, are put in."""
DEEP: Final = 4
FRENCH: Final = str.maketrans({",": "\u202f", ".": ","})
HOLE: Final = re.compile(r"\{([a-z0-9_]+)\}")
OWN: Final = re.compile(r"`[^`]*`")
HIDDEN: Final = "\ue000"
NUMBERS: Final = re.compile(r"[\d\s.,:+-]*")
EDGES: Final = re.compile(r"([ ,;]*)(.*?)(\s*)", re.DOTALL)
LANGUAGES: Final = ("en", "fr")
JOINTS: Final = {"fr": (("; ", " ; "), (": ", " : "), (", ", ", "), (" or ", " ou "), (" and ", " et "))}
"""What stands between sentences and words in a row, in English and in each language."""


class Shape(Struct, frozen=True):
    """A sentence with places to be filled.

    pieces   of the English, one more than there are places       names   of the places, in the order of the English
    says     the other language's pieces and, every second one, the name of what stands there
    """

    pieces: tuple[str, ...]
    names: tuple[str, ...]
    says: tuple[str, ...]

    @property
    def letters(self) -> int:
        """How many letters are its own."""
        return sum(letter.isalpha() for piece in self.pieces for letter in piece)

    def quotes(self, i: int) -> bool:
        """Whether the words in that place are somebody's own."""
        return self.pieces[i].endswith("`") and self.pieces[i + 1].startswith("`")

    def fits(self, filled: tuple[str, ...]) -> bool:
        """Whether enough of the sentence is its own."""
        begins = sum(map(str.isalpha, self.pieces[0])) >= LEAST_BEGIN
        if begins or self.letters >= LEAST_LETTERS or all(map(NUMBERS.fullmatch, filled)):
            return True
        return self.letters > 1 and any(map(self.quotes, range(len(filled))))

    def match(self, text: str) -> tuple[str, ...] | None:
        """What fills its places in that text; None where it is another sentence.  Each piece is taken where it comes first."""
        first, *middle, last = self.pieces
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last) or end < len(first):
            return None
        found, at = [], len(first)
        for piece in middle:
            place = text.find(piece, at, end)
            if place < 0:
                return None
            found.append(text[at:place])
            at = place + len(piece)
        return (*found, text[at:end])


class Book:
    """The sentences of one language."""

    def __init__(self, language: str, pairs: dict[str, str]) -> None:
        self._pairs = pairs
        self._joints = JOINTS[language]
        self._whole = {english: says for english, says in pairs.items() if not HOLE.search(english)}
        shapes = [_shape(english, says) for english, says in pairs.items() if HOLE.search(english)]
        self._shapes = sorted(shapes, key=lambda shape: (-shape.letters, -len(shape.names)))

    def form(self, english: str) -> str:
        """A sentence with its places still open."""
        return self._pairs.get(english, english)

    def say(self, text: str, deep: int = 0) -> str:
        """The sentence in this language; as it stands where it is in no book."""
        match = EDGES.fullmatch(text)
        before, core, after = match.groups() if match else ("", text, "")
        if not core or deep > DEEP or len(core) > MOST_LETTERS:
            return text
        return f"{before}{self._whole.get(core) or self._shaped(core, deep) or self._joined(core, deep)}{after}"

    def _shaped(self, text: str, deep: int) -> str:
        for shape in self._shapes:
            filled = shape.match(text)
            if filled is not None and shape.fits(filled):
                return self._fill(shape, filled, deep)
        return ""

    def _fill(self, shape: Shape, filled: tuple[str, ...], deep: int) -> str:
        words = {}
        for i, (name, text) in enumerate(zip(shape.names, filled, strict=True)):
            words[name] = text if shape.quotes(i) else self.say(text, deep + 1)
        return "".join(words[piece] if i % 2 else piece for i, piece in enumerate(shape.says))

    def _joined(self, text: str, deep: int) -> str:
        """Sentences one behind the other, and lists of words."""
        for english, joint in self._joints:
            parts = _apart(text, english)
            said = [self.say(part, deep + 1) for part in parts] if len(parts) > 1 else parts
            if said != parts:
                return joint.join(said)
        return text


def _apart(text: str, joint: str) -> list[str]:
    """The text in pieces at that joint, not where it stands in somebody's own words."""
    if HIDDEN in text:
        return [text]
    hidden = OWN.sub(lambda own: own[0].replace(joint, HIDDEN), text)
    return [piece.replace(HIDDEN, joint) for piece in hidden.split(joint)]


def _shape(english: str, says: str) -> Shape:
    pieces = HOLE.split(english)
    return Shape(tuple(pieces[::2]), tuple(pieces[1::2]), tuple(HOLE.split(says)))


@lru_cache(maxsize=4)
def _book(language: str) -> Book:
    return Book(language, json.loads(files("caveat.sentences").joinpath(f"{language}.json").read_bytes()))


def grouped(number: str, language: str) -> str:
    """A number with commas between its thousands, as that language writes it: `1 234,5` in French."""
    return number.translate(FRENCH) if language == "fr" else number


def phrase(form: str, language: str = "en", /, **words: str | int) -> str:
    """A sentence with places, `{name}`, in that language, filled as it is made: for who shows it at once."""
    whole = _book(language).form(form) if language in JOINTS else form
    return HOLE.sub(lambda place: str(words.get(place[1], place[0])), whole)


@lru_cache(maxsize=8192)
def said(sentence: str, language: str) -> str:
    """One of our own sentences in that language: English, or one that has a book."""
    return _book(language).say(sentence) if language in JOINTS else sentence
