"""A waiver's document: what is asked for, and the signatures of those who approve it.

DSSE over the canonical JSON of a Request, signed on different machines in any order:

    {"callers": ["anna.k"], "case": "", "clauses": ["persons.data"], "from_ms": 1790000000000, "max_rank": -1,
     "max_uses": 100, "models": [], "nonce": "<32 hex>", "purposes": ["analysis"], "reason": "Audit 17",
     "requester": "carl", "terms": "sha256:<pair>", "until_ms": 1790600000000, "v": 1}

Rules of this file: pure; bytes are verified before they count; approvals count persons, never the requester; a waiver
names clauses of the very terms in force, each of them waivable, so it is never wider than its clauses.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical, digest, sha256
from caveat.dsse import Kind, Sealed, read, seal
from caveat.errors import BadInput, NotVerified
from caveat.keys import SigningKey
from caveat.terms.document import Draft, Terms
from caveat.waivers.approvers import PERSON, Approver, Side, Vouched, check_person, decoded, signers, unheard
from caveat.waivers.waiver import Waiver

MAX_BYTES = 1 << 18
LONGEST_MS = 366 * 86_400_000
"""No exception lasts longer than a year: who needs it for good changes the terms."""
STEP = "waiver"
KIND = Kind(
    "application/vnd.caveat.waiver+json",
    "a signed waiver",
    STEP,
    MAX_BYTES,
    "waivers are made with `caveat waiver request`",
)

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], Meta(max_length=200)]
Ms = Annotated[int, Meta(ge=0, le=2**52)]


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for; the fields are those of Waiver.  `nonce` makes two alike requests two."""

    v: Literal[1]
    clauses: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=200)]
    terms: Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    from_ms: Ms
    until_ms: Ms
    max_uses: Annotated[int, Meta(ge=1, le=2**31)]
    requester: Annotated[str, Meta(pattern=f"^{PERSON.pattern}$")]
    nonce: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    callers: Words = ()
    purposes: Words = ()
    models: Words = ()
    max_rank: Annotated[int, Meta(ge=-1, le=1000)] = -1
    case: Annotated[str, Meta(max_length=200)] = ""


class Read(Struct, frozen=True):
    """A waiver's document as it came: what it asks for, and its id; nothing in it is verified."""

    request: Request
    id: str
    sealed: Sealed


def make_request(request: Request, draft: Draft) -> bytes:
    """The document without a signature.  Raises BadInput for what nobody could grant under these terms."""
    check_person(request.requester)
    try:
        _check_clauses(request, draft)
        _check_scope(request, draft)
    except NotVerified as error:
        raise BadInput(error.message, hint=error.hint) from None
    return seal(KIND, canonical(msgspec.to_builtins(request)), [])


def read_request(raw: bytes) -> Read:
    """To show before signing, never to decide from.  Raises NotVerified."""
    sealed = read(KIND, raw)
    return Read(decoded(KIND, sealed, Request), "w-" + sha256(sealed.payload).hex()[:16], sealed)


def approve(raw: bytes, key: SigningKey) -> bytes:
    """The document with one signature more.  Raises NotVerified."""
    sealed = read_request(raw).sealed
    return seal(KIND, sealed.payload, [key], sealed.signatures)


def missing(raw: bytes, approvers: Sequence[Approver], draft: Draft, others: Sequence[Vouched] = ()) -> str:
    """What approvals are still wanted, as a sentence's end; "" where none is.  Raises NotVerified."""
    found = read_request(raw)
    lacking = _missing(signers(KIND, found.sealed, approvers, {found.request.requester}), draft)
    return lacking and lacking + unheard(found.sealed, others)


def open_waiver(
    raw: bytes, approvers: Sequence[Approver], terms: Sequence[Terms], at_ms: int, others: Sequence[Vouched] = ()
) -> Waiver:
    """The waiver, once enough persons have signed these bytes.

    approvers   whose signatures count     terms   those in force     at_ms   now, for what has expired
    others      whose signatures do not, since another vendor named them
    Raises NotVerified: who must do what.
    """
    found = read_request(raw)
    request = found.request
    pair = next((one for one in terms if one.digest == request.terms), None)
    if pair is None:
        raise NotVerified(
            "the waiver is for terms that are not in force",
            step=STEP,
            hint="ask again under the terms in force: `caveat waiver request`",
        )
    _check_clauses(request, pair.draft)
    _check_scope(request, pair.draft)
    if at_ms >= request.until_ms:
        raise NotVerified("the waiver has expired", step=STEP, hint="ask again with a later `--until`")
    persons = signers(KIND, found.sealed, approvers, {request.requester})
    lacking = _missing(persons, pair.draft)
    if lacking:
        why = lacking + unheard(found.sealed, others)
        raise NotVerified(f"the waiver `{found.id}` wants {why}", step=STEP, hint=SIGN)
    asked = {name: getattr(request, name) for name in request.__struct_fields__ if name not in {"v", "nonce"}}
    return Waiver(id=found.id, approvers=tuple(sorted(persons)), digest=digest(raw), **asked)


SIGN = "an approver signs with `caveat waiver approve FILE --key KEY`"


def _missing(persons: dict[str, Side], draft: Draft) -> str:
    rule = draft.waivers
    vendor = sum(1 for side in persons.values() if side == "vendor")
    wanted = []
    if len(persons) < rule.approvers:
        wanted.append(f"{rule.approvers} approvers who are not its requester, and has {len(persons)}")
    if vendor < rule.vendor:
        wanted.append("an approver from the vendor's side")
    return " and ".join(wanted)


def _check_clauses(request: Request, draft: Draft) -> None:
    """Each clause is there and waivable (which only a forbid and a hold can be)."""
    clauses = {clause.id: clause for clause in draft.clauses}
    for id_ in request.clauses:
        clause = clauses.get(id_)
        if clause is None:
            raise NotVerified(f"the terms `{draft.name}` have no clause `{id_}`", step=STEP)
        if not clause.waivable:
            raise NotVerified(f"no waiver can lift the clause `{id_}`: the terms do not let it be waived", step=STEP)
        if clause.when is None:
            raise NotVerified(f"the clause `{id_}` is only promised: no call is refused by it", step=STEP)


def _check_scope(request: Request, draft: Draft) -> None:
    if not request.from_ms < request.until_ms <= request.from_ms + LONGEST_MS:
        raise NotVerified("a waiver ends after it begins, and at most 366 days after", step=STEP)
    known = {"purpose": draft.purposes, "model": tuple(model.alias for model in draft.models)}
    for what, words in (("purpose", request.purposes), ("model", request.models)):
        for word in words:
            if word not in known[what]:
                raise NotVerified(f"the terms `{draft.name}` name no {what} `{word}`", step=STEP)
