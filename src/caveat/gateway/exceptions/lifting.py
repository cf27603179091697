"""What may lift a clause for one call: waivers in force with uses left, and the approval that its caller names.

Rules of this file: an approval is offered only for the very bytes, caller and dialect that were held; what is exhausted
stays so, for uses never come back; whether something lifts a clause, decide alone says.
"""

import hmac
import re
from collections.abc import Sequence

from caveat.decide.decision import Decision
from caveat.errors import NotVerified, Refused
from caveat.facts import Facts
from caveat.gateway.home.held import Kept, read_held
from caveat.gateway.house.begun import Asked
from caveat.gateway.house.callers import declared
from caveat.gateway.house.house import House
from caveat.gateway.house.view import View
from caveat.record import spent
from caveat.waivers.hold import body_name, reply_name
from caveat.waivers.waiver import Waiver

HEADER = "caveat-hold"
ID = re.compile(r"[0-9a-f]{32}")


async def learn(house: House, asked: Asked) -> None:
    """Take up what changed, where a caller names a hold that this process has not seen decided."""
    hold = asked.request.headers.get(HEADER, "")
    if hold and hold not in house.view.register.decided:
        await house.refresh(house.view)


def offered(house: House, view: View, asked: Asked) -> tuple[Waiver, ...]:
    """What decide may use for this call.  Raises Refused `approval_required` where the hold that is named does not do."""
    now = house.now_ms()
    case = declared(asked.request.headers).case.strip()
    found = [
        waiver
        for waiver in view.register.waivers.values()
        if waiver.in_time(now) and waiver.id not in house.exhausted and waiver.case in ("", case)
    ]
    hold = asked.request.headers.get(HEADER, "")
    return (*found, _approval(house, view, asked, hold)) if hold else tuple(found)


def used(decision: Decision, lifts: Sequence[Waiver]) -> tuple[Waiver, ...]:
    """Those that the call spends: what its decision lifts by, and the release of a reply that an allowed call fetches."""
    ids, allowed = spent(decision), decision.verdict == "allow"
    return tuple(waiver for waiver in lifts if waiver.id in ids or (waiver.reply and allowed))


def fetched(house: House, lifts: Sequence[Waiver], facts: Facts, terms: str) -> Kept | None:
    """The reply that the call fetches, None where it names no release; `terms` is the digest of those that it is decided
    under.  Raises Refused `approval_required` where it is for another call, or not kept any more."""
    release = next((waiver for waiver in lifts if waiver.reply), None)
    if release is None:
        return None
    if release.terms != terms:
        raise _no("the reply was released under terms that are no longer in force for this call")
    if not release.covers(
        release.clauses[0],
        terms=terms,
        caller=facts.caller,
        purpose=facts.purpose,
        model=facts.model,
        rank=facts.label_rank,
        at_ms=facts.epoch * 1000,
    ):
        raise _no("the reply was released for another purpose, model or marking")
    try:
        kept = read_held(house.bodies, release.id).reply
    except NotVerified:
        kept = None
    if kept is None or reply_name(kept.type, kept.body, house.bodies.salt(release.id)) != release.reply:
        raise _no("the approval that is named was used: its reply was fetched once, and is kept no more")
    return kept


def _approval(house: House, view: View, asked: Asked, hold: str) -> Waiver:
    if not ID.fullmatch(hold):
        raise Refused("`Caveat-Hold` names no hold: expected 32 hex digits", code="header_invalid", status=400)
    approval = view.register.approvals.get(hold)
    if approval is None and hold in view.register.decided:
        raise _no("the hold that is named was denied, or has lapsed")
    if approval is None:
        raise _no("the hold that is named is not approved", "an approver looks at it with `caveat hold list`")
    if hold in house.exhausted:
        raise _no("the approval that is named was used: it is good for one call")
    if not approval.in_time(house.now_ms()):
        raise _no("the hold that is named has lapsed")
    body = body_name(asked.dialect.name, asked.request.body, house.bodies.salt(hold))
    if not hmac.compare_digest(body, approval.body) or asked.key.caller.id not in approval.callers:
        raise _no(
            "the approval that is named is for another call", "send the very bytes that were held, as the same caller"
        )
    return approval


def _no(why: str, hint: str = "send the call again without `Caveat-Hold`") -> Refused:
    return Refused(why, code="approval_required", hint=hint)
