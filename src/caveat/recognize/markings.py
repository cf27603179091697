"""Markings: classification level and handling caveats, as values of a profile.

The shape is STANAG 4774's (a level of a policy; categories that restrict, permit or inform); the words are data of the
profile (data/markings-*.json), never code.  In one profile all levels, civil and national, lie in one space of ranks.

Rolling up: the highest level, every caveat of all, the countries common to all REL TO lists; none in common, or any
NOFORN, is NOFORN.  An informative caveat rolls up like a restrictive one: it is only ever added.
"""

import re
from functools import cache
from importlib import resources
from typing import Literal

import msgspec
from msgspec import Struct

from caveat.errors import BadInput
from caveat.recognize.fold import fold

UNKNOWN = "unknown"
"""The caveat that stands for a word of a clear banner that the profile does not know."""
NOFORN = "NOFORN"
REL_TO = "REL TO"
_MOST_SHOWN = 80


class Level(Struct, frozen=True):
    """A classification level.

    rank       0 <= rank <= 15, higher is stricter
    title      the word that banners are written with
    names      words that count as a banner in capitals;  phrases: those that count in any case, a line of their own
    portions   codes of portion marks, as in `(S//NF)`
    """

    id: str
    rank: int
    title: str
    policy: str
    names: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    portions: tuple[str, ...] = ()


class Caveat(Struct, frozen=True):
    """A handling caveat; `id` is the word in facts and banners.  A word that begins with one of `prefixes` is it too."""

    id: str
    kind: Literal["restrictive", "permissive", "informative"]
    says: str
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


class Marking(Struct, frozen=True):
    """A level and its caveats (ids, sorted); `rel_to` are countries, empty where REL TO is not among the caveats."""

    level: str
    caveats: tuple[str, ...] = ()
    rel_to: tuple[str, ...] = ()


class Words(Struct, frozen=True):
    """A profile's data.  labels: what may stand before a level on its line; alone: portion codes that count with no
    caveat, at the start of a line; groups: words for several countries; home: the country that REL TO lists first."""

    name: str
    version: int
    sources: tuple[str, ...]
    labels: tuple[str, ...]
    subjects: tuple[str, ...]
    levels: tuple[Level, ...]
    caveats: tuple[Caveat, ...]
    groups: dict[str, str]
    countries: str
    home: str
    alone: tuple[str, ...]


_SEPARATORS = re.compile(r"[\s\-_.:]+")


def key(words: str) -> str:
    """One spelling for `TOP SECRET`, `Top-Secret` and `TOPSECRET`."""
    return _SEPARATORS.sub("", fold(words)[0].lower())


