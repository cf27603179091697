"""What is in force: a fold over the ledger's control records, and nothing else.

Rules of this file: no second source of truth; the fold is pure, so whoever holds the records and their documents gets
the same register; the fence is a digest of everything here that a decision stands on.

Control records and the document each names:

    log.opened      the log's first record; document: the gateway's name, build and engine
    party.trusted   document Party: whose signatures count, for a role
    party.rooted    name of the party; document: the first root of its repository (TUF)
    party.seen      name of the party; document: what its repository listed then (terms/listing.py)
    party.moved     name of the party; document: the word of a bare key that signed terms: this repository stands in its place
    terms.adopted   document: the signed terms (DSSE envelope)
    terms.ended     id of the terms that no longer hold; document, where a party ended them: its signed word
    terms.renewed   id of the terms; document: the vendor's signed renewal of their lease
    lease.lapsed    id of the terms whose lease is over: continuity counts its days from here, and aliases move that are to
    key.new         document CallerKey; never the key itself, only its digest
    key.revoked     id of the key
    key.budgeted    id of the key; document Budget: how much it may use from here on
    approver.trusted    document: a person who may approve exceptions, signed by the party of their side; a vendor's is bound
                        to that vendor's terms
    approver.removed    id of the person; what they approved before stays
    alias.standby       a model's alias; document: the terms that stand by for it, none where none do any more
    alias.switched      a model's alias; document: the terms that it is served under from here on
    terms.claimed       a claim's id; document: what is said about terms, by whom, through whom; it changes nothing
    claim.reviewed      a claim's id; document: who looked into it, and what was found
    waiver.granted      id of the waiver; document: what was asked for, and the approvals (DSSE)
    waiver.refused      id of a waiver that is never granted; document: a person's refusal (DSSE), none where nobody signed
    waiver.ended        id of the waiver, which lifts nothing from here on
    hold.decided        id of the held call; document: the approvals or a signed refusal (DSSE), none where it was denied
    evidence.exported   id of the receiver; document: the numbered bundle that left
    evidence.challenged digest of a bundle's manifest; document: the challenge that came in, a signed note
    evidence.answered   digest of the challenge; document: what was opened (gateway/proof/challenges.py)
    evidence.judged     digest of a bundle's manifest; document: a verdict that came in, a signed note
    talks.step      talks, verb and party; document: a step in talks (DSSE), which changes nothing that is in force
    meter.beat          name of a seal; document: how far it has counted, signed by it
    meter.tickets       name of a seal; document: tickets that came by no call's reply
    coverage.measured   document: the coverage matrix of the terms that it is about (id@version)
    clock.back      the machine's clock was behind the time on record; document: both times
    clock.ahead     the machine's clock was set ahead; document: both times, and what they were compared with
    end.stated      pair of terms that ended; document: the signed statement of end
    vendor.notified     id of the call; document: the signed note for its vendor
    bodies.destroyed    how many; document: which bodies left the vault for good
    content.viewed      id of the call whose content a person looked at; document: who, as what, which body
"""

from collections.abc import Callable

import msgspec

from caveat.canon import digest
from caveat.record import Leaf
from caveat.register import (
    agreements,
    callers,
    claims,
    exports,
    leases,
    lifts,
    meters,
    notices,
    repositories,
    switches,
)
from caveat.register.values import Register, no

EFFECTS: dict[str, Callable[[Register, Leaf, int, bytes], Register]] = {
    **agreements.EFFECTS,
    **leases.EFFECTS,
    **claims.EFFECTS,
    **switches.EFFECTS,
    **callers.EFFECTS,
    **lifts.EFFECTS,
    **exports.EFFECTS,
    **notices.EFFECTS,
    **repositories.EFFECTS,
    **meters.EFFECTS,
}
"""What each kind of act does; each family of acts has a module of its own."""

NOTED = (
    "log.opened",
    "evaluated",
    "evidence.challenged",
    "evidence.answered",
    "evidence.judged",
    "content.viewed",
    "gateway.stopped",
    "gateway.started",
    "talks.step",
    "clock.back",
    "clock.ahead",
    "end.stated",
)
"""Acts that change nothing that is in force."""

ACTS = (*EFFECTS, *NOTED)


def fold(register: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    """The register after one control record.  `document` is what `leaf.doc` names, b"" where it names none.

    register.size <= index.  Raises NotVerified where the document is not the one named, does not parse, or its
    signatures do not hold; where a key's name is used again; where what ends or is revoked never began.
    """
    if (digest(document) if document else "") != leaf.doc:
        raise no(f"control document `{leaf.doc}` of record {index} is missing or changed")
    if index < register.size:
        raise no(f"record {index} comes after record {register.size - 1} was folded")
    if leaf.what not in ACTS:
        raise no(f"record {index} does `{leaf.what}`, which this version does not know")
    after = msgspec.structs.replace(register, size=index + 1)
    effect = EFFECTS.get(leaf.what)
    return effect(after, leaf, index, document) if effect else after
