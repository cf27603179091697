"""What the records about parties' repositories do to the register: which root is trusted, and what was seen last.

Rules of this file: a party that keeps a repository signs terms with the keys that its newest root names, as many as that
asks for; terms come into force only where every such party lists the very bytes; what is older than what was seen is
refused, at the time that the record bears.
"""

import msgspec

from caveat.record import Leaf
from caveat.register.values import PARTY_ROLES, PartyKey, Register, Seen, no
from caveat.terms.listing import Repository, check_target, named, read_listing, terms_path


def _root(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    from caveat.terms.repository import open_root  # noqa: PLC0415 - only houses whose parties keep repositories load tuf

    repository = open_root(document.decode("utf-8", "replace"))
    if repository.role != leaf.id or repository.role not in PARTY_ROLES:
        raise no(f"record {index} trusts a root of the {leaf.id}, and it is of the {repository.role}")
    if leaf.id in after.repositories:
        raise no(
            f"a root of the {leaf.id} is trusted already: a new one comes with its repository, signed under the old"
        )
    return _with(after, repository, Seen(repository.root, repository))


def _seen(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    from caveat.terms.repository import look  # noqa: PLC0415 - as above

    before = after.repositories.get(leaf.id)
    if before is None:
        raise no(f"record {index} looks at a repository of the {leaf.id}, whose root is not trusted")
    listing = read_listing(document)
    repository = look(before.root, listing, leaf.t, before.listing)
    return _with(after, repository, Seen(repository.root, repository, listing))


def _with(after: Register, repository: Repository, seen: Seen) -> Register:
    known = {party.vkey for party in after.parties}
    keys = [PartyKey(repository.role, key.name, key.text) for key in repository.keys if key.text not in known]
    trusted = msgspec.structs.replace(
        after,
        parties=(*after.parties, *keys),
        repositories={**after.repositories, repository.role: seen},
    )
    _check_apart(trusted)
    return trusted


def _check_apart(register: Register) -> None:
    public = [{key.public for key in keys} for keys in register.trust().values()]
    if public[0] & public[1]:
        raise no("one key stands for both parties: each makes keys of its own")


def check_listed(register: Register, name: str, document: bytes, at_ms: int) -> None:
    """Return if every party that keeps a repository lists these signed terms at that time.  Raises NotVerified."""
    for role in PARTY_ROLES:
        seen = register.repositories.get(role)
        if seen is None:
            continue
        if seen.listing is None:
            raise no(f"nothing was seen of the repository of {named(seen.repository.party, role)} yet")
        if at_ms >= seen.repository.until_ms:
            raise no(
                f"what was seen of the repository of {named(seen.repository.party, role)} has expired: bring a new copy"
            )
        check_target(seen.repository, terms_path(name), document)


def least(register: Register) -> dict[str, int]:
    """How many keys of each party must have signed terms."""
    return {role: seen.repository.threshold for role, seen in register.repositories.items()}


EFFECTS = {"party.rooted": _root, "party.seen": _seen}
