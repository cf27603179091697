"""What is in force: a fold over the ledger's control records, and nothing else.

Rules of this file: no second source of truth; the fold is pure, so whoever holds the records and their documents gets
the same register; the fence is a digest of everything here that a decision stands on.

Control records and the document each names:

    log.opened      the log's first record; document: the gateway's name, build and engine
    party.trusted   document Party: whose signatures count, for a role
    terms.adopted   document: the signed terms (DSSE envelope)
    terms.ended     id of the terms that no longer hold; document, where a party ended them: its signed word
    key.new         document CallerKey; never the key itself, only its digest
    key.revoked     id of the key
    approver.trusted    document: a person who may approve exceptions, signed by the party of their side
    approver.removed    id of the person; what they approved before stays
    waiver.granted      id of the waiver; document: what was asked for, and the approvals (DSSE)
    waiver.ended        id of the waiver, which lifts nothing from here on
    hold.decided        id of the held call; document: the approvals (DSSE), none where it was denied
    coverage.measured   document: the coverage matrix of the terms that it is about (id@version)
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from caveat.canon import canonical, digest
from caveat.errors import BadInput, NotVerified
from caveat.facts import Caller
from caveat.keys import VerifyKey, read_verify_key
from caveat.record import Leaf
from caveat.terms.document import SignedTerms, Terms
from caveat.terms.ending import open_ending
from caveat.terms.sign import open_terms
from caveat.waivers.approvers import Approver, admit, open_approver
from caveat.waivers.hold import open_approval
from caveat.waivers.signed import open_waiver
from caveat.waivers.waiver import Waiver

T = TypeVar("T")

ROLES = ("caller", "operator", "approver", "auditor")
PARTY_ROLES = ("vendor", "operator")
ACTS = (
    "log.opened",
    "party.trusted",
    "terms.adopted",
    "terms.ended",
    "key.new",
    "key.revoked",
    "approver.trusted",
    "approver.removed",
    "waiver.granted",
    "waiver.ended",
    "hold.decided",
    "coverage.measured",
    "evidence.exported",
    "evaluated",
    "gateway.stopped",
    "gateway.started",
)


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
    """

    role: str
    secret_digest: str
    caller: Caller
    sample: bool = False


class Register(Struct, frozen=True):
    """What is in force after `size` leaves.  Values are replaced, never changed.

    terms   in force, by id
    ended   id of terms that were ended and not adopted again -> index of the record
    newest  id of terms -> the newest version ever adopted, and its pair's digest: no way leads back behind it
    closed  pairs that a party ended by its signed word: they never come back
    approvers  who may approve exceptions, a row for each of their keys
    waivers    granted and not ended, by id; whether they have expired, each decision sees for itself
    approvals  of held calls, by the hold's id; gone when they lapse
    decided    holds and waivers that were ever decided: no id is used twice
    coverage  id@version of terms -> the newest measurement of them, by its document's digest
    """

    size: int = 0
    parties: tuple[PartyKey, ...] = ()
    terms: dict[str, Terms] = {}
    ended: dict[str, int] = {}
    newest: dict[str, tuple[int, str]] = {}
    closed: frozenset[str] = frozenset()
    keys: dict[str, CallerKey] = {}
    revoked: frozenset[str] = frozenset()
    coverage: dict[str, str] = {}
    approvers: tuple[Approver, ...] = ()
    waivers: dict[str, Waiver] = {}
    approvals: dict[str, Waiver] = {}
    decided: frozenset[str] = frozenset()

    @property
    def fence(self) -> str:
        """Digest of all that a decision stands on: terms, parties, keys, waivers and approvals.  Equal registers have equal fences."""
        return _fence(self)

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

    def trust(self) -> dict[str, tuple[VerifyKey, ...]]:
        """Whose signatures count, by role."""
        return {role: tuple(read_verify_key(p.vkey) for p in self.parties if p.role == role) for role in PARTY_ROLES}


def _fence(register: Register) -> str:
    state: dict[str, Any] = {
        "terms": {name: terms.digest for name, terms in register.terms.items()},
        "parties": sorted([p.role, p.vkey] for p in register.parties),
        "keys": [[k, msgspec.to_builtins(v)] for k, v in sorted(register.keys.items()) if k not in register.revoked],
    }
    if lifts := sorted([*register.waivers, *register.approvals]):
        state["lifts"] = lifts
    return digest(canonical(state))


