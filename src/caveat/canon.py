"""Canonical bytes and digests.

Everything that Caveat hashes or signs is made here once and stored; nobody re-serialises to verify.
Values hold no floats, integers lie within ±(2**53 - 1), object keys are ASCII: on such values the bytes
below are those of RFC 8785 (JSON Canonicalization Scheme).
"""

import hashlib
import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import Any

from caveat.errors import BadInput

MAX_INT = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a value of dicts (ASCII keys), lists, strings, integers, booleans and None.

    Raises BadInput for a float, a large integer, a lone surrogate or a key that is not ASCII.
    """
    _check(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadInput("a string holds half of a surrogate pair and has no UTF-8 form") from None


def _check(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise BadInput(f"expected an ASCII key, got `{key}`")
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > MAX_INT):
        raise BadInput(f"expected an integer within ±(2**53 - 1), got `{value}`")
    elif value is not None and not isinstance(value, str | int):
        raise BadInput("expected only objects, arrays, strings, integers, true, false and null")


def sha256(data: bytes) -> bytes:
    """32 bytes."""
    return hashlib.sha256(data).digest()


def digest(data: bytes) -> str:
    """`sha256:` and 64 lower-case hex digits: how documents, bodies and models are named."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


_URL = bytes.maketrans(b"+/", b"-_")
_FILL = (b"", b"\0\0", b"\0")
"""By a length's remainder of three: what is missing to the next multiple."""
_PAD = (b"", b"===", b"==", b"=")
"""By a text's letters behind its last group of four."""
_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")
"""Back from the URL-safe letters; the standard ones have no place there."""


def b64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4), as signed notes use it."""
    return b2a_base64(data, newline=False).decode("ascii")


def b64url(data: bytes) -> str:
    """URL-safe base64 without padding (RFC 4648 section 5), as JWS and RFC 9901 use it."""
    return b2a_base64(data, newline=False).translate(_URL, b"=").decode("ascii")


def b64url_each(pieces: Sequence[bytes]) -> list[str]:
    """`b64url` of each, in one pass over all of them: a piece filled up with zero bytes to a multiple of three has the same
    letters, and more behind them."""
    filled = [piece + _FILL[len(piece) % 3] for piece in pieces]
    text = b2a_base64(b"".join(filled), newline=False).translate(_URL).decode("ascii")
    found: list[str] = []
    at = 0
    for piece, whole in zip(pieces, filled, strict=True):
        found.append(text[at : at + (4 * len(piece) + 2) // 3])
        at += len(whole) // 3 * 4
    return found


def unb64(text: str) -> bytes:
    """The bytes of canonical standard base64; raises BadInput for anything that would not be written back alike."""
    try:
        return _decoded(text.encode("ascii"))
    except ValueError:
        raise BadInput("expected standard base64") from None


def unb64url(text: str) -> bytes:
    """The bytes of canonical unpadded URL-safe base64; raises BadInput otherwise."""
    try:
        raw = text.encode("ascii").translate(_STANDARD)
        if raw.endswith(b"="):
            raise BadInput("expected URL-safe base64 without padding")
        return _decoded(raw + _PAD[len(raw) % 4])
    except ValueError:
        raise BadInput("expected URL-safe base64") from None


def _decoded(raw: bytes) -> bytes:
    """What is written back alike was read strictly; of what is not, strict decoding says whether a letter was wrong."""
    data = a2b_base64(raw)
    if b2a_base64(data, newline=False) != raw:
        a2b_base64(raw, strict_mode=True)
        raise BadInput("expected canonical base64, got bits that do not belong to the data")
    return data
