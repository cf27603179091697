"""What adopting, renewing and revoking do to leases: how long the terms in force still hold.

Rules of this file: a lease stands under its pair's digest, so that no renewal serves another text; the vendor alone
prolongs, either party shortens, and what was revoked is not renewed.  The time of a record is the one that it bears.
"""

import msgspec

from caveat.record import Leaf
from caveat.register.repositories import party_keys, renewers
from caveat.register.switches import moved_on
from caveat.register.values import Register, no
from caveat.terms.document import Terms
from caveat.terms.ending import Ending
from caveat.terms.lease import FOREVER, Lease, continuing
from caveat.terms.moment import moment_text
from caveat.terms.renewal import open_renewal


def begun(after: Register, terms: Terms) -> Register:
    """The register with the lease of terms that are adopted; a pair adopted before keeps what was imported for it."""
    own = terms.draft.own_lease
    before = after.terms.get(terms.draft.id)
    if before is not None and before.digest != terms.digest:
        after = dropped(after, before.digest)
    if terms.draft.seals and terms.digest not in after.sealed_before:
        counted = sum(after.sealed.get(seal.name, 0) for seal in terms.draft.seals)
        after = msgspec.structs.replace(after, sealed_before={**after.sealed_before, terms.digest: counted})
    if own is None or terms.digest in after.leases:
        return after
    return msgspec.structs.replace(after, leases={**after.leases, terms.digest: own})


def dropped(after: Register, pair: str) -> Register:
    """The register without the lease of a pair that is no longer in force."""
    if pair not in after.leases:
        return after
    return msgspec.structs.replace(after, leases={k: v for k, v in after.leases.items() if k != pair})


def shortened(after: Register, terms: Terms, ending: Ending, at_ms: int) -> Register | None:
    """The register with a revoked pair's lease made shorter: notice was given, or the terms grant a continuity.  None where
    nothing is left of it."""
    lease = after.leases.get(terms.digest, Lease())
    until = min(lease.until_ms, max(ending.ends_ms, at_ms))
    lease = msgspec.structs.replace(lease, until_ms=until, revoked_by=ending.role)
    if until <= at_ms and continuing(lease, terms.draft.continuity) is None:
        return None
    return msgspec.structs.replace(after, leases={**after.leases, terms.digest: lease})


def _renew(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    terms = after.terms.get(leaf.id)
    if terms is None:
        raise no(f"no terms called `{leaf.id}` are in force, so there is nothing to renew")
    renewal = open_renewal(document, party_keys(after, leaf.id), renewers(after, leaf.id))
    if renewal.digest != terms.digest:
        raise no(f"the renewal is for another pair, `{renewal.name}`, than `{terms.draft.name}`, which is in force")
    lease = after.leases.get(terms.digest)
    if terms.draft.lease is None or lease is None:
        raise no(f"the terms `{terms.draft.name}` have no lease, so there is nothing to renew")
    if lease.revoked_by:
        raise no(f"the {lease.revoked_by} has revoked `{terms.draft.name}`: both parties sign a new version instead")
    if renewal.until_ms <= leaf.t:
        raise no(f"the renewal has expired: it runs until {moment_text(renewal.until_ms)}")
    if renewal.issued_ms <= lease.issued_ms:
        raise no(f"a renewal issued at {moment_text(lease.issued_ms)} is in force already, and this one is not newer")
    return msgspec.structs.replace(after, leases={**after.leases, terms.digest: renewal.lease})


def _lapse(after: Register, leaf: Leaf, index: int, _document: bytes) -> Register:
    """That a lease is over, once for each: its continuity counts its days from here, and an alias moves where other terms
    stand by for that.  Counts are not the fold's to know: whoever says it too early only stops what they may stop at any time.
    """
    terms = after.terms.get(leaf.id)
    lease = after.leases.get(terms.digest) if terms else None
    if terms is None or lease is None:
        raise no(f"no terms called `{leaf.id}` with a lease are in force, so nothing lapses")
    if lease.lapsed_ms:
        raise no(f"that the lease of `{terms.draft.name}` is over is on record already")
    if leaf.t < lease.until_ms and lease.calls >= FOREVER:
        raise no(f"the lease of `{terms.draft.name}` runs until {moment_text(lease.until_ms)}")
    lapsed = msgspec.structs.replace(lease, lapsed_ms=max(leaf.t, 1))
    after = msgspec.structs.replace(after, leases={**after.leases, terms.digest: lapsed})
    return moved_on(after, leaf.id, index, lapsed=True)


EFFECTS = {"terms.renewed": _renew, "lease.lapsed": _lapse}
