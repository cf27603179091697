"""Who is heard on an exception under certain terms: the operator's approvers, and those of the very vendor of the terms.

Rules of this file: where several vendors' terms stand side by side, a person whom one vendor named approves nothing under
another's; who the vendor of terms is, is what the record of their adoption says.
"""

from collections.abc import Iterable

from msgspec import Struct

from caveat.dsse import key_id
from caveat.keys import VerifyKey
from caveat.register.values import Register, no
from caveat.terms.document import Terms
from caveat.waivers.approvers import Vouched


class Bench(Struct, frozen=True):
    """`heard` count under the terms; `others` do not: another vendor named them."""

    heard: tuple[Vouched, ...]
    others: tuple[Vouched, ...]


def bench(register: Register, pair: str) -> Bench:
    """Who is heard under the pair of that digest; none of any vendor's where it is not in force."""
    terms = next((one for one in register.terms.values() if one.digest == pair), None)
    vendor = _vendor(register, terms) if terms else frozenset()
    heard = tuple(one for one in register.approvers if one.side != "vendor" or not vendor.isdisjoint(one.by))
    return Bench(heard, tuple(one for one in register.approvers if one not in heard))


def vouchers(register: Register, keys: Iterable[VerifyKey], root: str = "") -> tuple[str, ...]:
    """Who stands behind the keys that signed for a person, as `Vouched.by` holds it: where they say of which root they are,
    the party with that root alone.  Raises NotVerified where no party here has it."""
    signed = frozenset(keys)
    if root:
        return _rooted(register, signed, root)
    parties = {party for party, seen in register.repositories.items() if signed.intersection(seen.repository.keys)}
    return (*sorted(parties), *sorted(key_id(key) for key in signed))


def _rooted(register: Register, signed: frozenset[VerifyKey], root: str) -> tuple[str, ...]:
    found = [
        party
        for party, seen in register.repositories.items()
        if root in seen.roots and signed.intersection(seen.repository.keys)
    ]
    if not found:
        raise no("the approver's document is signed for a root that this home does not trust")
    return (*sorted(found), root)


def _vendor(register: Register, terms: Terms) -> frozenset[str]:
    """The vendor of terms in force, in the words of `Vouched.by`: the party and its keys, or the key that signed them."""
    party = register.vendors.get(terms.draft.id, "")
    if party:
        return frozenset({party, *(key_id(key) for key in register.repositories[party].repository.keys)})
    return frozenset(signature.key for signature in terms.signatures if signature.role == "vendor")
