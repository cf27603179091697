"""What the records about exceptions do to the register: approvers, waivers, held calls."""

import msgspec

from caveat.record import Leaf
from caveat.register.values import Register, no
from caveat.waivers.approvers import admit, open_approver
from caveat.waivers.hold import is_refusal, open_approval, open_refusal
from caveat.waivers.signed import open_waiver


def _approver(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    approver = open_approver(document, after.trust())
    if approver.person != leaf.id:
        raise no(f"the document names the approver `{approver.person}`, its record `{leaf.id}`")
    return msgspec.structs.replace(after, approvers=admit(after.approvers, approver))


def _remove_approver(after: Register, leaf: Leaf, index: int, _document: bytes) -> Register:
    rest = tuple(approver for approver in after.approvers if approver.person != leaf.id)
    if len(rest) == len(after.approvers):
        raise no(f"record {index} removes the approver `{leaf.id}`, who is none")
    return msgspec.structs.replace(after, approvers=rest)


def _grant(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    waiver = open_waiver(document, after.approvers, tuple(after.terms.values()), leaf.t)
    _check_fresh(after, leaf, waiver.id)
    return msgspec.structs.replace(
        after, waivers={**after.waivers, waiver.id: waiver}, decided=after.decided | {waiver.id}
    )


def _end_waiver(after: Register, leaf: Leaf, _index: int, _document: bytes) -> Register:
    if leaf.id not in after.waivers:
        raise no(f"no waiver `{leaf.id}` is in force")
    return msgspec.structs.replace(after, waivers={k: v for k, v in after.waivers.items() if k != leaf.id})


def _decide_hold(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    live = {id_: approval for id_, approval in after.approvals.items() if leaf.t < approval.until_ms}
    if document and is_refusal(document):
        ask, _ = open_refusal(document, after.approvers)
        _check_fresh(after, leaf, ask.hold)
    elif document:
        approval = open_approval(document, after.approvers, tuple(after.terms.values()), leaf.t)
        _check_fresh(after, leaf, approval.id)
        live[approval.id] = approval
    elif leaf.id in after.decided:
        raise no(f"the hold `{leaf.id}` was decided before")
    return msgspec.structs.replace(after, approvals=live, decided=after.decided | {leaf.id})


def _check_fresh(after: Register, leaf: Leaf, id_: str) -> None:
    if id_ != leaf.id:
        raise no(f"the document is about `{id_}`, its record about `{leaf.id}`")
    if id_ in after.decided:
        raise no(f"`{id_}` was decided before")


EFFECTS = {
    "approver.trusted": _approver,
    "approver.removed": _remove_approver,
    "waiver.granted": _grant,
    "waiver.ended": _end_waiver,
    "hold.decided": _decide_hold,
}
