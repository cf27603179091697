"""An authenticator in software, and the browser around it: makes passkeys and signs challenges as Web Authentication has it.

Keys and signatures are real; what a test wants wrong (another page, nobody verified) it says by name.
"""

import struct
from collections.abc import Callable
from typing import Any

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from caveat.canon import b64url, sha256
from caveat.waivers.passkeys import Assertion, Passkey

RP_ID = "caveat.ministry.example"
UP, UV = 1, 4


def _number(value: int, length: int = 32) -> bytes:
    return value.to_bytes(length, "big")


class Authenticator:
    """One passkey of a person.  `algorithm` is COSE's: -7 ES256, -8 EdDSA, -257 RS256."""

    def __init__(self, person: str, algorithm: int = -7, *, rp_id: str = RP_ID) -> None:
        self.rp_id = rp_id
        made: dict[int, Callable[[], tuple[Any, dict[int, Any]]]] = {-7: _es256, -8: _eddsa, -257: _rs256}
        self._key, self.cose = made[algorithm]()
        self.passkey = Passkey(person, rp_id, sha256(person.encode()), cbor2.dumps(self.cose))

    def sign(self, challenge: bytes, **wrong: Any) -> Assertion:
        """What `navigator.credentials.get()` gives back for the challenge."""
        client = {
            "type": wrong.get("type", "webauthn.get"),
            "challenge": b64url(wrong.get("signs", challenge)),
            "origin": wrong.get("origin", f"https://{self.rp_id}"),
            "crossOrigin": wrong.get("cross", False),
        }
        said = msgspec.json.encode(client)
        data = sha256(wrong.get("rp_id", self.rp_id).encode()) + struct.pack(">BI", wrong.get("flags", UP | UV), 7)
        return Assertion(b64url(data), b64url(said), b64url(self._sign(data + sha256(said))))

    def _sign(self, message: bytes) -> bytes:
        match self._key:
            case ec.EllipticCurvePrivateKey():
                return self._key.sign(message, ec.ECDSA(SHA256()))
            case rsa.RSAPrivateKey():
                return self._key.sign(message, PKCS1v15(), SHA256())
        signed: bytes = self._key.sign(message)
        return signed


def _es256() -> tuple[Any, dict[int, Any]]:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    return key, {1: 2, 3: -7, -1: 1, -2: _number(numbers.x), -3: _number(numbers.y)}


def _eddsa() -> tuple[Any, dict[int, Any]]:
    key = ed25519.Ed25519PrivateKey.generate()
    return key, {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}


def _rs256() -> tuple[Any, dict[int, Any]]:
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    return key, {1: 3, 3: -257, -1: _number(numbers.n, 256), -2: b"\x01\x00\x01"}
