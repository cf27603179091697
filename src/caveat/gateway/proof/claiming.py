"""Claims about terms at the edge: put on record, shown with what they count for, looked into by a person."""

from typing import Any

import msgspec

from caveat.canon import canonical
from caveat.gateway.house.house import House
from caveat.register import Register
from caveat.terms.claim import STANDINGS, Recorded, claim_id, sources, standing_of


async def claim(house: House, document: bytes) -> dict[str, Any]:
    """Put a claim on record.  Raises NotVerified: a sentence."""
    id_ = claim_id(document)
    register = await house.amend("terms.claimed", id_, document)
    return row(register, register.claims[id_])


async def reviewed(house: House, id_: str, by: str, found: str) -> dict[str, Any]:
    """Put on record that a person has looked into a claim.  Raises NotVerified."""
    register = await house.amend("claim.reviewed", id_, canonical({"v": 1, "by": by, "found": found}))
    return row(register, register.claims[id_])


def listed(register: Register) -> dict[str, Any]:
    """All claims, the newest first, with how many sources they go back to for each thing that they are about."""
    claims = [row(register, one) for one in sorted(register.claims.values(), key=lambda one: -one.index)]
    counts = []
    for about, clause in dict.fromkeys((one.claim.about, one.claim.clause) for one in register.claims.values()):
        same = [one for one in register.claims.values() if (one.claim.about, one.claim.clause) == (about, clause)]
        counts.append({"about": about, "clause": clause, "claims": len(same), "sources": len(sources(same))})
    waiting = [one["id"] for one in claims if one["waits"]]
    return {"claims": claims, "counts": counts, "waiting": waiting, "standings": STANDINGS}


def row(register: Register, one: Recorded) -> dict[str, Any]:
    """One claim with what it counts for."""
    return {
        **msgspec.to_builtins(one.claim),
        "id": one.id,
        "index": one.index,
        "standing": standing_of(one, register.claims),
        "signed_by": one.key,
        "waits": bool(one.claim.review) and one.id not in register.reviewed,
        "reviewed_at": register.reviewed.get(one.id, -1),
    }
