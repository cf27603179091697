"""A person's signed word that a waiver is not granted.

DSSE over the very text that approvals sign (signed.py), as another type, so that neither can be taken for the other.  One
person is enough: whoever may approve a waiver may refuse it, its requester too, who takes it back with it.  Once it is on
record, no approvals put that request in force any more; who still wants it asks anew.

Rules of this file: pure; bytes are verified before they count.
"""

from collections.abc import Sequence

import msgspec

from caveat.canon import sha256
from caveat.dsse import read, seal
from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.waivers.approvers import Approver, Vouched, decoded, signers, unheard
from caveat.waivers.signed import KIND, STEP, Read, Request, read_request

REFUSAL = msgspec.structs.replace(
    KIND,
    payload_type="application/vnd.caveat.waiver-refusal+json",
    what="a refusal of a waiver",
    hint="`caveat waiver refuse FILE --key KEY --out REFUSAL` makes one",
)


def unsigned_refusal(raw: bytes) -> bytes:
    """What a person signs to refuse such a request, without a signature.  Raises NotVerified."""
    return seal(REFUSAL, read_request(raw).sealed.payload, [])


def refuse(raw: bytes, key: SigningKey) -> bytes:
    """The refusal of what such a document asks.  Raises NotVerified."""
    return seal(REFUSAL, read_request(raw).sealed.payload, [key])


def read_refusal(raw: bytes) -> Read:
    """What a refusal is about, never to decide from.  Raises NotVerified."""
    sealed = read(REFUSAL, raw)
    return Read(decoded(REFUSAL, sealed, Request), "w-" + sha256(sealed.payload).hex()[:16], sealed)


def open_refusal(
    raw: bytes, approvers: Sequence[Approver], others: Sequence[Vouched] = ()
) -> tuple[str, tuple[str, ...]]:
    """The id of the waiver that was refused, and the persons who did: one is enough; `others` do not count.  Raises
    NotVerified."""
    found = read_refusal(raw)
    persons = signers(REFUSAL, found.sealed, approvers, ())
    if not persons:
        why = f"no approver has signed that the waiver `{found.id}` is refused" + unheard(found.sealed, others)
        raise NotVerified(why, step=STEP, hint=REFUSAL.hint)
    return found.id, tuple(sorted(persons))


def is_refusal(raw: bytes) -> bool:
    """Whether a document claims to be a refusal; nothing in it is verified.  Raises nothing."""
    try:
        read(REFUSAL, raw)
    except NotVerified:
        return False
    return True
