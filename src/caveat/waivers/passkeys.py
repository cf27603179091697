"""Passkeys: an approver's key that lives in an authenticator and signs in a browser (W3C Web Authentication, Level 3).

A passkey's public side is a line of text like any verify key, of signed-note type 0xff, which is for keys that have no type
byte of their own (c2sp.org/signed-note); the id is four bytes of SHA-256(name LF type rest):

    anna+5f0c1d2e+/2NhdmVhdC5wYXNza2V5L3Yx...     0xff "caveat.passkey/v1" LF, then the canonical JSON of

    {"cose": "<base64url>", "credential": "<base64url>", "rp_id": "caveat.ministry.example"}

What it signs is a message like any other: the browser gets SHA-256(message) as the challenge, and the signature in a DSSE
envelope is the base64 of the canonical JSON of the assertion, so that whoever holds the envelope checks it offline:

    {"authenticatorData": "<base64url>", "clientDataJSON": "<base64url>", "signature": "<base64url>"}

Rules of this file: pure; a key whose text is not the one we would write is refused; ES256, EdDSA and RS256 alone; the person
must have been verified by the authenticator (UV), not only have touched it; the page stood on the RP's own domain, over TLS
or on localhost, in no frame of another page; the counter proves nothing offline, so it is not looked at.
"""

import hashlib
import json
import re
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import cbor2
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from caveat.canon import b64, b64url, canonical, sha256, unb64, unb64url
from caveat.errors import BadInput, CaveatError, NotVerified
from caveat.keys import VerifyKey, check_name, read_verify_key

