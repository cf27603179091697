"""A held call's document: what one call asks persons to approve, and their signatures.

DSSE over the canonical JSON of an Ask.  `body` is a salted SHA-256 (HMAC) of dialect and body: the salt stays in the vault and in
the file that approvers get, so that who only sees the record cannot try guesses.  What waits may be a call that was not made
yet, or the reply to one that was (`reply`): the clauses are then the holds that the reply tripped and those whose duty
`review.human` it owes.  A person refuses by signing the same text as another type.

Rules of this file: pure; an approval releases exactly one body, of one caller, once; one of a reply releases exactly its
bytes; the caller is no approver of their own call; approvals count persons.
"""

import hmac
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from caveat.canon import canonical, digest
from caveat.dsse import Kind, Sealed, read, seal
from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.terms.document import Clause, Terms
from caveat.waivers.approvers import Approver, Vouched, decoded, signers, unheard
from caveat.waivers.waiver import Waiver

MAX_BYTES = 1 << 18
STEP = "hold"
KIND = Kind(
    "application/vnd.caveat.hold+json", "a held call", STEP, MAX_BYTES, "`caveat hold show ID --out FILE` writes it"
)
REFUSAL = msgspec.structs.replace(
    KIND,
    payload_type="application/vnd.caveat.hold-refusal+json",
    what="a refusal of a held call",
    hint="`caveat hold refuse FILE --key KEY` makes one",
)
REVIEW = "review.human"
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]


class Ask(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What persons are asked to approve.

    hold     the id of the call that was held           body     of `body_name`
    clauses  the hold clauses that held                 terms    the pair's digest
    dialect, caller, purpose, model, rank               the call's own
    from_ms, until_ms   when it was held, and when it lapses
    reply    of `reply_name`, "" where the call was not made yet
    """

    v: Literal[1]
    hold: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    body: Digest
    clauses: Annotated[tuple[str, ...], Meta(min_length=1)]
    terms: Digest
    dialect: str
    caller: str
    purpose: str
    model: str
    rank: int
    from_ms: int
    until_ms: int
    reply: Annotated[str, Meta(pattern="^(sha256:[0-9a-f]{64})?$")] = ""


def body_name(dialect: str, body: bytes, salt: bytes) -> str:
    """What names the body, in its dialect, to those who have the salt, and tells nothing to others."""
    return "sha256:" + hmac.digest(salt, dialect.encode() + b"\n" + body, "sha256").hex()


def reply_name(type_: str, body: bytes, salt: bytes) -> str:
    """The same of a reply: of its content type and its bytes, as they would leave."""
    return "sha256:" + hmac.digest(salt, b"reply\n" + type_.encode() + b"\n" + body, "sha256").hex()


def make_ask(ask: Ask) -> bytes:
    """The document without a signature; equal asks give equal bytes, so that signatures made apart add up."""
    return seal(KIND, canonical(msgspec.to_builtins(ask)), [])


def read_ask(raw: bytes) -> tuple[Ask, Sealed]:
    """To show before signing, never to decide from.  Raises NotVerified."""
    sealed = read(KIND, raw)
    return decoded(KIND, sealed, Ask), sealed


def approve(raw: bytes, key: SigningKey) -> bytes:
    """The document with one signature more.  Raises NotVerified."""
    _, sealed = read_ask(raw)
    return seal(KIND, sealed.payload, [key], sealed.signatures)


def unsigned_refusal(raw: bytes) -> bytes:
    """What a person signs to refuse what such a document asks, without a signature.  Raises NotVerified."""
    return seal(REFUSAL, read_ask(raw)[1].payload, [])


def refuse(raw: bytes, key: SigningKey) -> bytes:
    """The refusal of what such a document asks.  Raises NotVerified."""
    _, sealed = read_ask(raw)
    return seal(REFUSAL, sealed.payload, [key])


def read_refusal(raw: bytes) -> tuple[Ask, Sealed]:
    """What a refusal is about, never to decide from.  Raises NotVerified."""
    sealed = read(REFUSAL, raw)
    return decoded(REFUSAL, sealed, Ask), sealed


def open_refusal(
    raw: bytes, approvers: Sequence[Approver], others: Sequence[Vouched] = ()
) -> tuple[Ask, tuple[str, ...]]:
    """What was refused, and the persons who did: one is enough; `others` do not count.  Raises NotVerified."""
    ask, sealed = read_refusal(raw)
    persons = signers(REFUSAL, sealed, approvers, ())
    if not persons:
        why = f"no approver has signed that the hold `{ask.hold}` is refused" + unheard(sealed, others)
        raise NotVerified(why, step=STEP, hint=REFUSAL.hint)
    return ask, tuple(sorted(persons))


def is_refusal(raw: bytes) -> bool:
    """Whether a document claims to be a refusal; nothing in it is verified.  Raises nothing."""
    try:
        read(REFUSAL, raw)
    except NotVerified:
        return False
    return True


def open_approval(
    raw: bytes, approvers: Sequence[Approver], terms: Sequence[Terms], at_ms: int, others: Sequence[Vouched] = ()
) -> Waiver:
    """What releases the held call, once enough persons have signed; `others` do not count.  Raises NotVerified: who must
    do what."""
    ask, sealed = read_ask(raw)
    pair = next((one for one in terms if one.digest == ask.terms), None)
    if pair is None:
        raise NotVerified("the call was held under terms that are no longer in force", step=STEP)
    if at_ms >= ask.until_ms:
        raise NotVerified(f"the hold `{ask.hold}` has lapsed", step=STEP, hint="the caller sends the call again")
    holds = {clause.id: clause for clause in pair.draft.clauses if _waits(clause, ask)}
    if not holds.keys() >= set(ask.clauses):
        raise NotVerified("the hold names a clause that holds nothing under the terms in force", step=STEP)
    persons = signers(KIND, sealed, approvers, {ask.caller, ask.caller.lower()})
    wanted = max(holds[id_].approvers for id_ in ask.clauses)
    if len(persons) < wanted:
        raise NotVerified(
            f"the hold `{ask.hold}` wants {wanted} approvers who are not its caller, and has {len(persons)}"
            + unheard(sealed, others),
            step=STEP,
            hint="an approver signs with `caveat hold approve FILE --key KEY`",
        )
    return Waiver(
        id=ask.hold,
        clauses=ask.clauses,
        callers=(ask.caller,),
        purposes=(ask.purpose,),
        models=(ask.model,),
        reason="",
        from_ms=ask.from_ms,
        until_ms=ask.until_ms,
        max_uses=1,
        requester=ask.caller,
        approvers=tuple(sorted(persons)),
        digest=digest(raw),
        terms=ask.terms,
        max_rank=ask.rank,
        kind="approval",
        body=ask.body,
        reply=ask.reply,
    )


def _waits(clause: Clause, ask: Ask) -> bool:
    """Whether a clause can make what is asked wait: a hold, and of a reply whatever wants a person to release it."""
    return clause.effect == "hold" or (bool(ask.reply) and any(duty.name == REVIEW for duty in clause.duties))
