"""Numbers that name a person, as a table: form, check digit, and the words that stand near.

Precision first.  A row with no `near` has a form, or a form and a check, that hardly anything else has; every other
needs both its check and one of its words within reach.  Checks are python-stdnum's, where it has them.
"""

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from stdnum import luhn
from stdnum.be import nn as be_nn
from stdnum.ch import ssn as ch_ssn
from stdnum.de import idnr as de_idnr
from stdnum.es import dni as es_dni
from stdnum.es import nie as es_nie
from stdnum.fr import nir as fr_nir
from stdnum.gb import nhs as gb_nhs
from stdnum.it import codicefiscale as it_cf
from stdnum.nl import bsn as nl_bsn
from stdnum.pl import pesel as pl_pesel
from stdnum.us import ssn as us_ssn


class Number(Struct, frozen=True):
    """One kind of number.

    least    digits that any match holds, so that a text with fewer is not searched
    piece    whether a match is digits and separators only, so that only such pieces are searched
    shape    what any match in ASCII has in its shape (view.py) without spaces, so that a text without it is not searched
    near     words, one of which must stand within reach; none needed where empty
    """

    what: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]
    near: frozenset[bytes] = frozenset()
    least: int = 9
    piece: bool = True
    shape: bytes = b""
    per_mille: int = 1000


_IBAN = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28
    EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27
    JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18
    NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28
    TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN.split()}
"""Characters of an IBAN by country: SWIFT IBAN registry, release 99."""
_AS_DIGITS = {ord(c): str(i) for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_CARD = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}"
)
_KVNR_WEIGHTS = (1, 2, 1, 2, 1, 2, 1, 2, 1, 2)


def bare(text: str) -> str:
    """Without separators."""
    return re.sub(r"[ .\-/]", "", text)


def card(text: str) -> bool:
    """An issuer's prefix and length (ISO/IEC 7812), the Luhn digit, and not one digit over and over."""
    number = bare(text)
    return bool(_CARD.fullmatch(number)) and len(set(number)) > 1 and bool(luhn.is_valid(number))


def iban(text: str) -> bool:
    """The country's length and the remainder 1 modulo 97 (ISO 13616)."""
    number = bare(text)
    return (
        IBAN_LENGTHS.get(number[:2]) == len(number) and int((number[4:] + number[:4]).translate(_AS_DIGITS)) % 97 == 1
    )


def ssn(text: str) -> bool:
    """The areas, groups and serials that were ever given (rules of the US Social Security Administration)."""
    number = bare(text)
    return len(set(number)) > 1 and number != "123456789" and bool(us_ssn.is_valid(number))


def nino(text: str) -> bool:
    """The prefixes that HMRC gives (National Insurance Manual NIM39110)."""
    prefix = bare(text)[:2]
    return (
        prefix not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}
        and prefix[0] not in "DFIQUV"
        and prefix[1] not in "DFIOQUV"
    )


