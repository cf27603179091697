"""Exceptions at the edge: approvers, waivers and held calls, put on record and listed."""

from typing import Any

import msgspec

from caveat.dsse import read
from caveat.errors import BadInput
from caveat.gateway.house.house import House
from caveat.waivers.approvers import KIND as APPROVER
from caveat.waivers.approvers import Approver, decoded
from caveat.waivers.refusal import read_refusal
from caveat.waivers.signed import read_request
from caveat.waivers.waiver import Waiver


async def trust_approver(house: House, document: bytes) -> str:
    """Let a person approve; who it is.  Raises NotVerified."""
    approver = decoded(APPROVER, read(APPROVER, document), Approver)
    await house.amend("approver.trusted", approver.person, document)
    return approver.person


async def remove_approver(house: House, person: str) -> None:
    """Let a person approve no more; what they approved before stays.  Raises BadInput."""
    if person not in {approver.person for approver in house.view.register.approvers}:
        raise BadInput(f"no approver called `{person}` is known")
    await house.amend("approver.removed", person)


def approvers(house: House) -> list[dict[str, Any]]:
    """Who may approve, a row for each key."""
    return [msgspec.to_builtins(approver) for approver in house.view.register.approvers]


async def grant(house: House, document: bytes) -> Waiver:
    """Put a waiver in force that enough persons have approved.  Raises NotVerified: who must do what."""
    id_ = read_request(document).id
    return (await house.amend("waiver.granted", id_, document)).waivers[id_]


async def refuse(house: House, document: bytes) -> str:
    """Put a person's refusal of a waiver on record; its id.  Raises NotVerified."""
    id_ = read_refusal(document).id
    await house.amend("waiver.refused", id_, document)
    return id_


async def deny(house: House, id_: str) -> None:
    """Refuse a waiver that gathers signatures, on record, without anybody's.  Raises NotVerified."""
    await house.amend("waiver.refused", id_)


async def end_waiver(house: House, id_: str) -> None:
    """End a waiver: the next call finds it gone.  Raises BadInput."""
    if id_ not in house.view.register.waivers:
        raise BadInput(f"no waiver `{id_}` is in force")
    await house.amend("waiver.ended", id_)


def waivers(house: House) -> list[dict[str, Any]]:
    """Waivers that were granted and not ended, with what has become of them."""
    register = house.view.register
    in_force = {terms.digest: terms.draft.name for terms in register.terms.values()}
    return [
        {
            **{k: v for k, v in msgspec.to_builtins(waiver).items() if k not in ("kind", "body")},
            "terms_name": in_force.get(waiver.terms, ""),
            "state": _state(house, waiver, in_force),
        }
        for waiver in register.waivers.values()
    ]


def _state(house: House, waiver: Waiver, in_force: dict[str, str]) -> str:
    now = house.now_ms()
    if waiver.terms not in in_force:
        return "void: its terms are no longer in force"
    if waiver.id in house.exhausted:
        return "exhausted"
    if now >= waiver.until_ms:
        return "expired"
    return "in force" if now >= waiver.from_ms else "not begun"
