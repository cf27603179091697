"""The values of what is in force: parties, callers' keys, and the register that holds them beside terms and exceptions.

Rules of this file: values are replaced, never changed; the fence is a digest of everything here that a decision stands on.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from caveat.canon import canonical, digest
from caveat.errors import NotVerified
from caveat.facts import Caller
from caveat.keys import VerifyKey, read_verify_key
from caveat.meter.beat import Beat
from caveat.register.budgets import Budget
from caveat.terms.claim import Recorded
from caveat.terms.document import Terms
from caveat.terms.lease import Lease
from caveat.terms.listing import Listing, Repository
from caveat.waivers.approvers import Vouched
from caveat.waivers.waiver import Waiver

T = TypeVar("T")

ROLES = ("caller", "operator", "approver", "auditor")
PARTY_ROLES = ("vendor", "operator")


class PartyKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A party whose signature on terms counts.  `sample` parties are for trying out: never off loopback."""

    role: str
    name: str
    vkey: str
    sample: bool = False


class CallerKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key and what it allows.  `secret_digest` is the SHA-256 of the key's text (256 random bits, so no guess).

    role      caller, operator, approver or auditor
    caller    what decisions see of its holder
    budget    how much of a model it may use a day and a month (register/budgets.py)
    """

    role: str
    secret_digest: str
    caller: Caller
    sample: bool = False
    budget: Budget = Budget()


class Export(Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle that left for a receiver.

    number      1 for the receiver's first
    start, to   its records, start <= index < to <= size (`from` and `to` in JSON)
    size        of the log that its checkpoint is the head of
    profile     its redaction profile
    manifest    digest of its manifest
    checkpoint  the text of its checkpoint, on which the next one goes on
    """

    number: int
    start: int = msgspec.field(name="from")
    to: int
    size: int
    profile: str
    manifest: str
    checkpoint: str


class Seen(Struct, frozen=True):
    """A party's repository as it was seen last: the newest trusted root, what it lists, and the metadata that say so;
    `listing` is None where only the root is trusted so far.  `roots` are the digests of the first root that was trusted and
    of those that followed it."""

    root: str
    repository: Repository
    listing: Listing | None = None
    roots: tuple[str, ...] = ()


class Moved(Struct, frozen=True):
    """Where an alias goes: the terms' id, the model's alias in them, the record that says so, and whether what stands by
    takes over at a lapse, too."""

    terms: str
    model: str
    at: int = -1
    on_lapse: bool = False


