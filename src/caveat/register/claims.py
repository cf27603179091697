"""What is said about terms, on record beside what holds.

    terms.claimed     id of the claim; document: the claim (terms/claim.py), signed by a party or not
    claim.reviewed    id of the claim; document: who looked into it, and what was found

Rules of this file: nothing here is part of the fence, and nothing here reads terms to change them: a claim asks a person to
look, at most.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from caveat.record import Leaf
from caveat.register.values import Register, no, read
from caveat.terms.claim import open_claim


class Review(Struct, frozen=True, forbid_unknown_fields=True):
    """Who looked into a claim, and what was found."""

    v: Literal[1]
    by: Annotated[str, Meta(min_length=1, max_length=100)]
    found: Annotated[str, Meta(min_length=1, max_length=2000)]


def _claim(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    one = open_claim(document, after.trust(), index)
    if one.id != leaf.id:
        raise no(f"the document is the claim `{one.id}`, its record names `{leaf.id}`")
    if one.id in after.claims:
        raise no(f"the claim `{one.id}` is on record already")
    claim = one.claim
    if claim.disputes and claim.disputes not in after.claims:
        raise no(f"no claim `{claim.disputes}` is on record, so it cannot be disputed")
    parties = {
        party.name
        for terms in after.terms.values()
        if terms.draft.id == claim.about.partition("@")[0]
        for party in (terms.draft.vendor, terms.draft.operator)
    }
    if claim.standing == "stated" and parties and claim.by not in parties:
        raise no(f"`{claim.by}` is no party of `{claim.about}`: what others say is reported or unverified")
    return replace(after, claims={**after.claims, one.id: one})


def _review(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    one = after.claims.get(leaf.id)
    if one is None or not one.claim.review or leaf.id in after.reviewed:
        raise no(f"nothing about the claim `{leaf.id}` waits for a person")
    read(document, Review)
    return replace(after, reviewed={**after.reviewed, leaf.id: index})


EFFECTS = {"terms.claimed": _claim, "claim.reviewed": _review}
