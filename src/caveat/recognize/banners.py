"""Banner lines and portion marks inside a text.

Rules of this file: a marking counts where a marking stands, and a word in a sentence is none.

    a line of its own     TOP SECRET            in capitals, or a phrase such as `for internal use only`
    after its label       Classification: Secret
    a subject             Subject: [CONFIDENTIAL] Figures
    with its slashes      SECRET//REL TO USA, AUS, GBR      anywhere, if a caveat of the profile follows
    a portion mark        (S//NF)

A word that the profile does not know, in an otherwise clear banner, counts as the caveat `unknown`.
"""

import re
from collections.abc import Iterable

from caveat.recognize.finding import Seen
from caveat.recognize.fold import fold
from caveat.recognize.markings import NOFORN, REL_TO, UNKNOWN, Marking, Profile, key
from caveat.recognize.view import View
from caveat.wire.call import Voice

HORIZON = 256
_LINE = 200
_DECOR = " \t\r\f>*_#=~|[]()<!+/.-\\"
_QUOTES = "\"'`"
_TAG = re.compile(r"<[^<>\n]{1,60}>")
_PAGE = re.compile(
    r"(?:page|seite|pagina|p\.) ?\d{1,4}(?: ?(?:of|/|von|sur|de|di) ?\d{1,4})?|\d{1,4} ?(?:of|/|von|sur) ?\d{1,4}"
)
_BULLET = re.compile(r"[ \t]*[-*+] ")
_SAYS = re.compile(r"[:=]")
_BETWEEN = re.compile(r"[ \t]{0,2}(//|/|\||[ \t][-;][ \t]|)[ \t]{0,2}")
_OTHER = re.compile(r"[a-z0-9][a-z0-9 \-]{0,40}?(?=[ \t]{0,2}(?:/|\n|\Z))")


def _spelled(name: str) -> str:
    """A pattern for a name, its words with or without a space between them."""
    return r"[ \t\-_]{0,3}".join(re.escape(word) for word in re.split(r"[ \-]+", fold(name)[0].lower()))


def _any(names: Iterable[str]) -> str:
    return "|".join(sorted({_spelled(name) for name in names}, key=len, reverse=True)) or "(?!)"


