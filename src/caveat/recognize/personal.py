"""Personal data in exact forms: personal.<what>.

Numbers with a check digit, addresses and travel documents; names and street addresses have no exact form and are not
seen here (docs/markings.md says so).
"""

import re
from collections.abc import Iterator

from caveat.recognize.finding import Seen
from caveat.recognize.mrz import documents
from caveat.recognize.personal_forms import IBAN_LENGTHS, NUMBERS, Number, iban
from caveat.recognize.repeat import all_of
from caveat.recognize.view import View
from caveat.wire.call import Voice

HORIZON = 320
"""An address of the greatest length (RFC 5321: 64 + 1 + 255)."""
SPECIAL = frozenset({"personal.gb-nhs", "personal.de-kvnr"})
"""Those that say something about health: a special category (GDPR article 9)."""

LEAST = min(row.least for row in NUMBERS)
"""Digits in any number of the table."""
_BEFORE, _AFTER = 64, 32
"""Characters around a number within which a word for it must stand."""
_PIECE = re.compile(r"[0-9](?<![0-9A-Za-z_][0-9])" + all_of(r"[0-9]|[ .\-/][0-9]", "{8,}"))
_BARE = bytes(48 if 48 <= i <= 57 else 46 for i in range(256))
_NINE = b"0" * 9
_IBAN = b"AA00"
"""How one begins, in its shape."""
_OF_SIZE = {
    size: re.compile(rf"[0-9A-Z](?:[ \-]?[0-9A-Z]){{{size - 1}}}") for size in sorted(set(IBAN_LENGTHS.values()))
}
"""So many capitals and digits, single spaces or hyphens between them."""
_IN_WORD = (b"A", b"a", b"0")
_LOCAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-'"
_AT_DOMAIN = re.compile(
    r"@((?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.){1,8}([A-Za-z]{2,24}))(?![A-Za-z0-9\-@])"
)
_FILES = """
    png jpg jpeg gif svg webp css js ts py java go rs json yaml yml html htm xml md txt pdf
    example test invalid local localhost internal lan
"""
_NOT_TLD = frozenset(_FILES.split())
_NOT_DOMAIN = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|domain\.(?:com|tld)|email\.com|company\.com|yourdomain\.com|test\.com)$"
)
_ROLES = """
    noreply no-reply donotreply do-not-reply info support contact admin administrator postmaster webmaster sales help
    hello abuse security billing office team press kontakt user username name email mail git you your me someone example
"""
_NO_PERSON = frozenset(_ROLES.split())
_PHONE = re.compile(
    r"\+(?<![A-Za-z0-9]\+)[1-9][0-9]{0,2}[ .\-/]?(?:\(0?[0-9]{1,4}\)[ .\-/]?)?[0-9](?:[ .\-/]?[0-9]){6,12}(?![0-9A-Za-z])"
)
_US_PHONE = re.compile(r"\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[-. ][0-9]{4}(?![0-9])")
_WORD = re.compile(rb"[a-z0-9]+")


class Personal:
    """The recognizer of personal data, in any voice."""

    learned = False
    name = "personal@1"
    horizon = HORIZON

    def might(self, view: View) -> bool:
        """Whether it holds an @, the filling of a travel document, or enough digits for any number."""
        return view.exact and ("@" in view.text or view.digits >= LEAST or "<<" in view.text)

    def look(self, view: View, voice: Voice) -> list[Seen]:  # noqa: ARG002
        """Every one of them, so that it can be struck out."""
        if not view.exact:
            return []
        seen = [Seen("personal.email", start, end, 1000) for start, end in _emails(view.text)]
        seen += [Seen("personal.mrz", start, end, 1000) for start, end in documents(view.text)]
        if view.digits >= LEAST:
            seen += _phones(view.text)
            seen += [Seen("personal.iban", start, end, 1000) for start, end in _ibans(view)]
            seen += _numbers(view)
        return seen


def _emails(text: str) -> Iterator[tuple[int, int]]:
    for domain in _AT_DOMAIN.finditer(text) if "@" in text else ():
        at = domain.start()
        before = text[max(0, at - 64) : at]
        local = before[len(before.rstrip(_LOCAL)) :].lstrip(".-'")
        if local and _person(local, domain):
            yield at - len(local), domain.end()


def _person(local: str, domain: re.Match[str]) -> bool:
    """Whether it may be a person's: no role, no stand-in of RFC 2606, no file name."""
    name = domain.group(1).lower()
    tld = domain.group(2)
    named = tld.lower() not in _NOT_TLD and tld in (tld.lower(), tld.upper())
    return named and not _NOT_DOMAIN.search(name) and local.lower() not in _NO_PERSON


def _phones(text: str) -> Iterator[Seen]:
    for match in _PHONE.finditer(text) if "+" in text else ():
        number = match.group()
        digits = "".join(filter(str.isdigit, number))
        if 8 <= len(digits) <= 15 and not digits.endswith("00000") and len(set(digits)) > 2:
            spaced = len(number) > len(digits) + 1
            yield Seen("personal.phone", *match.span(), 950 if spaced else 850)
    for match in _US_PHONE.finditer(text) if "(" in text else ():
        yield Seen("personal.phone", *match.span(), 900)


def _ibans(view: View) -> Iterator[tuple[int, int]]:
    text, shape = view.text, view.shape
    start = shape.find(_IBAN)
    while start >= 0:
        size = IBAN_LENGTHS.get(text[start : start + 2], 0)
        if size and shape[start - 1 : start] not in _IN_WORD:
            account = _OF_SIZE[size].match(text, start)
            if account and not text[account.end() : account.end() + 1].isalnum() and iban(account.group()):
                yield account.span()
        start = shape.find(_IBAN, start + 1)


def _numbers(view: View) -> Iterator[Seen]:
    everywhere = [(0, len(view.text), view.digits)]
    pieces = list(_pieces(view))
    for row in NUMBERS:
        if view.digits >= row.least and (not row.near or not row.near.isdisjoint(view.words)) and _has_shape(view, row):
            for start, end, digits in pieces if row.piece else everywhere:
                if digits >= row.least:
                    yield from _of_kind(view, row, start, end)


def _pieces(view: View) -> Iterator[tuple[int, int, int]]:
    """Runs of at least nine digits, single separators between them: where they begin and end, and their digits."""
    if _NINE in view.raw.translate(_BARE, b" .-/"):
        for piece in _PIECE.finditer(view.text):
            yield *piece.span(), sum(map(str.isdigit, piece.group()))


def _has_shape(view: View, row: Number) -> bool:
    """Whether a match of that kind may stand in the view; a text beyond ASCII is searched in any case, for it may have
    other digits."""
    return not row.shape or not view.text.isascii() or row.shape in view.shape.translate(None, b" ")


def _of_kind(view: View, row: Number, start: int, end: int) -> Iterator[Seen]:
    for match in row.pattern.finditer(view.text, start, end + 2):
        if (not row.near or _near(view.low, match, row.near)) and row.valid(match.group()):
            yield Seen(f"personal.{row.what}", *match.span(), row.per_mille)


def _near(low: str, match: re.Match[str], words: frozenset[bytes]) -> bool:
    around = low[max(0, match.start() - _BEFORE) : match.start()] + " " + low[match.end() : match.end() + _AFTER]
    return not words.isdisjoint(_WORD.findall(around.encode("latin-1", "replace")))
