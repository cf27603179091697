"""What the vault keeps of a call that waits for persons: the call, or the reply to it as it would have left."""

from typing import Any

import msgspec
from msgspec import Struct

from caveat.errors import NotVerified
from caveat.gateway.home.bodies import Bodies
from caveat.waivers.hold import Ask

WHICH = "held"


class Kept(Struct, frozen=True):
    """A reply that waits.

    type, body   its content type and its bytes, notices and masks in place      characters   words of the model's in it
    facts        the facts of the reply, as the record names them                done         what was done about each duty
    """

    type: str
    body: bytes
    facts: dict[str, Any]
    characters: int
    done: list[dict[str, Any]]


class Held(Struct, frozen=True):
    """A call that waits: what persons are asked, its body, and the reply where it has one."""

    ask: Ask
    body: bytes
    reply: Kept | None = None


def keep(bodies: Bodies, held: Held) -> None:
    """Make it durable.  Raises Unavailable."""
    bodies.keep(held.ask.hold, WHICH, msgspec.msgpack.encode(held), held.ask.until_ms)


def read_held(bodies: Bodies, hold: str) -> Held:
    """What is kept under that id.  Raises NotVerified where nothing is, or it was changed."""
    raw = bodies.read(hold, WHICH)
    try:
        return msgspec.msgpack.decode(raw, type=Held)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotVerified(f"what the vault keeps of the hold `{hold}` cannot be read", step="hold") from None
