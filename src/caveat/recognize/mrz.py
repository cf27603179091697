"""The machine-readable zone of passports and identity cards: ICAO Doc 9303, parts 4 to 6.

P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
L898902C36UTO7408122F1204159ZE184226B<<<<<10
"""

import re
from collections.abc import Iterator

_WEIGHTS = (7, 3, 1)
_VALUES = {c: i for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}

TD3 = re.compile(r"P[A-Z<][A-Z]{1,3}<{0,2}[A-Z<]{38,39}\s{1,4}([A-Z0-9<]{44})(?![A-Z0-9<])")
TD2 = re.compile(r"[ACIV][A-Z<][A-Z<]{3}[A-Z<]{31}\s{1,4}([A-Z0-9<]{36})(?![A-Z0-9<])")
TD1 = re.compile(
    r"[ACI][A-Z0-9<][A-Z<]{3}([A-Z0-9<]{9}[0-9<])[A-Z0-9<]{15}\s{1,4}([0-9]{7}[MFX<][0-9]{7}[A-Z<]{3}[A-Z0-9<]{11}[0-9])\s{1,4}[A-Z<]{30}"
)


def documents(text: str) -> Iterator[tuple[int, int]]:
    """Where zones stand whose check digits hold."""
    if "<<" not in text:
        return
    for pattern in (TD3, TD2):
        for match in pattern.finditer(text):
            line = match.group(1)
            if _holds(line[:9], line[9]) and _holds(line[13:19], line[19]) and _holds(line[21:27], line[27]):
                yield match.span()
    for match in TD1.finditer(text):
        number, line = match.groups()
        if _holds(number[:9], number[9]) and _holds(line[:6], line[6]) and _holds(line[8:14], line[14]):
            yield match.span()


def _holds(field: str, digit: str) -> bool:
    total = sum(_VALUES[c] * _WEIGHTS[i % 3] for i, c in enumerate(field))
    return digit.isdigit() and total % 10 == int(digit)
