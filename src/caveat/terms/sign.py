"""Signatures of both parties over the exact bytes of the terms, and the only way to `Terms`.

    {"payload": "<base64>", "payloadType": "application/vnd.caveat.terms+json",
     "signatures": [{"keyid": "example-labs.test/terms+1a2b3c4d", "sig": "<base64>"}, ...]}

DSSE 1.0 (github.com/secure-systems-lab/dsse): each signature is over PAE(payloadType, payload).  The payload is the
canonical JSON of {"v": 1, "yaml": .., "cedar": .., "schema": ..}: the text that people agreed to, and what it compiles
to, so that any Cedar engine can check a decision.  `"vocabulary": n` stands there too where the terms name a fact or a word
that came after the vocabulary's first version (docs/adr/0015).

Rules: bytes are verified before they are parsed; the YAML is compiled again and must give the signed Cedar and schema
byte for byte; a signature counts for the party whose trusted key made it, whatever the envelope says; nobody can be
both parties.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical, digest
from caveat.dsse import Kind, Sealed, check, key_id, read, seal
from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.terms.cedar_schema import listed
from caveat.terms.document import Draft, Signature, SignedTerms, Terms
from caveat.terms.parse import parse_terms
from caveat.vocabulary import CAVEAT, VERSION

PAYLOAD_TYPE = "application/vnd.caveat.terms+json"
MAX_BYTES = 1 << 23
ONE_EACH: Mapping[str, int] = {}
ROLES: tuple[Literal["vendor", "operator"], ...] = ("vendor", "operator")
STEP = "terms"
MAKE = "signed terms are made with `caveat terms sign FILE`"
KIND = Kind(PAYLOAD_TYPE, "signed terms", STEP, MAX_BYTES, MAKE)

Trust = Mapping[str, Sequence[VerifyKey]]
"""Whose signatures count, by role: the keys of the vendor and those of the operator."""


class _Payload(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    yaml: str
    cedar: str
    schema: str
    vocabulary: Annotated[int, Meta(ge=1)] = 1


HOW: Final = (
    "the {role} hands its repository over, which `caveat party trust` lets count here; or its verify key, for `caveat init "
    "--{role} VKEY`"
)


def sign_terms(draft: Draft, *keys: SigningKey) -> SignedTerms:
    """An envelope with one signature by each key."""
    return SignedTerms(seal(KIND, payload_of(draft), keys))


def add_signature(signed: SignedTerms, key: SigningKey) -> SignedTerms:
    """The envelope with one signature more; it replaces one by the same key.

    Raises NotVerified where the envelope's Cedar is not what its YAML compiles to: nobody signs such a thing.
    """
    sealed = read(KIND, signed.raw)
    _compile(sealed.payload)
    return SignedTerms(seal(KIND, sealed.payload, [key], sealed.signatures))


def claimed_draft(signed: SignedTerms) -> Draft:
    """What the envelope holds, whoever signed it: to be shown before signing, never to decide from."""
    return _compile(read(KIND, signed.raw).payload)


def claimed_terms(signed: SignedTerms) -> Terms:
    """The same with the pair's digest; to name the pair by, never to decide from."""
    payload = read(KIND, signed.raw).payload
    return Terms(draft=_compile(payload), digest=digest(payload), signatures=())


def claimed_keys(signed: SignedTerms) -> tuple[str, ...]:
    """The ids of the keys that the envelope says have signed; not checked."""
    return tuple(sig.keyid for sig in read(KIND, signed.raw).signatures)


def open_terms(signed: SignedTerms, trust: Trust, least: Mapping[str, int] = ONE_EACH) -> Terms:
    """The terms, once enough keys of each party have signed these bytes: one, or as many as `least` says for the role.
    Raises NotVerified: who must do what."""
    _check_apart(trust)
    sealed = read(KIND, signed.raw)
    signatures = tuple(
        signature for role in ROLES for signature in _signatures(sealed, role, trust.get(role, ()), least.get(role, 1))
    )
    return Terms(draft=_compile(sealed.payload), digest=digest(sealed.payload), signatures=signatures)


def payload_of(draft: Draft) -> bytes:
    """The bytes that both parties sign."""
    payload = {"v": 1, "yaml": draft.yaml.decode(), "cedar": draft.cedar, "schema": draft.schema}
    return canonical(payload if draft.vocabulary == 1 else {**payload, "vocabulary": draft.vocabulary})


def _signatures(
    sealed: Sealed, role: Literal["vendor", "operator"], keys: Sequence[VerifyKey], least: int
) -> list[Signature]:
    """Signatures by so many of the party's keys; one that claims such a key must hold."""
    found: list[Signature] = []
    for key in keys:
        for sig in sealed.signatures:
            if sig.keyid == key_id(key) and len(found) < least:
                check(KIND, sealed, sig, key)
                found.append(Signature(role, sig.keyid))
                break
    if found and len(found) >= least:
        return found
    if not keys:
        raise NotVerified(f"no key of the {role} is trusted here", step=STEP, hint=HOW.format(role=role))
    names = ", ".join(f"`{key_id(key)}`" for key in keys[:4])
    raise NotVerified(
        f"{len(found)} keys of the {role} have signed these terms, and it takes {least}"
        if found
        else f"the {role} has not signed these terms",
        step=STEP,
        hint=f"whoever holds {names} signs with `caveat terms sign FILE --key KEY`",
    )


def _check_apart(trust: Trust) -> None:
    """No key, under whatever name, may stand for both parties."""
    vendor = {key.public for key in trust.get("vendor", ())}
    for key in trust.get("operator", ()):
        if key.public in vendor:
            raise NotVerified(
                f"the key `{key_id(key)}` stands for both parties",
                step=STEP,
                hint="each party makes a key of its own; whoever keeps the trust file removes this one from one side",
            )


@lru_cache(maxsize=4)  # adopting opens the same envelope several times, and YAML is slow to read
def _compile(payload: bytes) -> Draft:
    """The draft that the payload's YAML compiles to, if it is the very one that was signed."""
    try:
        claim = msgspec.json.decode(payload, type=_Payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotVerified("the signed text is not terms", step=STEP, hint=MAKE) from None
    if claim.vocabulary > VERSION:
        raise NotVerified(
            f"these terms are of vocabulary {claim.vocabulary}, and this Caveat knows it up to {VERSION}",
            step=STEP,
            hint="install the version of Caveat that the other party signed with, or a later one",
        )
    try:
        draft = parse_terms(claim.yaml.encode(), _caveats(claim.schema))
    except BadInput as error:
        raise NotVerified(f"the signed terms do not compile: {error.message}", step=STEP, hint=error.hint) from None
    if payload_of(draft) != payload:
        raise NotVerified(
            "the signed Cedar or schema is not what the signed text compiles to",
            step=STEP,
            hint="compile and sign again with one version of Caveat, or ask the party that made the file why",
        )
    return draft


def _caveats(schema: str) -> tuple[str, ...]:
    """The marking caveats that were signed: the one list that the YAML leaves to its marking profile."""
    try:
        words = listed(schema, CAVEAT.name)
        if all(isinstance(word, str) for word in words):
            return words
    except (ValueError, KeyError, TypeError):
        pass
    raise NotVerified("the signed schema cannot be read", step=STEP, hint=MAKE)
