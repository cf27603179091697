"""The console's words: gettext catalogues that lie in the package, and numbers and times as people read them.

English is in the templates; locale/LANGUAGE/LC_MESSAGES/console.po holds the others (console.mo is made from it by
`script/words`).  Rules of this file: a language that has no catalogue is English; a number is never cut.
"""

from datetime import UTC, datetime
from functools import lru_cache
from gettext import NullTranslations, translation
from pathlib import Path

from markupsafe import Markup

from caveat.console.zones import zone_of
from caveat.decide.explain import best_language
from caveat.sentences.said import said

LANGUAGES = {"en": "English", "fr": "Français"}
LOCALE = Path(__file__).parent / "locale"
LONG_LINE = 96
THIN = "\u202f"


@lru_cache(maxsize=8)
def words(language: str) -> NullTranslations:
    """The catalogue of a language."""
    return translation("console", LOCALE, languages=[language], fallback=True)


def language_of(chosen: str, accepted: str) -> str:
    """What a viewer chose, else what their browser asks for, else English."""
    return chosen if chosen in LANGUAGES else best_language(accepted, "en", tuple(LANGUAGES))


def number(value: int, language: str) -> str:
    """A number with its thousands apart: `1,234,567`, `1 234 567`."""
    grouped = f"{value:,}"
    return grouped.replace(",", THIN) if language == "fr" else grouped


def when(at_ms: int) -> Markup:
    """A time as an element that a script puts into the viewer's zone; in UTC where none runs, and on hover."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), text, text)


def moment(text: str) -> Markup:
    """A time that is given as text (RFC 3339), as `when` shows it."""
    return when(int(datetime.fromisoformat(text).timestamp() * 1000))


def noted(note: str) -> str:
    """A signed note whose signatures are shortened: what signs is there, what is signed with is not."""
    lines = (line if len(line) <= LONG_LINE else f"{line[:LONG_LINE]}…" for line in note.splitlines())
    return "\n".join(lines)


def day(start_s: int, zone: str) -> Markup:
    """The day that begins then in that zone; when it begins by UTC on hover."""
    text = datetime.fromtimestamp(start_s, zone_of(zone)).strftime("%Y-%m-%d")
    utc = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}" title="{}" data-local>{}</time>').format(text, utc, text)


def ticked(sentence: str) -> Markup:
    """A sentence in which words between back-ticks stand as code."""
    pieces = sentence.split("`")
    if len(pieces) % 2 == 0:
        return Markup("{}").format(sentence)
    made = (Markup("<code>{}</code>").format(p) if i % 2 else Markup("{}").format(p) for i, p in enumerate(pieces))
    return Markup("").join(made)


def released(line: str, language: str) -> str:
    """A line of the release view: where the value stands in the viewer's language, the value itself untouched."""
    for between in (" = ", " commits to "):
        place, found, value = line.partition(between)
        if found:
            head, space, rest = place.partition(" ")
            return f"{said(head, language)}{space}{rest}{said(between, language)}{value}"
    return said(line, language)


def short(digest: str) -> str:
    """The first twelve hex digits of a digest, which the page shows whole on hover."""
    return digest.rpartition(":")[2][:12]


def middle(text: str, most: int = 28) -> str:
    """A long identifier cut in the middle: how it begins and how it ends."""
    return text if len(text) <= most else f"{text[: most - 9]}…{text[-8:]}"
