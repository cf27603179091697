"""Which language a text is in, well enough to say whether the learned recognizer was measured on it.

Rules of this file: scripts are counted by letters, languages of the Latin script by their commonest words.  A text of
fewer than MIN_LETTERS letters is too short to tell and counts as covered; one without words of any language that we
know of (code, names, a list of numbers) is `und`, and is uncovered only where it runs like prose.
"""

import re
from collections import Counter

from msgspec import Struct

COVERED = ("en", "fr", "de", "es")
"""Languages that the recognizer was measured in (docs/recognizer.md)."""

MIN_LETTERS = 16
CHUNK = 1_200
"""Characters that are judged together: a paragraph in another language shows even in a long text."""

_STOP = {
    "en": "the a of to and in is you that it for on with as are this be how what i my can do me we write from or your please not have",
    "fr": "le la les de des du un une et est que qui dans pour pas vous je ce il sur en avec au aux comment mon sont par plus ne se",
    "de": "der die das und ist nicht ich ein eine zu den mit von dem auf fur wie im sie es des sich auch bitte einen wir oder was mir am",
    "es": "el la los las de que y en un una es por para con no se del como lo al mi su mas este si me sin sobre",
    "it": "il lo gli di che e un una per non sono con del della dei come mi si ho alla piu nel questo anche da ci delle",
    "pt": "o os as de que e um uma para nao com do da dos em por se mais como no na eu voce seu ao pelo foi uma isso",
    "nl": "de het een en van ik dat niet is op te met voor zijn hoe je er aan wat die bij ook naar maar mijn",
    "pl": "i w nie na do to ze jest sie z co jak mi o dla po za czy przez ale od moje",
    "tr": "ve bir bu icin ne da de ile nasil mi ben cok olarak en daha kadar gibi var olan",
    "vi": "la cua va cac cho co mot khong duoc nguoi de trong lam the nao toi nhung voi nay",
    "sw": "ya na wa kwa ni katika za la kama hii yake ana ngapi kila wake alikuwa baada pia",
    "id": "yang dan di untuk dengan ini itu dari tidak adalah saya apa bagaimana pada ke akan dalam bisa",
    "sv": "och att det som en pa ar av for med den till inte om ett har jag hur",
    "ro": "si in de la cu este un o pe nu ca din pentru care mai sa cum",
    "fi": "ja on ei se etta han oli mita miten kuin olen ovat mutta tai voi",
    "cs": "a je se na to v ze s z jak pro jsem ale co by ktery",
    "hu": "a az es hogy nem is egy van meg mit hogyan de ez",
}
_WORDS: dict[str, tuple[str, ...]] = {}
for _lang, _said in _STOP.items():
    for _word in _said.split():
        _WORDS[_word] = (*_WORDS.get(_word, ()), _lang)
_COVERED_WORDS = frozenset(word for word, langs in _WORDS.items() if not set(langs).isdisjoint(COVERED))

_SCRIPTS = (
    ("ru", 0x0400, 0x052F),
    ("el", 0x0370, 0x03FF),
    ("he", 0x0590, 0x05FF),
    ("ar", 0x0600, 0x06FF),
    ("hi", 0x0900, 0x097F),
    ("bn", 0x0980, 0x09FF),
    ("te", 0x0C00, 0x0C7F),
    ("th", 0x0E00, 0x0E7F),
    ("ko", 0xAC00, 0xD7AF),
    ("ja", 0x3040, 0x30FF),
    ("zh", 0x3400, 0x9FFF),
)
_FOREIGN_RUN = re.compile(
    r"(?:\b[a-z\u00c0-\u024f]*+[^\W\d_\u0000-\u024f][^\W\d_]*+\W{0,3}+){3,}|[^\W\d_\u0000-\u024f]{8,}"
)
"""Three words in a row with letters of another script (folding has made some of them Latin), or eight such letters."""
_SHORTEST_RUN = 12
_LATIN_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


class Language(Struct, frozen=True):
    """The likeliest language ("und": none), and whether the recognizer was measured on what the text is in."""

    code: str
    covered: bool


def language_of(low: str) -> Language:
    """The language of a text's beginning; `low` is folded and in lower case."""
    return _language(low[: 3 * CHUNK])


def uncovered(low: str) -> list[tuple[int, int]]:
    """Characters [start, end) that are in no covered language: whole chunks, and runs of another script in the rest."""
    found = []
    for at in range(0, len(low), CHUNK):
        chunk = low[at : at + CHUNK]
        if not _language(chunk).covered:
            found.append((at, at + len(chunk)))
        elif not chunk.isascii():
            found += [
                (at + run.start(), at + run.end())
                for run in _FOREIGN_RUN.finditer(chunk)
                if len(run.group()) >= _SHORTEST_RUN
            ]
    return found


def _language(text: str) -> Language:
    letters = sum(map(str.isalpha, text))
    if _foreign(text, letters):
        return Language(_script(text), covered=False)
    if letters < MIN_LETTERS:
        return Language("und", covered=True)
    return _latin(_LATIN_WORD.findall(text))


def _foreign(text: str, letters: int) -> bool:
    """Whether a quarter of the letters, and more than two, are of another script than Latin."""
    if text.isascii():
        return False
    return sum(1 for c in text if ord(c) > 0x24F and c.isalpha()) > max(2, letters // 4)


def _script(text: str) -> str:
    counts: Counter[str] = Counter()
    for c in text:
        code = ord(c)
        if code > 0x36F:
            counts.update(name for name, low, high in _SCRIPTS if low <= code <= high)
    if counts["ja"] and counts["zh"]:
        return "ja"
    return counts.most_common(1)[0][0] if counts else "und"


def _latin(words: list[str]) -> Language:
    hits: Counter[str] = Counter()
    for word, times in Counter(words).items():
        for lang in _WORDS.get(word, ()):
            hits[lang] += times
    best, most = hits.most_common(1)[0] if hits else ("und", 0)
    ours = max(COVERED, key=lambda code: hits[code])
    if len(words) < 6:
        return Language(ours if hits[ours] else "und", covered=True)
    if hits[ours] * 4 >= most * 3 and hits[ours] * 12 >= len(words):
        return Language(ours, covered=True)
    if most > 2 and most * 6 >= len(words) and hits[ours] * 3 < most * 2:
        return Language(best, covered=False)
    return Language(ours if hits[ours] else "und", covered=bool(hits[ours]) or not _prose(words))


def _prose(words: list[str]) -> bool:
    """Whether the words look like sentences of some language rather than code, names or noise."""
    return (
        len(words) >= 12 and len(set(words)) * 5 >= len(words) * 3 and sum(len(w) <= 3 for w in words) * 8 >= len(words)
    )


def stop_share(low: str) -> int:
    """Common words of the covered languages, per mille of all words."""
    words = _LATIN_WORD.findall(low[: 3 * CHUNK])
    known = sum(map(_COVERED_WORDS.__contains__, words))
    return known * 1000 // len(words) if words else 0