class Profile:
    """A marking profile: what levels and caveats there are, how they are written, how they add up."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.name = words.name
        self.levels = words.levels
        self.caveats = tuple(sorted({c.id for c in words.caveats} | {UNKNOWN}))
        self._levels = {level.id: level for level in words.levels}
        self._place = {level.id: i for i, level in enumerate(words.levels)}
        self._order = {c.id: i for i, c in enumerate(words.caveats)}
        self.level_of = {
            key(name): level for level in words.levels for name in (level.id, level.title, *level.names, *level.phrases)
        }
        self.caveat_of = {key(name): c.id for c in words.caveats for name in (c.id, *c.names)} | {UNKNOWN: UNKNOWN}
        self.countries = frozenset(words.countries.split())

    def rank(self, level: str) -> int:
        """The rank of a level's id, 0..15.  Raises BadInput for a level that the profile does not have."""
        if level not in self._levels:
            raise BadInput(f"expected a level of the marking profile `{self.name}`, got `{level[:_MOST_SHOWN]}`")
        return self._levels[level].rank

    def lowest(self) -> Marking:
        """The marking of what bears none."""
        return Marking(min(self.levels, key=lambda level: level.rank).id)

    def parse(self, text: str) -> Marking:
        """The marking that a header or a finding's value spells: `SECRET//SI//REL TO USA, GBR`, or a level's id.

        Raises BadInput where any word is unknown to the profile or NOFORN stands beside REL TO.
        """
        first, *rest = [segment.strip() for segment in text[: 16 * _MOST_SHOWN].split("//")]
        level = self.level_of.get(key(first))
        if level is None:
            hint = "levels: " + ", ".join(known.id for known in self.levels)
            raise BadInput(f"expected a level of `{self.name}`, got `{first[:_MOST_SHOWN]}`", hint=hint)
        caveats: set[str] = set()
        rel_to: tuple[str, ...] = ()
        for segment in rest:
            if (countries := self.countries_of(segment)) is not None:
                rel_to = countries
                caveats.add(REL_TO)
            else:
                caveats.update(map(self._caveat, segment.split("/")))
        if {NOFORN, REL_TO} <= caveats:
            raise BadInput("expected NOFORN or REL TO, got both", hint="a marking with NOFORN has no countries")
        return Marking(level.id, tuple(sorted(caveats)), rel_to)

    def _caveat(self, word: str) -> str:
        found = self.caveat_of.get(key(word)) or self.by_prefix(word)
        if found is None:
            raise BadInput(f"expected a caveat of the marking profile `{self.name}`, got `{word[:_MOST_SHOWN]}`")
        return found

    def by_prefix(self, word: str) -> str | None:
        """The caveat whose prefix the word has: `SAR-BUTTER` is SAR."""
        upper = word.strip().upper()
        return next((c.id for c in self.words.caveats if any(upper.startswith(p) for p in c.prefixes)), None)

    def countries_of(self, segment: str) -> tuple[str, ...] | None:
        """The countries of `REL TO USA, GBR`, groups spelled out; None for another segment or an unknown country."""
        match = re.fullmatch(r"REL(?: ?TO)?[ :]+([A-Z]{2,4}(?:(?:, ?| )[A-Z]{2,4})*)", segment.strip().upper())
        if match is None or REL_TO not in self._order:
            return None
        named = re.findall("[A-Z]{2,4}", match.group(1))
        if not all(word in self.countries or word in self.words.groups for word in named):
            return None
        return self.sort({c for word in named for c in self.words.groups.get(word, word).split()})

    def sort(self, countries: set[str]) -> tuple[str, ...]:
        """Home first, the others in alphabetical order."""
        return tuple(sorted(countries, key=lambda c: (c != self.words.home, c)))

    def roll_up(self, markings: list[Marking]) -> Marking:
        """The marking of a whole whose pieces bear these; the lowest level where there are none."""
        if not markings:
            return self.lowest()
        level = max((m.level for m in markings), key=lambda name: (self.rank(name), -self._place[name]))
        caveats = {c for m in markings for c in m.caveats}
        listed = [set(m.rel_to) for m in markings if REL_TO in m.caveats]
        common = set.intersection(*listed) if listed else set()
        if listed and (not common or NOFORN in caveats):
            caveats = caveats - {REL_TO} | {NOFORN}
            common = set()
        return Marking(level, tuple(sorted(caveats)), self.sort(common))

    def render(self, marking: Marking) -> str:
        """The canonical banner, of the profile's own words only; `parse` reads it back."""
        order = sorted(marking.caveats, key=lambda c: self._order.get(c, len(self._order)))
        named = [f"REL TO {', '.join(marking.rel_to)}" if c == REL_TO else c for c in order]
        return "//".join([self._levels[marking.level].title, *named])


@cache
def load_profile(name: str) -> Profile:
    """The marking profile of that name, `civil` or `national`.  Raises BadInput for another."""
    if name not in PROFILES:
        raise BadInput(f"expected a marking profile, got `{name[:_MOST_SHOWN]}`", hint=f"one of {', '.join(PROFILES)}")
    data = resources.files("caveat.recognize").joinpath(f"data/markings-{name}.json").read_bytes()
    return Profile(msgspec.json.decode(data, type=Words))


PROFILES = ("civil", "national")
