"""An impact statement that a party signs: what its own records say that other terms would have changed.

DSSE over the statement's JSON, `application/vnd.caveat.impact+json`.  It is the party's word about calls that the other
side cannot see; the evidence for it is the ledger's, when the party opens that.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from caveat.dsse import Kind, check, key_id, read, seal
from caveat.errors import NotVerified
from caveat.keys import SigningKey, VerifyKey
from caveat.talks.impact import Impact

MAX_BYTES: Final = 1 << 24
KIND: Final = Kind(
    "application/vnd.caveat.impact+json",
    "a signed impact statement",
    "impact",
    MAX_BYTES,
    "`caveat terms replay --json` makes a statement, and `--attach` signs it",
)


def sign_if_impact(data: bytes, keys: Sequence[SigningKey]) -> bytes:
    """An impact statement signed; anything else as it is."""
    try:
        msgspec.json.decode(data, type=Impact)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data
    return seal(KIND, data, keys)


def open_impact(raw: bytes, keys: Sequence[VerifyKey]) -> Impact:
    """The statement, once one of the party's keys has signed it.  Raises NotVerified."""
    sealed = read(KIND, raw)
    known = {key_id(key): key for key in keys}
    signer = next((sig for sig in sealed.signatures if sig.keyid in known), None)
    if signer is None:
        raise NotVerified("no key of that party has signed this impact statement", step="impact")
    check(KIND, sealed, signer, known[signer.keyid])
    try:
        return msgspec.json.decode(sealed.payload, type=Impact)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotVerified(f"the signed text is no impact statement: {error}", step="impact") from None
