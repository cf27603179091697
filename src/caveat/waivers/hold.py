"""A held call's document: what one call asks persons to approve, and their signatures.

DSSE over the canonical JSON of an Ask.  `body` is a salted SHA-256 (HMAC) of dialect and body: the salt stays in the vault and in
the file that approvers get, so that who only sees the record cannot try guesses.  Rules of this file: pure; an approval
releases exactly one body, of one caller, once; the caller is no approver of their own call; approvals count persons.
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
from caveat.terms.document import Terms
from caveat.waivers.approvers import Approver, decoded, signers
from caveat.waivers.waiver import Waiver

MAX_BYTES = 1 << 18
STEP = "hold"
KIND = Kind(
    "application/vnd.caveat.hold+json", "a held call", STEP, MAX_BYTES, "`caveat hold show ID --out FILE` writes it"
)
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]


class Ask(Struct, frozen=True, forbid_unknown_fields=True):
    """What persons are asked to approve.

    hold     the id of the call that was held           body     of `body_name`
    clauses  the hold clauses that held                 terms    the pair's digest
    dialect, caller, purpose, model, rank               the call's own
    from_ms, until_ms   when it was held, and when it lapses
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


def body_name(dialect: str, body: bytes, salt: bytes) -> str:
    """What names the body, in its dialect, to those who have the salt, and tells nothing to others."""
    return "sha256:" + hmac.digest(salt, dialect.encode() + b"\n" + body, "sha256").hex()


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


def open_approval(raw: bytes, approvers: Sequence[Approver], terms: Sequence[Terms], at_ms: int) -> Waiver:
    """What releases the held call, once enough persons have signed.  Raises NotVerified: who must do what."""
    ask, sealed = read_ask(raw)
    pair = next((one for one in terms if one.digest == ask.terms), None)
    if pair is None:
        raise NotVerified("the call was held under terms that are no longer in force", step=STEP)
    if at_ms >= ask.until_ms:
        raise NotVerified(f"the hold `{ask.hold}` has lapsed", step=STEP, hint="the caller sends the call again")
    holds = {clause.id: clause for clause in pair.draft.clauses if clause.effect == "hold"}
    if not holds.keys() >= set(ask.clauses):
        raise NotVerified("the hold names a clause that holds nothing under the terms in force", step=STEP)
    persons = signers(KIND, sealed, approvers, {ask.caller, ask.caller.lower()})
    wanted = max(holds[id_].approvers for id_ in ask.clauses)
    if len(persons) < wanted:
        raise NotVerified(
            f"the hold `{ask.hold}` wants {wanted} approvers who are not its caller, and has {len(persons)}",
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
    )