def kvnr(text: str) -> bool:
    """The check digit of a German health insurance number (section 290 SGB V): the letter as two digits, Luhn-like."""
    digits = f"{ord(text[0]) - 64:02}{text[1:9]}"
    products = (int(d) * w for d, w in zip(digits, _KVNR_WEIGHTS, strict=True))
    return sum(p // 10 + p % 10 for p in products) % 10 == int(text[9])


def _with(check: Callable[[str], object]) -> Callable[[str], bool]:
    return lambda text: len(set(bare(text))) > 2 and bool(check(bare(text)))


def _number(what: str, pattern: str, valid: Callable[[str], bool], near: str = "", **rest: Any) -> Number:
    return Number(what, re.compile(pattern), valid, frozenset(near.encode().split()), **rest)


_Z = r"(?![0-9A-Za-z])(?!\.[0-9])"


def _a(first: str) -> str:
    """A first character that begins its word and is no decimal; the class stands first, so that the engine finds it
    fast."""
    return f"{first}(?<![0-9A-Za-z]{first})(?<![0-9][.,]{first})"


_D = _a("[0-9]")
_L = _a("[A-Z]")
_TAX = "steuer steuerid steueridnr steueridentifikationsnummer identifikationsnummer idnr tin taxid tax"
_BELGIAN = "rijksregister rijksregisternummer registre national nrn insz niss"
_HEALTH = "kvnr krankenversicherung krankenversichertennummer versichertennummer gesundheitskarte krankenkasse"
NUMBERS = (
    _number(
        "card",
        rf"{_D}\d{{3}}([ \-])\d{{4}}\1\d{{4}}\1\d{{4}}{_Z}|{_D}\d{{3}}([ \-])\d{{6}}\2\d{{4,5}}{_Z}",
        card,
        least=14,
    ),
    _number("card", rf"{_D}\d{{13,15}}{_Z}", card, least=14, per_mille=900),
    _number(
        "fr-nir",
        rf"{_a('[1-478]')} ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{{3}} ?\d{{3}} ?\d\d{_Z}",
        _with(fr_nir.is_valid),
        least=13,
        piece=False,
        shape=b"0" * 8,
    ),
    _number("us-ssn", rf"{_D}(?<!-\d)\d\d-\d\d-\d{{4}}{_Z}(?!-)", ssn, per_mille=900),
    _number("us-ssn", rf"{_D}\d\d ?\d\d ?\d{{4}}{_Z}", ssn, "ssn social"),
    _number(
        "nl-bsn",
        rf"{_D}\d{{8}}{_Z}|{_D}\d{{3}}[ .]\d\d[ .]\d{{3}}{_Z}",
        _with(nl_bsn.is_valid),
        "bsn burgerservicenummer burgerservice sofi sofinummer",
    ),
    _number("gb-nhs", rf"{_D}\d\d[ \-]?\d{{3}}[ \-]?\d{{4}}{_Z}", _with(gb_nhs.is_valid), "nhs"),
    _number("de-idnr", rf"{_D}\d ?\d{{3}} ?\d{{3}} ?\d{{3}}{_Z}", _with(de_idnr.is_valid), _TAX),
    _number("be-nrn", rf"{_D}\d\.\d\d\.\d\d-\d{{3}}[.\-]\d\d{_Z}", _with(be_nn.is_valid)),
    _number("be-nrn", rf"{_D}\d{{10}}{_Z}", _with(be_nn.is_valid), _BELGIAN),
    _number(
        "ch-ahv", rf"{_a('7')}56\.\d{{4}}\.\d{{4}}\.\d\d{_Z}|{_a('7')}56\d{{10}}{_Z}", _with(ch_ssn.is_valid), least=13
    ),
    _number("pl-pesel", rf"{_D}\d{{10}}{_Z}", _with(pl_pesel.is_valid), "pesel"),
    _number(
        "es-dni",
        rf"{_D}\d\.?\d{{3}}\.?\d{{3}}[ \-]?[A-Z]{_Z}",
        _with(es_dni.is_valid),
        "dni nif documento identidad",
        least=8,
        piece=False,
    ),
    _number(
        "es-nie",
        rf"{_a('[XYZ]')}[ \-]?\d{{7}}[ \-]?[A-Z]{_Z}",
        _with(es_nie.is_valid),
        "nie nif extranjero extranjeros extranjeria documento identidad",
        least=7,
        piece=False,
    ),
    _number(
        "it-codice-fiscale",
        rf"{_L}[A-Z]{{5}}[0-9LMNP-V]{{2}}[ABCDEHLMPRST][0-9LMNP-V]{{2}}[A-Z][0-9LMNP-V]{{3}}[A-Z]{_Z}",
        _with(it_cf.is_valid),
        least=6,
        piece=False,
        shape=b"A" * 6,
    ),
    _number("gb-nino", rf"{_L}[A-Z] ?\d\d ?\d\d ?\d\d ?[A-D]{_Z}", nino, "insurance nino ni", least=6, piece=False),
    _number("de-kvnr", rf"{_L}\d{{9}}{_Z}", kvnr, _HEALTH, piece=False),
    _number("phone", rf"{_a('0')}[1-9]([ .\-])\d\d(?:\1\d\d){{3}}{_Z}", lambda _: True, least=10, per_mille=900),
)
