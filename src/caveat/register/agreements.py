"""What the records about parties and their terms do to the register."""

import msgspec

from caveat.errors import BadInput
from caveat.keys import read_verify_key
from caveat.record import Leaf
from caveat.register import leases
from caveat.register.repositories import open_adopted, party_keys
from caveat.register.switches import moved_on
from caveat.register.values import PARTY_ROLES, PartyKey, Register, no, read
from caveat.terms.ending import open_ending


def _trust(after: Register, _leaf: Leaf, _index: int, document: bytes) -> Register:
    party = read(document, PartyKey)
    try:
        read_verify_key(party.vkey)
    except BadInput as error:
        raise no(f"a party's key cannot be read: {error.message}") from None
    if party.role not in PARTY_ROLES:
        raise no(f"expected a party that is vendor or operator, got `{party.role}`")
    kept = tuple(p for p in after.parties if p.vkey != party.vkey)
    return msgspec.structs.replace(after, parties=(*kept, party))


def _adopt(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    terms, vendor = open_adopted(after, document, leaf.t)
    draft = terms.draft
    version, pair = after.newest.get(draft.id, (0, ""))
    if terms.digest in after.closed:
        raise no(f"a party has ended this pair of signatures on `{draft.name}` for good: both sign a new version")
    if draft.version < version or (draft.version == version and terms.digest != pair):
        raise no(f"`{draft.id}@{version}` was adopted before: expected a later version, got `{draft.name}`")
    after = leases.begun(after, terms)
    return msgspec.structs.replace(
        after,
        terms={**after.terms, draft.id: terms},
        ended={k: v for k, v in after.ended.items() if k != draft.id},
        newest={**after.newest, draft.id: (draft.version, terms.digest)},
        vendors={**after.vendors, draft.id: vendor},
        seals=after.seals | {seal.vkey for seal in draft.seals},
    )


def _end(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    terms = after.terms.get(leaf.id)
    if terms is None:
        raise no(f"record {index} ends terms `{leaf.id}`, which are not in force")
    if document:
        ending = open_ending(document, party_keys(after, leaf.id))
        if ending.digest != terms.digest:
            raise no("the signed ending is for another pair than the one in force")
        after = msgspec.structs.replace(after, closed=after.closed | {terms.digest})
        if shortened := leases.shortened(after, terms, ending, leaf.t):
            over = shortened.leases[terms.digest].until_ms <= leaf.t
            return moved_on(shortened, leaf.id, index) if over else shortened
        after = leases.dropped(after, terms.digest)
    rest = {name: one for name, one in after.terms.items() if name != leaf.id}
    after = msgspec.structs.replace(after, terms=rest, ended={**after.ended, leaf.id: index})
    return moved_on(after, leaf.id, index)


def _measured(after: Register, leaf: Leaf, _index: int, _document: bytes) -> Register:
    return msgspec.structs.replace(after, coverage={**after.coverage, leaf.id: leaf.doc})


EFFECTS = {
    "party.trusted": _trust,
    "terms.adopted": _adopt,
    "terms.ended": _end,
    "coverage.measured": _measured,
}
