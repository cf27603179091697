"""A permit: the gateway's signed word that exactly these bytes may go to that model, once, within a minute.

JWS compact (RFC 7515), `alg` Ed25519 (RFC 9864), in one frozen profile:

    header  {"alg":"Ed25519","kid":"gw1.permits+1a2b3c4d","typ":"caveat-permit+jws"}      exactly these three
    iss     name of the gateway's permit key     aud   name of the seal's key
    iat, exp  POSIX seconds, exp - iat <= 60     jti   the call's id, 32 hex digits
    htm, htp  method and path (RFC 9449's htm; the path with its query)
    dig     RFC 9530 digest of the exact body, `sha-256=:<base64>:`
    mdl     which model, as the terms identify it
    trm     `id@version sha256:<pair>`           cls, dut  clauses that allowed it, duties that it owes
    max     output tokens that were asked for, 0 where none were
    chk     `<size> <root>` of the newest checkpoint of the gateway's log that the seal has seen

Rules: the header is compared before any key is touched (RFC 8725 section 3); one `check` takes the exact body, so that no
caller can forget to bind it; a claim that is missing, added or of another type makes it no permit.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Meta, Struct

from caveat.canon import b64url, unb64, unb64url
from caveat.errors import BadInput, Refused
from caveat.keys import SigningKey, VerifyKey, read_signing_key

ALGORITHM: Final = "Ed25519"
TYPE: Final = "caveat-permit+jws"
LIFE_S: Final = 60
"""No permit lives longer."""
AHEAD_S: Final = 5
"""How far the gateway's clock may be ahead of the seal's."""
MOST_BYTES: Final = 16_384
NO_RECORDS: Final = "0 -"
"""`chk` of a log that has no checkpoint yet."""

Line = Annotated[str, Meta(max_length=400)]


class Permit(Struct, frozen=True, forbid_unknown_fields=True):
    """A permit's claims; see above.  One that came from `check` holds for the request that was checked."""

    iss: Line
    aud: Line
    iat: int
    exp: int
    jti: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    htm: Line
    htp: Line
    dig: Line
    mdl: Line
    trm: Line
    cls: tuple[Line, ...]
    dut: tuple[Line, ...]
    max: int
    chk: Annotated[str, Meta(pattern=r"^(0 -|[1-9][0-9]{0,14} [A-Za-z0-9+/]{43}=)$")]


class Asked(Struct, frozen=True):
    """The request that a permit came with.  `target` is the path, with `?` and the query where there is one."""

    method: str
    target: str
    body: bytes


class Expected(Struct, frozen=True):
    """What a seal knows: its own name, its model, whose permits it takes (by key id), the time, and when it started.

    now_s, since_s   POSIX seconds; permits from before `since_s` are refused, for they could have been used before
    """

    seal: str
    model: str
    keys: Mapping[str, VerifyKey]
    now_s: int
    since_s: int


_encode = msgspec.json.Encoder(order="sorted").encode
_decoder = msgspec.json.Decoder(Permit)


def key_id(key: VerifyKey) -> str:
    """The `kid` of a permit key: the beginning of its vkey, `name+hhhhhhhh`."""
    return f"{key.name}+{key.id.hex()}"


def by_id(keys: Iterable[VerifyKey]) -> dict[str, VerifyKey]:
    """Keys by their `kid`."""
    return {key_id(key): key for key in keys}


def body_digest(body: bytes) -> str:
    """RFC 9530 digest of a body."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode('ascii')}:"


def issue(permit: Permit, key: SigningKey) -> str:
    """The permit as a token.  About 30 us."""
    header = {"alg": ALGORITHM, "kid": key_id(key.verify_key), "typ": TYPE}
    return jws.serialize_compact(header, _encode(permit), _private(key.text), algorithms=[ALGORITHM])


def check(token: str, asked: Asked, expected: Expected) -> Permit:
    """The permit, once it holds for exactly this request, here and now.

    That it is used once, and names a checkpoint that is new enough, is the gate's to see to.  Raises Refused, status 401,
    whose code says which check failed.
    """
    key = _key_of(token, expected.keys)
    permit = _claims(token, key)
    if permit.iss != key.name or permit.aud != expected.seal:
        raise refused("permit_addressee", "the permit is for another seal, or was issued by another key than it says")
    _check_time(permit, expected)
    if (permit.htm, permit.htp) != (asked.method, asked.target):
        raise refused("permit_target", "the permit is for another method or path")
    if permit.mdl != expected.model:
        raise refused("permit_model", f"the permit is for another model than `{expected.model}`, which stands here")
    if permit.dig != body_digest(asked.body):
        raise refused("permit_body", "the permit is for another body")
    return permit


def _check_time(permit: Permit, expected: Expected) -> None:
    if not 0 < permit.exp - permit.iat <= LIFE_S:
        raise refused("permit_time", f"a permit lives at most {LIFE_S} s")
    if permit.iat < expected.since_s:
        raise refused("permit_before_start", "the permit was issued before the seal started")
    if permit.iat > expected.now_s + AHEAD_S or permit.exp <= expected.now_s:
        raise refused("permit_time", "the permit has expired, or the clocks of gateway and seal differ")


def refused(code: str, message: str, *, hint: str = "") -> Refused:
    """The seal's refusal."""
    return Refused(message, code=code, status=401, hint=hint)


def _key_of(token: str, keys: Mapping[str, VerifyKey]) -> VerifyKey:
    """The key that the header names, once the header is exactly the profile's."""
    header = token.partition(".")[0] if len(token) <= MOST_BYTES else ""
    key = _known(header, tuple(keys.items())) if header else None
    if key is None:
        raise refused("permit_unknown", "there is no permit of a gateway that this seal knows")
    return key


@lru_cache(maxsize=256)
def _known(header: str, keys: tuple[tuple[str, VerifyKey], ...]) -> VerifyKey | None:
    try:
        said = msgspec.json.decode(unb64url(header))
    except (BadInput, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    known = dict(keys)
    if not isinstance(said, dict) or said.keys() != {"alg", "kid", "typ"}:
        return None
    if (said["alg"], said["typ"]) != (ALGORITHM, TYPE) or not isinstance(said["kid"], str):
        return None
    return known.get(said["kid"])


def _claims(token: str, key: VerifyKey) -> Permit:
    try:
        payload = jws.deserialize_compact(token, _public(key), algorithms=[ALGORITHM]).payload
    except (JoseError, ValueError):
        raise refused("permit_signature", "the permit's signature does not hold") from None
    try:
        permit = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refused("permit_unknown", "the permit's claims are not those of the profile") from None
    if _encode(permit) != payload:
        raise refused("permit_unknown", "the permit is not written in its one canonical form")
    return permit


@lru_cache(maxsize=64)
def _private(text: str) -> OKPKey:
    """From Go's text of the key, whose last piece is the base64 of its type byte and seed."""
    seed = unb64(text.split("+", 4)[4])[1:]
    public = read_signing_key(text).verify_key.public
    return OKPKey.import_key({"kty": "OKP", "crv": ALGORITHM, "x": b64url(public), "d": b64url(seed)})


@lru_cache(maxsize=64)
def _public(key: VerifyKey) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": ALGORITHM, "x": b64url(key.public)})