def fold(register: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    """The register after one control record.  `document` is what `leaf.doc` names, b"" where it names none.

    register.size <= index.  Raises NotVerified where the document is not the one named, does not parse, or its
    signatures do not hold; where a key's name is used again; where what ends or is revoked never began.
    """
    if (digest(document) if document else "") != leaf.doc:
        raise _no(f"control document `{leaf.doc}` of record {index} is missing or changed")
    if index < register.size:
        raise _no(f"record {index} comes after record {register.size - 1} was folded")
    if leaf.what not in ACTS:
        raise _no(f"record {index} does `{leaf.what}`, which this version does not know")
    after = msgspec.structs.replace(register, size=index + 1)
    effect = _EFFECTS.get(leaf.what)
    return effect(after, leaf, index, document) if effect else after


def _trust(after: Register, _leaf: Leaf, _index: int, document: bytes) -> Register:
    party = _decode(document, PartyKey)
    try:
        read_verify_key(party.vkey)
    except BadInput as error:
        raise _no(f"a party's key cannot be read: {error.message}") from None
    if party.role not in PARTY_ROLES:
        raise _no(f"expected a party that is vendor or operator, got `{party.role}`")
    kept = tuple(p for p in after.parties if p.vkey != party.vkey)
    return msgspec.structs.replace(after, parties=(*kept, party))


def _adopt(after: Register, _leaf: Leaf, _index: int, document: bytes) -> Register:
    terms = open_terms(SignedTerms(document), after.trust())
    draft = terms.draft
    version, pair = after.newest.get(draft.id, (0, ""))
    if terms.digest in after.closed:
        raise _no(f"a party has ended this pair of signatures on `{draft.name}` for good: both sign a new version")
    if draft.version < version or (draft.version == version and terms.digest != pair):
        raise _no(f"`{draft.id}@{version}` was adopted before: expected a later version, got `{draft.name}`")
    return msgspec.structs.replace(
        after,
        terms={**after.terms, draft.id: terms},
        ended={k: v for k, v in after.ended.items() if k != draft.id},
        newest={**after.newest, draft.id: (draft.version, terms.digest)},
    )


def _end(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    if leaf.id not in after.terms:
        raise _no(f"record {index} ends terms `{leaf.id}`, which are not in force")
    closed = after.closed
    if document:
        pair = after.terms[leaf.id].digest
        if open_ending(document, after.trust()).digest != pair:
            raise _no("the signed ending is for another pair than the one in force")
        closed |= {pair}
    rest = {name: terms for name, terms in after.terms.items() if name != leaf.id}
    return msgspec.structs.replace(after, terms=rest, ended={**after.ended, leaf.id: index}, closed=closed)


def _new_key(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    if leaf.id in after.keys:
        raise _no(f"record {index} makes a key `{leaf.id}`, which was made before")
    return msgspec.structs.replace(after, keys={**after.keys, leaf.id: _decode(document, CallerKey)})


def _revoke(after: Register, leaf: Leaf, index: int, _document: bytes) -> Register:
    if leaf.id not in after.keys:
        raise _no(f"record {index} revokes a key `{leaf.id}`, which was never made")
    return msgspec.structs.replace(after, revoked=after.revoked | {leaf.id})


def _approver(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    approver = open_approver(document, after.trust())
    if approver.person != leaf.id:
        raise _no(f"the document names the approver `{approver.person}`, its record `{leaf.id}`")
    return msgspec.structs.replace(after, approvers=admit(after.approvers, approver))


def _remove_approver(after: Register, leaf: Leaf, index: int, _document: bytes) -> Register:
    rest = tuple(approver for approver in after.approvers if approver.person != leaf.id)
    if len(rest) == len(after.approvers):
        raise _no(f"record {index} removes the approver `{leaf.id}`, who is none")
    return msgspec.structs.replace(after, approvers=rest)


def _grant(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    waiver = open_waiver(document, after.approvers, tuple(after.terms.values()), leaf.t)
    _check_fresh(after, leaf, waiver)
    return msgspec.structs.replace(
        after, waivers={**after.waivers, waiver.id: waiver}, decided=after.decided | {waiver.id}
    )


def _end_waiver(after: Register, leaf: Leaf, _index: int, _document: bytes) -> Register:
    if leaf.id not in after.waivers:
        raise _no(f"no waiver `{leaf.id}` is in force")
    return msgspec.structs.replace(after, waivers={k: v for k, v in after.waivers.items() if k != leaf.id})


def _decide_hold(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    live = {id_: approval for id_, approval in after.approvals.items() if leaf.t < approval.until_ms}
    if document:
        approval = open_approval(document, after.approvers, tuple(after.terms.values()), leaf.t)
        _check_fresh(after, leaf, approval)
        live[approval.id] = approval
    elif leaf.id in after.decided:
        raise _no(f"the hold `{leaf.id}` was decided before")
    return msgspec.structs.replace(after, approvals=live, decided=after.decided | {leaf.id})


def _check_fresh(after: Register, leaf: Leaf, granted: Waiver) -> None:
    if granted.id != leaf.id:
        raise _no(f"the document is about `{granted.id}`, its record about `{leaf.id}`")
    if granted.id in after.decided:
        raise _no(f"`{granted.id}` was decided before")


def _measured(after: Register, leaf: Leaf, _index: int, _document: bytes) -> Register:
    return msgspec.structs.replace(after, coverage={**after.coverage, leaf.id: leaf.doc})


_EFFECTS: dict[str, Callable[[Register, Leaf, int, bytes], Register]] = {
    "party.trusted": _trust,
    "terms.adopted": _adopt,
    "terms.ended": _end,
    "key.new": _new_key,
    "key.revoked": _revoke,
    "approver.trusted": _approver,
    "approver.removed": _remove_approver,
    "waiver.granted": _grant,
    "waiver.ended": _end_waiver,
    "hold.decided": _decide_hold,
    "coverage.measured": _measured,
}


def _no(why: str) -> NotVerified:
    return NotVerified(why, step="control")


def read_caller_key(document: bytes) -> CallerKey:
    """A caller's key as its control document holds it.  Raises NotVerified."""
    return _decode(document, CallerKey)


def _decode(document: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(document, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no(f"a control document does not read as what its record says: {error}") from None