STEP = "approver"
ALGORITHMS: Final[dict[int, tuple[dict[int, int], tuple[int, ...]]]] = {
    -7: ({1: 2, -1: 1}, (-2, -3)),
    -8: ({1: 1, -1: 6}, (-2,)),
    -257: ({1: 3}, (-1, -2)),
}
"""COSE algorithm -> what a key of it says of its type and curve, and the labels of its numbers (RFC 9053, RFC 8230): ES256
over P-256, EdDSA over Ed25519, RS256."""
MOST_BYTES: Final = 4096
LEAST_RSA_BITS: Final = 2048
_TYPE: Final = b"\xffcaveat.passkey/v1\n"
_RP_ID: Final = re.compile(r"localhost|(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Assertion(Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser gives back (`AuthenticatorAssertionResponse.toJSON()`): each in URL-safe base64."""

    authenticatorData: str  # noqa: N815 - the names that the specification gives them
    clientDataJSON: str  # noqa: N815
    signature: str


class _Public(Struct, frozen=True, forbid_unknown_fields=True):
    cose: str
    credential: str
    rp_id: str


class Passkey:
    """A passkey's public side under a person's word; it exists only if it is a sound one.

    credential   its id, which a page names to the browser      cose    the public key (RFC 9052), re-written canonically
    rp_id        the domain for which it was made
    Raises BadInput for a name that keys cannot bear, a key of another algorithm or a weak one, no domain.
    """

    def __init__(self, name: str, rp_id: str, credential: bytes, cose: bytes) -> None:
        check_name(name)
        if not _RP_ID.fullmatch(rp_id):
            raise BadInput(f"expected a passkey's domain, such as `caveat.ministry.example`, got `{rp_id[:80]}`")
        if not 1 <= len(credential) <= 1023:
            raise BadInput("expected a credential id of 1 to 1023 bytes")
        self.name = name
        self.rp_id = rp_id
        self.credential = credential
        self.cose = _canonical_cose(cose)
        self.public = _public_bytes(self.cose)

    @cached_property
    def id(self) -> bytes:
        """Four bytes that go before each signature, to find the key by."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._data).digest()[:4]

    @cached_property
    def text(self) -> str:
        """The line `name+hhhhhhhh+base64`."""
        return f"{self.name}+{self.id.hex()}+{b64(self._data)}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if the assertion signs the message; raise NotVerified otherwise."""
        try:
            assertion = msgspec.json.decode(signature, type=Assertion)
            client = json.loads(unb64url(assertion.clientDataJSON))
            self._check_page(client["origin"], framed=bool(client.get("crossOrigin")))
            _verify(self, message, assertion, client["origin"])
        except NotVerified:
            raise
        except (msgspec.DecodeError, CaveatError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NotVerified(f"the signature by the passkey `{self._key_id}` cannot be read", step=STEP) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Passkey) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Passkey({self._key_id})"

    @property
    def _key_id(self) -> str:
        return f"{self.name}+{self.id.hex()}"

    @property
    def _data(self) -> bytes:
        public = _Public(b64url(self.cose), b64url(self.credential), self.rp_id)
        return _TYPE + canonical(msgspec.to_builtins(public))

    def _check_page(self, origin: str, *, framed: bool) -> None:
        """Return if a page of that origin may use the passkey: one of its domain or below it, in no other's frame."""
        parts = urlsplit(origin)
        host = parts.hostname or ""
        own = host == self.rp_id or host.endswith("." + self.rp_id)
        if framed or not own or (parts.scheme, host) not in {("https", host), ("http", "localhost")}:
            raise NotVerified(f"the passkey `{self._key_id}` signed on a page that is not of `{self.rp_id}`", step=STEP)


ApproverKey = VerifyKey | Passkey
"""Either kind of key by which an approver signs."""


def read_approver_key(text: str) -> ApproverKey:
    """The key that a line names, of either kind.  Raises BadInput for one that we would not have written so."""
    pieces = text.removesuffix("\n").split("+", 2)
    if len(pieces) != 3 or len(text) > MOST_BYTES:
        raise BadInput("expected a key of the form `name+id+base64`")
    data = unb64(pieces[2])
    if data[:1] != b"\xff":
        return read_verify_key(text)
    try:
        public = msgspec.json.decode(data.removeprefix(_TYPE), type=_Public)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadInput(f"the passkey of `{pieces[0]}` cannot be read") from None
    key = Passkey(pieces[0], public.rp_id, unb64url(public.credential), unb64url(public.cose))
    if key.text != text.removesuffix("\n"):
        raise BadInput(f"the passkey of `{pieces[0]}` stands there in another form than the canonical one")
    return key


def challenge(message: bytes) -> bytes:
    """What a page gives the browser to sign, so that the passkey signs the message."""
    return sha256(message)


def _canonical_cose(cose: bytes) -> bytes:
    """The key with the labels of its algorithm and no others, in CBOR's deterministic form."""
    try:
        key: Any = cbor2.loads(cose)
        fixed, numbers = ALGORITHMS[key[3]]
        same = all(key[label] == value for label, value in fixed.items())
        made = {3: key[3], **fixed, **{label: bytes(key[label]) for label in numbers}} if same else {}
        return cbor2.dumps({3: made[3], **made}, canonical=True)
    except (cbor2.CBORDecodeError, KeyError, TypeError, IndexError, ValueError):
        raise BadInput(
            "the passkey's public key is none that can be checked here", hint="expected ES256, EdDSA or RS256"
        ) from None


def _public_bytes(cose: bytes) -> bytes:
    """What tells one key from another, whatever it is called: an Ed25519 key's 32 bytes, else SubjectPublicKeyInfo."""
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography  # noqa: PLC0415

    try:
        key = decoded_public_key_to_cryptography(decode_credential_public_key(cose))
    except (Exception, UnsupportedAlgorithm):  # noqa: BLE001 - the library lets many through
        raise BadInput("the passkey's public key is not a sound one") from None
    if isinstance(key, RSAPublicKey) and (key.key_size < LEAST_RSA_BITS or key.public_numbers().e < 3):
        raise BadInput(f"the passkey's RSA key has fewer than {LEAST_RSA_BITS} bits")
    if cbor2.loads(cose)[3] == -8:
        return VerifyKey("passkey", key.public_bytes_raw()).public  # type: ignore[union-attr]  # refuses weak ones
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _verify(key: Passkey, message: bytes, assertion: Assertion, origin: str) -> None:
    """The ceremony of section 7.2, but for its steps about sessions and counters.  Raises NotVerified.

    The library takes 0.4 s to load, so only who meets a passkey loads it."""
    from webauthn import verify_authentication_response  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    id_ = b64url(key.credential)
    credential = {"id": id_, "rawId": id_, "type": "public-key", "response": msgspec.to_builtins(assertion)}
    try:
        verify_authentication_response(
            credential=credential,
            expected_challenge=challenge(message),
            expected_rp_id=key.rp_id,
            expected_origin=origin,
            credential_public_key=key.cose,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise NotVerified(
            f"the signature by `{key.name}+{key.id.hex()}` does not hold: {_why(error)}", step=STEP
        ) from None


def _why(error: Exception) -> str:
    """The library's reason in our words; it quotes what it got, which is not for a message."""
    text = str(error)
    for begins, says in _REASONS.items():
        if text.startswith(begins):
            return says
    return "the assertion is not as Web Authentication wants it"


_REASONS: Final = {
    "Client data challenge": "it signs something else",
    "Unexpected RP ID": "it was made for another domain",
    "User verification": "the authenticator did not verify the person",
    "User was not present": "nobody was present",
    "Could not verify": "it is not this key's",
    "Unexpected client data type": "it was made when a passkey was registered, not to sign",
}