class Register(Struct, frozen=True):
    """What is in force after `size` leaves.  Values are replaced, never changed.

    terms   in force, by id
    ended   id of terms that were ended and not adopted again -> index of the record
    newest  id of terms -> the newest version ever adopted, and its pair's digest: no way leads back behind it
    closed  pairs that a party ended by its signed word: they never come back
    leases  pairs in force that have one -> what is left of it
    approvers  who may approve exceptions, a row for each of their keys, with the party that named them
    waivers    granted and not ended, by id; whether they have expired, each decision sees for itself
    approvals  of held calls, by the hold's id; gone when they lapse
    decided    holds and waivers that were ever decided: no id is used twice
    repositories  that parties keep, by the party's name: their keys count, and no others of that role
    vendors   id of terms -> the party whose repository they were adopted from on the vendor's side
    seals      verify keys of all seals that adopted terms ever enrolled
    meters     the newest beat of each seal, by its name
    sealed     by a seal's name: the most calls that it ever said it has counted, over all boots
    sealed_before  pair -> what the seals of its terms had counted when it was adopted first
    standby   alias -> where it goes when the terms that it is served under end
    moved     alias -> where it went
    claims    what was said about terms, by id; reviewed: id -> the record that says who looked.  No decision stands on them
    exports   the newest bundle that left for each receiver
    coverage  id@version of terms -> the newest measurement of them, by its document's digest
    """

    size: int = 0
    parties: tuple[PartyKey, ...] = ()
    terms: dict[str, Terms] = {}
    ended: dict[str, int] = {}
    newest: dict[str, tuple[int, str]] = {}
    closed: frozenset[str] = frozenset()
    leases: dict[str, Lease] = {}
    keys: dict[str, CallerKey] = {}
    revoked: frozenset[str] = frozenset()
    coverage: dict[str, str] = {}
    approvers: tuple[Vouched, ...] = ()
    waivers: dict[str, Waiver] = {}
    approvals: dict[str, Waiver] = {}
    decided: frozenset[str] = frozenset()
    seals: frozenset[str] = frozenset()
    meters: dict[str, Beat] = {}
    sealed: dict[str, int] = {}
    sealed_before: dict[str, int] = {}
    exports: dict[str, Export] = {}
    repositories: dict[str, Seen] = {}
    vendors: dict[str, str] = {}
    standby: dict[str, Moved] = {}
    moved: dict[str, Moved] = {}
    claims: dict[str, Recorded] = {}
    reviewed: dict[str, int] = {}

    @property
    def fence(self) -> str:
        """Digest of all that a decision stands on: terms, parties, keys, waivers and approvals.  Equal registers have equal fences."""
        return _fence(self)

    def sealed_since(self, terms: Terms) -> int:
        """Calls that the seals of these terms have counted since the pair was adopted, as far as they have said."""
        counted = sum(self.sealed.get(seal.name, 0) for seal in terms.draft.seals)
        return max(0, counted - self.sealed_before.get(terms.digest, 0))

    @property
    def sealed_calls(self) -> int:
        """Calls that reached a model, by the seals' own count and their signatures: what a lease counts by."""
        return sum(self.sealed.values())

    def by_secret(self) -> dict[str, CallerKey]:
        """Live keys by the digest of their text."""
        return {key.secret_digest: key for id_, key in self.keys.items() if id_ not in self.revoked}

    def covering(self, alias: str, identity: str = "any", *, apart_from: str = "") -> Terms | None:
        """The terms in force that name the model's alias and could mean that identity, None where there are none."""
        for name, terms in self.terms.items():
            if name != apart_from and any(
                m.alias == alias and (identity == m.identity or "any" in (identity, m.identity))
                for m in terms.draft.models
            ):
                return terms
        return None

    def fetches(self, spent: Iterable[str]) -> bool:
        """Whether a call that spends these fetches a reply that was kept: nothing goes to the model then."""
        return any(id_ in self.approvals and self.approvals[id_].reply for id_ in spent)

    def trust(self) -> dict[str, tuple[VerifyKey, ...]]:
        """Whose signatures count, by role: those of parties that keep a repository, where any of that role does."""
        return {role: self._keys(role) for role in PARTY_ROLES}

    def _keys(self, role: str) -> tuple[VerifyKey, ...]:
        kept = [seen.repository for seen in self.repositories.values() if seen.repository.role == role]
        if kept:
            return tuple(key for repository in kept for key in repository.keys)
        return tuple(read_verify_key(p.vkey) for p in self.parties if p.role == role)


def _fence(register: Register) -> str:
    state: dict[str, Any] = {
        "terms": {name: terms.digest for name, terms in register.terms.items()},
        "parties": sorted([p.role, p.vkey] for p in register.parties),
        "keys": [[k, msgspec.to_builtins(v)] for k, v in sorted(register.keys.items()) if k not in register.revoked],
    }
    if register.leases:
        state["leases"] = {pair: msgspec.to_builtins(lease) for pair, lease in register.leases.items()}
    for name, of in (("standby", register.standby), ("moved", register.moved)):
        if of:
            state[name] = sorted([alias, target.terms, target.model] for alias, target in of.items())
    if lifts := sorted([*register.waivers, *register.approvals]):
        state["lifts"] = lifts
    if register.repositories:
        state["roots"] = sorted([party, digest(seen.root.encode())] for party, seen in register.repositories.items())
    return digest(canonical(state))


def no(why: str) -> NotVerified:
    """The fold's refusal of a control record."""
    return NotVerified(why, step="control")


def read(document: bytes, kind: type[T]) -> T:
    """A control document as the value that its record says it is.  Raises NotVerified."""
    try:
        return msgspec.json.decode(document, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise no(f"a control document does not read as what its record says: {error}") from None


def read_caller_key(document: bytes) -> CallerKey:
    """A caller's key as its control document holds it.  Raises NotVerified."""
    return read(document, CallerKey)
