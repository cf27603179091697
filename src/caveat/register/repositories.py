"""What the records about parties' repositories do to the register: which root is trusted, and what was seen last.

Rules of this file: a party that keeps a repository signs terms with the keys that its newest root names, as many as that
asks for; terms come into force only where every such party lists the very bytes; what is older than what was seen is
refused, at the time that the record bears.
"""

import msgspec

from caveat.canon import digest
from caveat.dsse import key_id
from caveat.keys import VerifyKey, read_verify_key
from caveat.record import Leaf
from caveat.register.values import PARTY_ROLES, PartyKey, Register, Seen, no
from caveat.terms.document import SignedTerms, Terms
from caveat.terms.listing import Repository, check_target, named, read_listing, refusal, terms_path
from caveat.terms.moving import open_move
from caveat.terms.sign import claimed_keys, open_terms

ADOPT = "this home trusts repositories, so a file alone is not enough: `caveat terms adopt --party DIRECTORY --theirs DIRECTORY`"


def _root(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    from caveat.terms.repository import open_root  # noqa: PLC0415 - only houses whose parties keep repositories load tuf

    repository = open_root(document.decode("utf-8", "replace"))
    if repository.party != leaf.id or repository.role not in PARTY_ROLES:
        raise no(f"record {index} trusts a root of `{leaf.id}`, and it is of `{repository.party}`")
    if leaf.id in after.repositories:
        raise no(f"a root of `{leaf.id}` is trusted already: a new one comes with its repository, signed under the old")
    return _with(after, repository, Seen(repository.root, repository, roots=(digest(repository.root.encode()),)))


def _seen(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    from caveat.terms.repository import look  # noqa: PLC0415 - as above

    before = after.repositories.get(leaf.id)
    if before is None:
        raise no(f"record {index} looks at a repository of `{leaf.id}`, whose root is not trusted")
    listing = read_listing(document)
    repository = look(before.root, listing, leaf.t, before.listing)
    if (repository.party, repository.role) != (before.repository.party, before.repository.role):
        raise no(f"the newest root of `{leaf.id}` says that it is another party's")
    more = listing.roots[before.repository.version : repository.version]  # root n is the nth, and look() followed them
    roots = (*before.roots, *(digest(root.encode()) for root in more))
    return _with(after, repository, Seen(repository.root, repository, listing, roots))


def _move(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    """A repository stands in the place of the bare key that signed terms, by that key's own word."""
    seen = after.repositories.get(leaf.id)
    if seen is None:
        raise no(f"no root of `{leaf.id}` is trusted yet, so nothing moves to its repository")
    bare = [read_verify_key(party.vkey) for party in after.parties if party.role == "vendor"]
    move, by = open_move(document, bare)
    if move.party != leaf.id or move.role != seen.repository.role or move.root not in seen.roots:
        raise no(f"the move is to another repository than the one of `{leaf.id}` that is trusted here")
    names = [name for name, terms in after.terms.items() if not after.vendors.get(name) and vendor_keys(terms) <= by]
    if not names:
        raise no("no terms in force were signed by the key that makes the move, and by no other of the vendor")
    return msgspec.structs.replace(after, vendors={**after.vendors, **dict.fromkeys(names, leaf.id)})


def _with(after: Register, repository: Repository, seen: Seen) -> Register:
    known = {party.vkey for party in after.parties}
    keys = [PartyKey(repository.role, key.name, key.text) for key in repository.keys if key.text not in known]
    trusted = msgspec.structs.replace(
        after,
        parties=(*after.parties, *keys),
        repositories={**after.repositories, repository.party: seen},
    )
    _check_apart(trusted)
    return trusted


def _check_apart(register: Register) -> None:
    public = [{key.public for key in keys} for keys in register.trust().values()]
    if public[0] & public[1]:
        raise no("one key stands for both parties: each makes keys of its own")


def open_adopted(register: Register, document: bytes, at_ms: int) -> tuple[Terms, str]:
    """Terms as they may come into force at that time, and the party whose repository the vendor keeps ("" for none).

    Of several repositories of a role the one whose keys have signed is meant; it must list these very bytes.  Raises
    NotVerified: who must do what.
    """
    signed = SignedTerms(document)
    claimed = set(claimed_keys(signed))
    meant = {role: _meant(register, role, claimed) for role in PARTY_ROLES}
    trust = register.trust()
    keys = {role: seen.repository.keys if seen else trust[role] for role, seen in meant.items()}
    terms = open_terms(signed, keys, {role: seen.repository.threshold for role, seen in meant.items() if seen})
    for seen in filter(None, meant.values()):
        _check_listed(seen, terms.draft.name, document, at_ms)
    vendor = meant["vendor"].repository.party if meant["vendor"] else ""
    bound = register.vendors.get(terms.draft.id, vendor)
    if bound != vendor and not bound:
        raise refusal(
            f"`{terms.draft.id}` was agreed with a bare key of the vendor, and this version comes from the repository of `{vendor}`",
            "the holder of that key signs `caveat party move`; the operator takes it up with `caveat party trust --moved FILE`",
        )
    if bound != vendor:
        raise no(f"`{terms.draft.id}` is an agreement with `{bound}`, and another vendor has signed this version of it")
    return terms, vendor


def party_keys(register: Register, name: str) -> dict[str, tuple[VerifyKey, ...]]:
    """Who may renew and end terms in force: the operator, and the vendor that signed them, none of the others."""
    trust = register.trust()
    vendor, terms = register.repositories.get(register.vendors.get(name, "")), register.terms.get(name)
    if vendor:
        return {**trust, "vendor": vendor.repository.keys}
    if terms is None:
        return trust
    every = [read_verify_key(party.vkey) for party in register.parties if party.role == "vendor"]
    return {**trust, "vendor": tuple(key for key in every if key_id(key) in vendor_keys(terms))}


def vendor_keys(terms: Terms) -> frozenset[str]:
    """The ids of the vendor's keys that have signed terms."""
    return frozenset(signature.key for signature in terms.signatures if signature.role == "vendor")


def renewers(register: Register, name: str) -> int:
    """How many keys of the vendor prolong terms: as many as sign them.  Ending them takes one: it only ever stops."""
    vendor = register.repositories.get(register.vendors.get(name, ""))
    return vendor.repository.threshold if vendor else 1


def _meant(register: Register, role: str, claimed: set[str]) -> Seen | None:
    """The repository of that role with most keys among those that say they signed; None where none is kept."""
    kept = [seen for seen in register.repositories.values() if seen.repository.role == role]
    return max(kept, key=lambda seen: sum(key_id(key) in claimed for key in seen.repository.keys), default=None)


def _check_listed(seen: Seen, name: str, document: bytes, at_ms: int) -> None:
    who = named(seen.repository.party, seen.repository.role)
    if seen.listing is None:
        raise refusal(f"nothing was seen of the repository of {who} yet", ADOPT)
    if at_ms >= seen.repository.until_ms:
        raise refusal(f"what was seen of the repository of {who} has expired: bring a new copy", ADOPT)
    check_target(seen.repository, terms_path(name), document)


EFFECTS = {"party.rooted": _root, "party.seen": _seen, "party.moved": _move}
