"""Commitments: values that a leaf names by a salted digest, opened one by one by what stands beside it.

Rules of this file: a commitment is the digest of an RFC 9901 disclosure, `base64url(["salt", "name", value])`, hashed as
that string; every salt derives from the record's own key, so neither a salt nor a commitment carries a message out.
"""

from collections.abc import Sequence
from hashlib import sha256 as _hashed
from typing import Any, Final

import msgspec
from msgspec import Struct

from caveat.canon import b64url, b64url_each, sha256
from caveat.errors import NotVerified
from caveat.record.disclosure import said_in
from caveat.record.leaf import Leaf, encode

_BLOCK = 64
_INNER = bytes(code ^ 0x36 for code in range(256))
_OUTER = bytes(code ^ 0x5C for code in range(256))


class Aside(Struct, frozen=True, forbid_unknown_fields=True):
    """What opens a leaf's commitments: the record's key and the disclosures, as they were hashed."""

    key: str
    d: tuple[str, ...]


def committed(hidden: dict[str, Any], key: bytes) -> tuple[dict[str, str], Aside]:
    """The commitments to named values under a record's key, and what opens them."""
    if "body" in hidden:
        raise ValueError("`body` names the key of body digests, so its salt would give that key away")
    inner, outer = _pads(key)
    salts = b64url_each([sha256(outer + sha256(inner + name.encode()))[:16] for name in hidden])
    opening = zip(salts, hidden.items(), strict=True)
    disclosures = b64url_each([encode((salt, name, value)) for salt, (name, value) in opening])
    digests = b64url_each([sha256(disclosure.encode("ascii")) for disclosure in disclosures])
    return dict(zip(hidden, digests, strict=True)), Aside(key.hex(), tuple(disclosures))


def derived(key: bytes, name: str) -> bytes:
    """HMAC-SHA-256 of a name under a record's key of at most 64 bytes: a salt (its first 16 bytes), or a key of its own.

    Written out here, for the library's lets go of the interpreter's lock each time, and a call needs twenty of them.
    """
    inner, outer = _pads(key)
    return sha256(outer + sha256(inner + name.encode()))


def _pads(key: bytes) -> tuple[bytes, bytes]:
    """A key, filled up to a block, as HMAC puts it before the message and before the inner hash (RFC 2104 section 2)."""
    block = key.ljust(_BLOCK, b"\0")
    return block.translate(_INNER), block.translate(_OUTER)


COMMITMENT_LETTERS: Final = 43
"""Letters of base64 that a digest has."""


def commitment(disclosure: str) -> str:
    """The digest of a disclosure, hashed as sent (RFC 9901 section 4.2.3)."""
    return b64url(sha256(disclosure.encode("ascii")))


_aside_decoder = msgspec.json.Decoder(Aside)


def read_aside(data: bytes) -> Aside:
    """The aside that the bytes are.  Raises NotVerified."""
    try:
        return _aside_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotVerified("what opens a record cannot be read", step="disclosure") from None


def disclosed(leaf: Leaf, disclosures: tuple[str, ...]) -> dict[str, Any]:
    """Names and values that the disclosures open in this leaf.

    Raises NotVerified for a disclosure that no commitment of the leaf covers, or one given twice.
    """
    said = said_in(disclosures)
    values = dict(said)
    if len(values) == len(said) and _match([leaf.c.get(name, "") for name in values], disclosures):
        return values
    seen: set[str] = set()
    for (name, _), made in zip(said, _commitments(disclosures), strict=True):
        if name in seen:
            raise NotVerified(f"`{name}` is disclosed twice", step="disclosure")
        if leaf.c.get(name) != made:
            raise NotVerified(f"what is disclosed as `{name}` is not what the record committed to", step="disclosure")
        seen.add(name)
    return values


def _match(committed: list[str], disclosures: Sequence[str]) -> bool:
    """Whether each commitment is that to its disclosure, all looked at as one text."""
    if any(len(one) != COMMITMENT_LETTERS for one in committed):
        return False
    digests = b"".join([_hashed(disclosure.encode("ascii")).digest() + b"\0" for disclosure in disclosures])
    return b64url(digests) == "".join(
        [one + "A" for one in committed]
    )  # a zero byte more ends each in one letter more: "A"


def _commitments(disclosures: Sequence[str]) -> list[str]:
    """`commitment` of each."""
    return b64url_each([sha256(disclosure.encode("ascii")) for disclosure in disclosures])


def salts_hold(leaf: Leaf, aside: Aside) -> bool:
    """Whether the aside opens all of the leaf's commitments, and every salt derives from the record's key: then neither
    a salt nor a commitment carries a message out."""
    return named_disclosures(leaf, aside) is not None


def named_disclosures(leaf: Leaf, aside: Aside) -> dict[str, str] | None:
    """The aside's disclosures by name where `salts_hold`, None where not."""
    try:
        key = bytes.fromhex(aside.key)
        names = [name for name, _ in said_in(aside.d)]
    except (ValueError, NotVerified):
        return None
    if len(key) != 32 or key.hex() != aside.key:
        return None
    salts = b64url_each([derived(key, name)[:16] for name in names])
    heads = b64url_each([b'["%b","' % salt.encode() for salt in salts])
    if any(not disclosure.startswith(head) for disclosure, head in zip(aside.d, heads, strict=True)):
        return None
    named = dict(zip(names, aside.d, strict=True))
    opens = dict(zip(names, _commitments(aside.d), strict=True))
    return named if len(named) == len(names) and opens == leaf.c else None
