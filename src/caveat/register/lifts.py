"""What the records about exceptions do to the register: approvers, waivers, held calls."""

import re

import msgspec

from caveat.record import Leaf
from caveat.register.bench import bench, vouchers
from caveat.register.values import Register, no
from caveat.waivers import refusal
from caveat.waivers.approvers import Vouched, admit, open_vouched
from caveat.waivers.hold import is_refusal, open_approval, open_refusal, read_ask, read_refusal
from caveat.waivers.signed import open_waiver, read_request

WAIVER = re.compile(r"w-[0-9a-f]{16}")


def _approver(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    approver, keys = open_vouched(document, after.trust())
    if approver.person != leaf.id:
        raise no(f"the document names the approver `{approver.person}`, its record `{leaf.id}`")
    vouched = Vouched(**msgspec.structs.asdict(approver), by=vouchers(after, keys, approver.root))
    _check_one_vendor(after, vouched)
    return msgspec.structs.replace(after, approvers=admit(after.approvers, vouched))


def _check_one_vendor(after: Register, vouched: Vouched) -> None:
    for other in after.approvers:
        apart = vouched.side == other.side == "vendor" and set(vouched.by).isdisjoint(other.by)
        if apart and vouched.person == other.person:
            raise no(
                f"`{vouched.person}` already approves for {other.by[0]}, and {vouched.by[0]} names them now: "
                f"`caveat waiver approver remove {vouched.person}` comes first, or another word for the other person"
            )


def _remove_approver(after: Register, leaf: Leaf, index: int, _document: bytes) -> Register:
    rest = tuple(approver for approver in after.approvers if approver.person != leaf.id)
    if len(rest) == len(after.approvers):
        raise no(f"record {index} removes the approver `{leaf.id}`, who is none")
    return msgspec.structs.replace(after, approvers=rest)


def _grant(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    who = bench(after, read_request(document).request.terms)
    waiver = open_waiver(document, who.heard, tuple(after.terms.values()), leaf.t, who.others)
    _check_fresh(after, leaf, waiver.id)
    return msgspec.structs.replace(
        after, waivers={**after.waivers, waiver.id: waiver}, decided=after.decided | {waiver.id}
    )


def _refuse_waiver(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    """No approvals grant it from here on.  Without a document it was refused where it gathered signatures, by nobody's."""
    id_ = leaf.id
    if document:
        who = bench(after, refusal.read_refusal(document).request.terms)
        id_, _ = refusal.open_refusal(document, who.heard, who.others)
    elif not WAIVER.fullmatch(id_):
        raise no(f"`{id_}` is no waiver's id")
    _check_fresh(after, leaf, id_)
    return msgspec.structs.replace(after, decided=after.decided | {id_})


def _end_waiver(after: Register, leaf: Leaf, _index: int, _document: bytes) -> Register:
    if leaf.id not in after.waivers:
        raise no(f"no waiver `{leaf.id}` is in force")
    return msgspec.structs.replace(after, waivers={k: v for k, v in after.waivers.items() if k != leaf.id})


def _decide_hold(after: Register, leaf: Leaf, _index: int, document: bytes) -> Register:
    live = {id_: approval for id_, approval in after.approvals.items() if leaf.t < approval.until_ms}
    if document and is_refusal(document):
        who = bench(after, read_refusal(document)[0].terms)
        ask, _ = open_refusal(document, who.heard, who.others)
        _check_fresh(after, leaf, ask.hold)
    elif document:
        who = bench(after, read_ask(document)[0].terms)
        approval = open_approval(document, who.heard, tuple(after.terms.values()), leaf.t, who.others)
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
    "waiver.refused": _refuse_waiver,
    "waiver.ended": _end_waiver,
    "hold.decided": _decide_hold,
}
