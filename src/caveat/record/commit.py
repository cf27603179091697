"""Commitments: values that a leaf names by a salted digest, opened one by one by what stands beside it.

Rules of this file: a commitment is the digest of an RFC 9901 disclosure, `base64url(["salt", "name", value])`, hashed as
that string; every salt derives from the record's own key, so neither a salt nor a commitment carries a message out.
"""

import hmac
from typing import Any

import msgspec
from msgspec import Struct

from caveat.canon import b64url, b64url_each, sha256, unb64url
from caveat.errors import CaveatError, NotVerified
from caveat.record.leaf import Leaf, encode


class Aside(Struct, frozen=True, forbid_unknown_fields=True):
    """What opens a leaf's commitments: the record's key and the disclosures, as they were hashed."""

    key: str
    d: tuple[str, ...]


def committed(hidden: dict[str, Any], key: bytes) -> tuple[dict[str, str], Aside]:
    """The commitments to named values under a record's key, and what opens them."""
    if "body" in hidden:
        raise ValueError("`body` names the key of body digests, so its salt would give that key away")
    salts = b64url_each([derived(key, name)[:16] for name in hidden])
    opening = zip(salts, hidden.items(), strict=True)
    disclosures = b64url_each([encode((salt, name, value)) for salt, (name, value) in opening])
    digests = b64url_each([sha256(disclosure.encode("ascii")) for disclosure in disclosures])
    return dict(zip(hidden, digests, strict=True)), Aside(key.hex(), tuple(disclosures))


def derived(key: bytes, name: str) -> bytes:
    """What follows from a record's key for one name: a salt (its first 16 bytes), a key of its own."""
    return hmac.digest(key, name.encode(), "sha256")


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
    values: dict[str, Any] = {}
    for disclosure in disclosures:
        _, name, value = read_disclosure(disclosure)
        if name in values:
            raise NotVerified(f"`{name}` is disclosed twice", step="disclosure")
        if leaf.c.get(name) != commitment(disclosure):
            raise NotVerified(f"what is disclosed as `{name}` is not what the record committed to", step="disclosure")
        values[name] = value
    return values


def read_disclosure(disclosure: str) -> tuple[str, str, Any]:
    """Salt, name and value.  Raises NotVerified, also for JSON that two readers could read differently."""
    try:
        raw = unb64url(disclosure)
        triple = msgspec.json.decode(raw)
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


def salts_hold(leaf: Leaf, aside: Aside) -> bool:
    """Whether the aside opens all of the leaf's commitments, and every salt derives from the record's key: then neither
    a salt nor a commitment carries a message out."""
    return named_disclosures(leaf, aside) is not None


def named_disclosures(leaf: Leaf, aside: Aside) -> dict[str, str] | None:
    """The aside's disclosures by name where `salts_hold`, None where not."""
    try:
        key = bytes.fromhex(aside.key)
        triples = [read_disclosure(disclosure) for disclosure in aside.d]
    except (ValueError, NotVerified):
        return None
    if len(key) != 32 or key.hex() != aside.key:
        return None
    if any(salt != b64url(derived(key, name)[:16]) for salt, name, _ in triples):
        return None
    named = {name: disclosure for (_, name, _), disclosure in zip(triples, aside.d, strict=True)}
    opens = {name: commitment(disclosure) for name, disclosure in named.items()}
    return named if len(named) == len(triples) and opens == leaf.c else None
