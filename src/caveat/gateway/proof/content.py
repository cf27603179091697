"""What was said in calls, shown to a person: the look is on record before a byte of it is shown, whichever way it came."""

import asyncio

from caveat.canon import canonical
from caveat.errors import BadInput
from caveat.gateway.house.house import House

WHICH = ("request", "reply")
HELD = "held"
"""The words of a held call, or of a reply that waits."""


async def look(house: House, call: str, which: str, person: str, role: str) -> bytes:
    """A body that the vault keeps.

    Raises BadInput for what is no body's name, NotVerified where it is not kept, Unavailable where the look cannot be
    recorded.
    """
    if which not in WHICH:
        raise BadInput(f"expected one of {', '.join(WHICH)}")
    body = await asyncio.to_thread(house.bodies.read, call, which)
    await note_look(house, call, which, person, role)
    return body


async def note_look(house: House, call: str, which: str, person: str, role: str) -> None:
    """Put on record that a person looks at what was said in a call.  Raises Unavailable."""
    about = canonical({"call": call, "person": person, "role": role, "v": 1, "which": which})
    await house.note("content.viewed", call, about)
