"""What a seal's word on record does to the register: how far it has counted.

    meter.beat      name of the seal; document: the beat, a signed note (meter/beat.py)
    meter.tickets   name of the seal; document: tickets that came by no call's reply

Rules of this file: only a seal that some adopted terms enrolled is heard, and only under its signature; whatever it signed
is taken on record, also what does not fit to what it said before: that is for whoever verifies to see, and to name.
"""

import msgspec

from caveat.keys import VerifyKey, read_verify_key
from caveat.meter.beat import open_beat, read_tickets
from caveat.meter.ticket import read_ticket
from caveat.record import Leaf
from caveat.register.values import Register, no


def seal_keys(register: Register, name: str) -> tuple[VerifyKey, ...]:
    """The keys under which a seal of that name was ever enrolled."""
    return tuple(read_verify_key(text) for text in sorted(register.seals) if text.partition("+")[0] == name)


def _beat(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    beat = open_beat(document, seal_keys(after, leaf.id))
    if beat.seal != leaf.id:
        raise no(f"record {index} is about the seal `{leaf.id}`, and its document about `{beat.seal}`")
    before = after.meters.get(leaf.id)
    sealed = max(beat.total, after.sealed.get(leaf.id, 0))
    newer = before is None or (before.boot, before.beat) < (beat.boot, beat.beat)
    return msgspec.structs.replace(
        after,
        meters={**after.meters, leaf.id: beat} if newer else after.meters,
        sealed={**after.sealed, leaf.id: sealed},
    )


def _tickets(after: Register, leaf: Leaf, index: int, document: bytes) -> Register:
    keys = seal_keys(after, leaf.id)
    for line in read_tickets(document):
        ticket = read_ticket(line)
        if ticket.seal != leaf.id:
            raise no(f"record {index} is about the seal `{leaf.id}`, and holds a ticket of `{ticket.seal}`")
        ticket.verify(keys)
    return after


EFFECTS = {"meter.beat": _beat, "meter.tickets": _tickets}