class Banners:
    """The recognizer of a profile's markings."""

    learned = False
    horizon = HORIZON

    def __init__(self, profile: Profile) -> None:
        words = profile.words
        self.profile = profile
        self.name = f"markings.{profile.name}@{words.version}"
        names = [name for level in words.levels for name in (level.title, *level.names, *level.phrases)]
        codes = {code.lower(): level for level in words.levels for code in level.portions}
        self._phrases = {key(phrase) for level in words.levels for phrase in level.phrases}
        self._level = re.compile(f"(?<![a-z0-9])(?:{_any(names)})(?![a-z0-9])")
        self._labels = {key(label) for label in words.labels}
        self._subject = re.compile(
            rf"[ \t>*_]{{0,8}}(?:{_any(words.subjects)}) ?: ?(?:(?:re|fwd|tr|aw|wg) ?: ?){{0,4}}[\[(]?"
        )
        self._caveat = re.compile(f"(?:{_any(n for c in words.caveats for n in (c.id, *c.names))})(?![a-z0-9])")
        self._prefixed = re.compile(f"(?:{_any(p for c in words.caveats for p in c.prefixes)})[a-z0-9\\-]{{1,30}}")
        self._rel = re.compile(r"rel(?: ?to)?[ :]+[a-z]{3,4}(?:(?:, ?| )[a-z]{3,4}(?![a-z]))*(?![a-z0-9])")
        self._codes = codes
        portions = "|".join(sorted(map(re.escape, codes), key=len, reverse=True)) or "(?!)"
        self._portion = re.compile(rf"\((?://)?({portions})((?:/{{1,2}}[a-z0-9 ,\-]{{1,40}}){{0,8}})\)")
        self._alone = {code.lower() for code in words.alone}
        self._roots = (
            frozenset(map(_root, names)) | {key(n).encode() for n in names} | {a.encode() for a in self._alone}
        )

    def might(self, view: View) -> bool:
        """Whether a level's word stands in it, or slashes in brackets."""
        return (
            not self._roots.isdisjoint(view.words)
            or (view.kind == "spaced")
            or ("//" in view.text and "(" in view.text)
        )

    def look(self, view: View, voice: Voice) -> list[Seen]:  # noqa: ARG002
        """One finding a level, its value the roll-up of all markings of that level."""
        if view.kind == "leet":
            return []
        found: dict[str, list[tuple[Marking, int, int]]] = {}
        for marking, start, end in (*self._banners(view), *self._portions(view)):
            found.setdefault(marking.level, []).append((marking, start, end))
        return [self._seen(level, those) for level, those in found.items()]

    def _seen(self, level: str, those: list[tuple[Marking, int, int]]) -> Seen:
        _, start, end = those[0]
        whole = self.profile.roll_up(list({marking for marking, _, _ in those}))
        return Seen(f"marking.{level}", start, end, 1000, self.profile.render(whole))

    def _banners(self, view: View) -> Iterable[tuple[Marking, int, int]]:
        done = 0
        for match in self._level.finditer(view.low):
            if match.start() < done:
                continue
            caveats, rel_to, tail, known = self._tail(view, match.end())
            if self._inline(view, match, tail, known=known) or self._line(view, match, tail):
                done = tail
                yield self._marking(match.group(), caveats, rel_to), match.start(), tail

    def _marking(self, name: str, caveats: set[str], rel_to: set[str]) -> Marking:
        level = self.profile.level_of[key(name)]
        if NOFORN in caveats:
            return Marking(level.id, tuple(sorted(caveats - {REL_TO})))
        return Marking(level.id, tuple(sorted(caveats)), self.profile.sort(rel_to))

    def _inline(self, view: View, match: re.Match[str], tail: int, *, known: bool) -> bool:
        """With its slashes and a caveat of the profile: in capitals, or closed up so that no sentence is written so."""
        if not known or "//" not in view.low[match.end() : tail]:
            return False
        return _capitals(view.text[match.start() : tail]) or view.low.startswith("//", match.end())

    def _line(self, view: View, match: re.Match[str], tail: int) -> bool:
        """A line of its own, after a label, or at the head of a subject."""
        low, start = view.low, match.start()
        begin = low.rfind("\n", max(0, start - _LINE), start) + 1
        if begin == 0 and start > _LINE:
            return False
        capitals = _capitals(view.text[start:tail])
        if self._subject.fullmatch(low, begin, start):
            return capitals and low[match.end() : match.end() + 2].lstrip()[:1] in ("]", ")", "-", ":", "|")
        before, after = _bare(low[begin:start]), _bare(_rest(low, tail))
        if before:
            label = before.rstrip(_QUOTES + _DECOR + ":")
            said = _SAYS.search(low, begin + len(label), start) is not None
            return said and key(label.strip(_QUOTES)) in self._labels and not after.strip(_QUOTES + ",;")
        if (after and not _PAGE.fullmatch(after)) or _BULLET.fullmatch(low, begin, start):
            return False
        return capitals or key(match.group()) in self._phrases

    def _tail(self, view: View, at: int) -> tuple[set[str], set[str], int, bool]:
        """The caveats after a level, the countries, where they end, and whether any is of the profile."""
        caveats: set[str] = set()
        rel_to: set[str] = set()
        known = slashed = False
        limit = at + HORIZON
        while at < limit and (sep := _BETWEEN.match(view.low, at)) and sep.end() > at:
            slashed = slashed or sep.group(1) == "//"
            caveat, countries, end = self._word(view, sep)
            if not caveat or (caveat == UNKNOWN and not slashed):
                break
            caveats.add(caveat)
            rel_to |= set(countries)
            known = known or caveat != UNKNOWN
            at = end
        return caveats, rel_to, at, known

    def _word(self, view: View, sep: re.Match[str]) -> tuple[str, tuple[str, ...], int]:
        """One caveat after a separator, its countries and where it ends; "" where none stands there."""
        low, place = view.low, sep.end()
        if word := self._rel.match(low, place):
            countries = self.profile.countries_of(word.group())
            if countries:
                return REL_TO, countries, word.end()
            return self.profile.by_prefix(word.group()) or UNKNOWN, (), word.end()
        word = self._caveat.match(low, place) or self._prefixed.match(low, place)
        if word and (sep.group(1) or _capitals(view.text[place : word.end()])):
            named = self.profile.caveat_of.get(key(word.group())) or self.profile.by_prefix(word.group())
            return named or UNKNOWN, (), word.end()
        if sep.group(1) in ("//", "/") and (word := _OTHER.match(low, place)):
            return UNKNOWN, (), word.end()
        return "", (), place

    def _portions(self, view: View) -> Iterable[tuple[Marking, int, int]]:
        if "(" not in view.text or not ("//" in view.text or any(f"({code})" in view.low for code in self._alone)):
            return
        read: dict[str, tuple[Marking | None, bool]] = {}
        for match in self._portion.finditer(view.low):
            start, end = match.span()
            text = view.text[start:end]
            if text not in read:
                read[text] = self._portion_of(view, match) if _capitals(text) else (None, False)
            marking, alone = read[text]
            if marking and (not alone or _begins_line(view.low, start)):
                yield marking, start, end

    def _portion_of(self, view: View, match: re.Match[str]) -> tuple[Marking | None, bool]:
        """What a portion mark in capitals says, None for nothing; and whether it does so at the start of a line alone."""
        caveats, rel_to, tail, known = self._tail(view, match.end(1))
        whole = known and tail == match.end() - 1
        if not whole and not (match.group(1) in self._alone and match.end(1) == match.end() - 1):
            return None, False
        return self._marking(self._codes[match.group(1)].title, caveats, rel_to), not whole


def _rest(low: str, at: int) -> str:
    """From there to the end of the line, as far as matters."""
    end = low.find("\n", at, at + _LINE)
    return low[at : end if end >= 0 else at + _LINE]


def _bare(side: str) -> str:
    """One side of a line without tags and decoration: `*** SECRET ***` has bare sides."""
    return (_TAG.sub("", side) if "<" in side else side).strip(_DECOR)


def _root(name: str) -> bytes:
    """The longest ASCII word of a name: no banner without it."""
    found: list[bytes] = re.findall(rb"[a-z0-9]+", fold(name)[0].lower().encode("ascii", "replace"))
    return max(found, key=len)


def _capitals(text: str) -> bool:
    return text.upper() == text


def _begins_line(low: str, at: int) -> bool:
    begin = low.rfind("\n", max(0, at - _LINE), at) + 1
    return (begin > 0 or at <= _LINE) and not low[begin:at].strip(" \t*-•>#")
