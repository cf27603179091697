"""One disclosure, read: `base64url(["salt", "name", value])` (RFC 9901 section 4.2.1).

Many records say the same under salts of their own.  A salt of ours has 16 bytes, so that with the two letters before it, it
fills 32 letters of base64, a whole number of groups: what is behind them is the same text for the same name and value, and
is read once.  A value given here may have been given before: it is not to be changed.
"""

from binascii import a2b_base64
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from caveat.canon import b64url, unb64url
from caveat.errors import CaveatError, NotVerified
from caveat.record.leaf import encode

SALT_END: Final = 32
"""Letters of base64 up to the end of the salt."""
REMEMBERED_BYTES: Final = 2048
"""Longer disclosures are read each for itself, so that what is remembered stays small."""
_SALT_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_decode = msgspec.json.Decoder().decode
_STANDARD: Final = bytes.maketrans(b"-_+/", b"+/!!")
SALT_LETTERS: Final = 22
_ANY_SALT: Final = b64url(b'["' + b"A" * SALT_LETTERS)


def said_in(disclosures: Sequence[str]) -> list[tuple[str, Any]]:
    """Name and value of each.  Raises NotVerified, also for JSON that two readers could read differently."""
    if _salted(disclosures):
        said = [_behind_salt(disclosure[SALT_END:]) for disclosure in disclosures]
        if None not in said:
            return said  # type: ignore[return-value]
    return [(name, value) for _, name, value in map(_read, disclosures)]


def _salted(disclosures: Sequence[str]) -> bool:
    """Whether `_salt` finds one in each."""
    lengths = list(map(len, disclosures))
    if not lengths or min(lengths) <= SALT_END or max(lengths) > REMEMBERED_BYTES:
        return False
    heads = "".join([disclosure[:SALT_END] for disclosure in disclosures])
    try:
        raw = a2b_base64(heads.encode("ascii").translate(_STANDARD))
    except ValueError:
        return False
    n = len(lengths)
    whole = len(raw) == 24 * n and raw[::24] == b"[" * n and raw[1::24] == b'"' * n
    return whole and raw.translate(None, _SALT_LETTERS) == b'["' * n


def read_disclosure(disclosure: str) -> tuple[str, str, Any]:
    """Salt, name and value.  Raises NotVerified."""
    salt = _salt(disclosure)
    said = _behind_salt(disclosure[SALT_END:]) if salt else None
    return _read(disclosure) if said is None else (salt.decode(), *said)


def _salt(disclosure: str) -> bytes:
    """The salt, 22 letters, of a disclosure that begins with `["` and such a one, and is not too long to be remembered;
    b"" of any other."""
    if not SALT_END < len(disclosure) <= REMEMBERED_BYTES:
        return b""
    try:
        raw = a2b_base64(disclosure[:SALT_END].encode("ascii").translate(_STANDARD))
    except ValueError:
        return b""
    # 32 letters make 24 bytes only where each of them is one of base64's
    alike = len(raw) == 24 and raw[:2] == b'["' and raw.translate(None, _SALT_LETTERS) == b'["'
    return raw[2:] if alike else b""


@lru_cache(maxsize=1024)
def _behind_salt(text: str) -> tuple[str, Any] | None:
    """Name and value of a disclosure, by what is behind 22 letters of its salt; None where the salt goes on."""
    salt, name, value = _read(_ANY_SALT + text)
    return (name, value) if len(salt) == SALT_LETTERS else None


def _read(disclosure: str) -> tuple[str, str, Any]:
    try:
        raw = unb64url(disclosure)
        triple = _decode(raw)
        same = encode(triple) == raw
    except (CaveatError, msgspec.DecodeError, UnicodeError, RecursionError):
        raise NotVerified("a disclosure cannot be read", step="disclosure") from None
    if not (
        isinstance(triple, list) and len(triple) == 3 and isinstance(triple[0], str) and isinstance(triple[1], str)
    ):
        raise NotVerified("a disclosure is not [salt, name, value]", step="disclosure")
    if not same:
        raise NotVerified(f"what is disclosed as `{triple[1]}` is not in canonical form", step="disclosure")
    return triple[0], triple[1], triple[2]
