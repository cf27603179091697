"""DSSE 1.0 envelopes (github.com/secure-systems-lab/dsse): one text, signatures of several keys, each added on its own.

    {"payload": "<base64>", "payloadType": "application/vnd.caveat.waiver+json",
     "signatures": [{"keyid": "anna+1a2b3c4d", "sig": "<base64>"}, ...]}

Each signature is over PAE(payloadType, payload).  Rules: nothing here says whose signature counts; whoever reads an
envelope verifies its bytes before parsing them; raises NotVerified, nothing else.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from caveat.canon import b64, canonical, unb64
from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey

MAX_SIGNATURES = 16


class Kind(Struct, frozen=True):
    """A kind of signed document.

    payload_type   what DSSE signs with the payload
    what, step     its name in sentences (`signed terms`), and the check that a report names
    most_bytes     the largest envelope that is read
    hint           where such a file comes from
    """

    payload_type: str
    what: str
    step: str
    most_bytes: int
    hint: str = ""


class Sig(Struct, frozen=True):
    """A signature as it stands: which key it claims (`name+hhhhhhhh`), and its base64."""

    keyid: str
    sig: str


class Sealed(Struct, frozen=True):
    """An envelope as it came: nothing in it is verified."""

    payload: bytes
    signatures: tuple[Sig, ...]


class Verifies(Protocol):
    """A public key of any kind: its name and the four bytes that tell it from others of that name."""

    name: str

    @property
    def id(self) -> bytes: ...

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return if the signature over the message holds; raise NotVerified otherwise."""
        ...


class _Envelope(Struct, frozen=True):
    payload: str
    payloadType: str  # noqa: N815 - the name that DSSE gives it
    signatures: list[Sig]


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: `DSSEv1 <len> <type> <len> <payload>`, lengths in bytes."""
    return b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type.encode(), len(payload), payload)


def key_id(key: Verifies) -> str:
    """`name+hhhhhhhh`, as signed notes name a key."""
    return f"{key.name}+{key.id.hex()}"


def seal(kind: Kind, payload: bytes, keys: Sequence[SigningKey], others: Sequence[Sig] = ()) -> bytes:
    """An envelope with `others` as they are and one signature by each key, in place of one that claims the same key."""
    mine = [Sig(key_id(key.verify_key), b64(key.sign(pae(kind.payload_type, payload)))) for key in keys]
    return join(kind, payload, mine, others)


def join(kind: Kind, payload: bytes, mine: Sequence[Sig], others: Sequence[Sig] = ()) -> bytes:
    """The same with signatures that were made elsewhere."""
    names = {sig.keyid for sig in mine}
    signatures = [*(sig for sig in others if sig.keyid not in names), *mine]
    return canonical(
        {
            "payload": b64(payload),
            "payloadType": kind.payload_type,
            "signatures": [{"keyid": sig.keyid, "sig": sig.sig} for sig in signatures],
        }
    )


def read(kind: Kind, raw: bytes) -> Sealed:
    """The payload's bytes and the signatures, unverified."""
    if len(raw) > kind.most_bytes:
        raise NotVerified(f"the {kind.what} have more than {kind.most_bytes} bytes", step=kind.step)
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotVerified(f"this file does not hold {kind.what}", step=kind.step, hint=kind.hint) from None
    if envelope.payloadType != kind.payload_type:
        raise NotVerified(f"expected `{kind.payload_type}` to be signed, got `{envelope.payloadType}`", step=kind.step)
    if len(envelope.signatures) > MAX_SIGNATURES:
        raise NotVerified(f"expected at most {MAX_SIGNATURES} signatures", step=kind.step)
    return Sealed(_base64(envelope.payload, "the signed text", kind), tuple(envelope.signatures))


def check(kind: Kind, sealed: Sealed, sig: Sig, key: Verifies) -> None:
    """Return if the signature by that key over the payload holds."""
    key.verify(pae(kind.payload_type, sealed.payload), _base64(sig.sig, f"the signature by `{sig.keyid}`", kind))


def _base64(text: str, what: str, kind: Kind) -> bytes:
    try:
        return unb64(text)
    except BadInput:
        raise NotVerified(f"{what} is not base64", step=kind.step) from None
