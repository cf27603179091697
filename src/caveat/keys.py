"""Keys: Ed25519 and ML-DSA-44, named and written as C2SP signed notes want them.

A verify key as text (c2sp.org/signed-note, `vkey`), the id being four bytes of SHA-256(name LF type public-key):

    example.com/log+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx

A signing key as text (Go's golang.org/x/mod/sumdb/note form, base64 of type and 32-byte seed); read by Tessera, torchwood
and others:

    PRIVATE+KEY+example.com/log+33d7b496+Ab...

Rules: a key whose text is not the one we would write is refused; an Ed25519 public key that is not the canonical form of
a curve point, or has small order (one signature then fits many messages), is refused on load: the library accepts them.
A signing key never shows its seed but through `text`, which only the edge writes to a file.
"""

import hashlib
import secrets
from enum import IntEnum
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from caveat.canon import b64, unb64
from caveat.errors import BadInput, NotVerified

SEED_BYTES: Final = 32
_GO_PREFIX: Final = "PRIVATE+KEY+"


class KeyKind(IntEnum):
    """The type byte of a signed-note key: what it signs, and with what.

    NOTE           0x01  Ed25519 over a note's text (also over anything else of ours: terms, permits, tickets)
    COSIGN         0x04  Ed25519 over a checkpoint and a time (c2sp.org/tlog-cosignature)
    COSIGN_MLDSA   0x06  ML-DSA-44 over a tree head and a time (the same page)
    """

    NOTE = 0x01
    COSIGN = 0x04
    COSIGN_MLDSA = 0x06


PUBLIC_BYTES: Final = {KeyKind.NOTE: 32, KeyKind.COSIGN: 32, KeyKind.COSIGN_MLDSA: 1312}
SIGNATURE_BYTES: Final = {KeyKind.NOTE: 64, KeyKind.COSIGN: 64, KeyKind.COSIGN_MLDSA: 2420}


class VerifyKey:
    """A public key under a name; it exists only if the key is a sound one.  Equal when name, kind and bytes are.

    Raises BadInput for a name that notes cannot bear, a wrong length, a weak or non-canonical Ed25519 key.
    """

    def __init__(self, name: str, public: bytes, kind: KeyKind = KeyKind.NOTE) -> None:
        check_name(name)
        if len(public) != PUBLIC_BYTES[kind]:
            raise BadInput(f"expected a public key of {PUBLIC_BYTES[kind]} bytes for `{name}`, got {len(public)}")
        self.name = name
        self.public = public
        self.kind = kind
        self._key: Ed25519PublicKey | MLDSA44PublicKey
        if kind is KeyKind.COSIGN_MLDSA:
            self._key = MLDSA44PublicKey.from_public_bytes(public)
        else:
            _refuse_weak(name, public)
            self._key = Ed25519PublicKey.from_public_bytes(public)

    @cached_property
    def id(self) -> bytes:
        """Four bytes that go before each signature, to find the key by."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @cached_property
    def text(self) -> str:
        """The `vkey` line: `name+hhhhhhhh+base64`."""
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if the bare signature over the message holds; raise NotVerified otherwise."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise NotVerified(f"the signature by `{self.name}+{self.id.hex()}` does not hold") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        return f"VerifyKey({self.name}+{self.id.hex()})"

    @property
    def _identity(self) -> tuple[str, bytes, KeyKind]:
        return self.name, self.public, self.kind


class SigningKey:
    """A private key under a name, from its 32-byte seed.  Signing takes about 22 us (Ed25519) or 1 ms (ML-DSA-44)."""

    def __init__(self, name: str, seed: bytes, kind: KeyKind = KeyKind.NOTE) -> None:
        if len(seed) != SEED_BYTES:
            raise BadInput(f"expected a seed of {SEED_BYTES} bytes for `{name}`, got {len(seed)}")
        self._seed = seed
        self._key: Ed25519PrivateKey | MLDSA44PrivateKey
        if kind is KeyKind.COSIGN_MLDSA:
            self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        else:
            self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verify_key = VerifyKey(name, self._key.public_key().public_bytes_raw(), kind)

    @property
    def name(self) -> str:
        """The name that stands in notes."""
        return self.verify_key.name

    @property
    def kind(self) -> KeyKind:
        """What it signs, and with what."""
        return self.verify_key.kind

    @property
    def text(self) -> str:
        """The secret itself, as Go's note package writes it.  Only the edge puts it in a file, with mode 0600."""
        return f"{_GO_PREFIX}{self.name}+{self.verify_key.id.hex()}+{b64(bytes([self.kind]) + self._seed)}"

    def sign(self, message: bytes) -> bytes:
        """The bare signature over the message: 64 bytes (Ed25519) or 2,420 (ML-DSA-44, empty context)."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.name}+{self.verify_key.id.hex()})"


def new_signing_key(name: str, kind: KeyKind = KeyKind.NOTE) -> SigningKey:
    """A fresh key from the system's randomness."""
    return SigningKey(name, secrets.token_bytes(SEED_BYTES), kind)


def read_verify_key(text: str) -> VerifyKey:
    """The key that a `vkey` line names.  Raises BadInput for one that we would not have written so."""
    name, key_id, kind, public = _split(text, "verify key")
    key = VerifyKey(name, public, kind)
    if key_id != key.id.hex():
        raise BadInput(f"expected key id `{key.id.hex()}` for `{name}`, got `{key_id}`")
    return key


def read_signing_key(text: str) -> SigningKey:
    """The key that a `PRIVATE+KEY+...` line holds.  Raises BadInput, whose message never quotes the line."""
    if not text.startswith(_GO_PREFIX):
        raise BadInput("expected a signing key that begins with `PRIVATE+KEY+`")
    name, key_id, kind, seed = _split(text.removeprefix(_GO_PREFIX), "signing key")
    key = SigningKey(name, seed, kind)
    if key_id != key.verify_key.id.hex():
        raise BadInput(f"expected key id `{key.verify_key.id.hex()}` for `{name}`, got another")
    return key


def check_name(name: str) -> None:
    """Return if notes can bear the name: 1 to 255 bytes, no space of any script, no `+`, no control character."""
    if not name or len(name.encode(errors="replace")) > 255:
        raise BadInput("expected a key name of 1 to 255 bytes")
    if any(c == "+" or c.isspace() or c < " " or "\ud800" <= c <= "\udfff" for c in name):
        raise BadInput("expected a key name without spaces, `+` and control characters")


def _split(text: str, what: str) -> tuple[str, str, KeyKind, bytes]:
    """Name, id, kind and key bytes; split at the first two `+` only, for base64 has `+` too."""
    pieces = text.removesuffix("\n").split("+", 2)
    if len(pieces) != 3:
        raise BadInput(f"expected a {what} of the form `name+id+base64`")
    data = unb64(pieces[2])
    if not data or data[0] not in tuple(KeyKind):
        raise BadInput(f"expected a {what} of type 1, 4 or 6")
    return pieces[0], pieces[1], KeyKind(data[0]), data[1:]


# --- which Ed25519 public keys are sound (RFC 8032 section 5.1.3; the eight points of small order) ---

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)


def _refuse_weak(name: str, public: bytes) -> None:
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= _P:
        raise BadInput(f"the Ed25519 key of `{name}` is not in canonical form")
    if y in _SMALL_ORDER_Y:
        raise BadInput(f"the Ed25519 key of `{name}` has small order: one signature would fit many messages")
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) != 1:
        raise BadInput(f"the Ed25519 key of `{name}` is not a point of the curve")
