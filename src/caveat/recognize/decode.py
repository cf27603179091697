"""Encoded pieces of a text, decoded: base64, hex, escapes, rot13.

Rules of this file: a piece counts only if what it decodes to is text; a picture, a key, a digest is none and gives
nothing.  Everything is linear in the text, and no decoding is longer than what it came from.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from caveat.recognize.repeat import all_of
from caveat.recognize.view import CUT, Kind, Lazy, Steps, View, neighbourhoods, through, whole

SHORTEST = 20
"""Characters of base64 worth decoding: fewer hold fewer than 15 letters."""
_SHORTEST_TEXT = 12
_LEAST_DIGITS = 11
"""Digits in the hex of any twelve letters, less one."""

_B64 = bytes(
    98 if (chr(i).isalnum() and i < 128) or chr(i) in "+/-_" else i if chr(i) in "\r\n=" else 46 for i in range(256)
)
_B64_RUN = re.compile(("b{20,}" + all_of(r"\r?\nb{20,}", "*") + r"(?:\r?\nb{1,19}(?=[=\r\n]|\Z))?={0,2}").encode())
_B64_PART = re.compile(rb"[A-Za-z0-9+]{20,}={0,2}")
_HEX = bytes(
    104 if chr(i) in "0123456789abcdefABCDEF" else 32 if chr(i) in " :," else 120 if chr(i).isalnum() else 46
    for i in range(256)
)
_HEX_RUN = re.compile(("h{24,}|(?<![hx])hh" + all_of(" hh(?![hx])", "{11,}")).encode())
_HEX_ESCAPE, _WIDE_ESCAPE = r"\\x[0-9A-Fa-f]{2}", r"\\u[0-9A-Fa-f]{4}"
_ESCAPES = re.compile(
    rf"[%\\&](?:(?<=%)[0-9A-Fa-f]{{2}}{all_of('%[0-9A-Fa-f]{2}', '*')}"
    rf"|(?<=\\)(?:x[0-9A-Fa-f]{{2}}{all_of(_HEX_ESCAPE, '*')}|u[0-9A-Fa-f]{{4}}{all_of(_WIDE_ESCAPE, '*')}|[nrt])"
    r"|(?<=&)#(?:[0-9]{2,7}|[xX][0-9A-Fa-f]{2,6});)"
)
_CODES = "(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])"
_LETTERS_SPELLED = re.compile(
    rf"%{_CODES}|\\x{_CODES}|\\u00{_CODES}|&#(?:[xX]0{{0,4}}{_CODES}|0{{0,5}}(?:4[89]|5[0-7]|6[5-9]|[78][0-9]|90|9[7-9]|1[01][0-9]|12[0-2]));"
)
"""Escapes of ASCII letters and digits."""
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ROT13_ANCHORS = frozenset(
    codecs.encode(word, "rot13").encode()
    for word in (
        *("ignore", "disregard", "instructions", "previous", "override", "ignorez", "oubliez", "consignes"),
        *("ignoriere", "anweisungen", "ignora", "olvida", "instrucciones", "noforn", "confidential"),
    )
)


def decodings(view: View) -> Iterator[View]:
    """What is encoded in a view, one layer deep, each with its way back to where the view came from."""
    if view.runs:
        yield from _base64_pieces(view)
    if view.runs or view.digits >= _LEAST_DIGITS:
        yield from _hex_pieces(view)
    yield from _unescaped(view)
    if not _ROT13_ANCHORS.isdisjoint(view.words):
        yield View(codecs.encode(view.text, "rot13"), "decoded", view.way)


def _piece(view: View, start: int, end: int, data: bytes) -> View | None:
    text = as_text(data)
    return None if text is None else View(text, "decoded", through(whole(start, end), view.way))


def as_text(data: bytes) -> str | None:
    """The text that the bytes are, in UTF-8 or UTF-16, None where they are none: too short, or with control bytes."""
    if len(data) < _SHORTEST_TEXT:
        return None
    encoding = "utf-16-le" if not any(data[1:64:2]) and len(data) % 2 == 0 else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _base64_pieces(view: View) -> Iterator[View]:
    shape = view.raw.translate(_B64)
    if b"b" * SHORTEST not in shape:
        return
    for run in _B64_RUN.finditer(shape):
        start, end = run.span()
        if (found := _from_base64(view, start, end)) is not None:
            yield found
        else:
            yield from _parts_from_base64(view, start, end)


def _parts_from_base64(view: View, start: int, end: int) -> Iterator[View]:
    """The same in each line or path step of a run that is not one piece."""
    for part in _B64_PART.finditer(view.raw, start, end):
        low, high = part.span()
        if (low, high) != (start, end) and (found := _from_base64(view, low, high)) is not None:
            yield found


def _from_base64(view: View, start: int, end: int) -> View | None:
    data = view.raw[start:end]
    if data.islower() or data.isupper() or data.isdigit():
        return None
    data = data.replace(b"\r", b"").replace(b"\n", b"").replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    data = data[: len(data) - (len(data) % 4 == 1)]
    return _piece(view, start, end, _unb64(data))


def _unb64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return b""


def _hex_pieces(view: View) -> Iterator[View]:
    shape = view.raw.translate(_HEX)
    if b"h" * 24 not in shape and b"hh " * 11 not in shape:
        return
    for run in _HEX_RUN.finditer(shape):
        start, end = run.span()
        digits = view.raw[start:end].translate(None, b" :,")
        if (found := _piece(view, start, end, bytes.fromhex(digits[: len(digits) & ~1].decode()))) is not None:
            yield found


def _unescaped(view: View) -> Iterator[View]:
    """The text around escapes, with the escapes read: `%69gnore`, `\\x69`, `\\u0069`, `&#105;`."""
    text = view.text
    if "%" not in text and "\\" not in text and "&#" not in text:
        return
    stretches = list(neighbourhoods(text, (escape.span() for escape in _ESCAPES.finditer(text))))
    if stretches:
        read = [_ESCAPES.sub(_spelled, text[start:end]) + CUT for start, end in stretches]
        kind: Kind = "decoded" if any(map(_hides, _ESCAPES.findall(text))) else "escaped"
        yield View("".join(read), kind, through(Lazy(lambda: _escapes(text, stretches)), view.way))


def _spelled(escapes: re.Match[str]) -> str:
    return "".join(c for _, c in _chars(escapes.group(), 0))


def _hides(escapes: str) -> bool:
    """Whether a letter or digit was escaped: no program does that."""
    return _LETTERS_SPELLED.search(escapes) is not None


def _escapes(text: str, stretches: list[tuple[int, int]]) -> Steps:
    """The way back from stretches with their escapes read, each followed by a cut."""
    steps, size = Steps(len(text)), 0
    for start, end in stretches:
        done = start
        for escape in _ESCAPES.finditer(text, start, end):
            steps.step(size, done)
            size += escape.start() - done
            done = escape.end()
            for at, _ in _chars(escape.group(), escape.start()):
                steps.step(size, at)
                size += 1
        steps.step(size, done)
        size += end - done + 1
        steps.step(size - 1, end)
    return steps


def _chars(escapes: str, start: int) -> Iterator[tuple[int, str]]:
    """The characters that a run of escapes spells, each with where its escape begins."""
    if escapes[0] == "&":
        digits = escapes[2:-1]
        code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
        yield start, chr(code) if code <= 0x10FFFF else "?"
    elif escapes[0] == "%":
        text = unquote_to_bytes(escapes).decode("utf-8", "replace")
        for i, c in enumerate(text):
            yield start + min(3 * i, len(escapes) - 3), c
    elif escapes[1] in _SHORT:
        yield start, _SHORT[escapes[1]]
    else:
        width = 4 if escapes[1] == "x" else 6
        for i in range(0, len(escapes), width):
            yield start + i, chr(int(escapes[i + 2 : i + width], 16))
