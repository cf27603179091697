"""Calls that a worker has opened and not settled, known to the parent: when the worker is gone, nobody else can say how
they ended."""

from typing import Final

import msgspec
from msgspec import Struct

from caveat.ledger.log import Entry, Placed
from caveat.record import Opening


class _Glance(Struct, frozen=True):
    """As much of a leaf as matters here; the rest is passed over."""

    k: str = ""
    call: str = ""
    terms: str = ""


_glance: Final = msgspec.json.Decoder(_Glance)


class OpenCalls:
    """One worker's.  Told of everything that it appends, in the order of the ledger."""

    def __init__(self) -> None:
        self.calls: dict[str, Opening] = {}

    def note(self, entries: tuple[Entry, ...], placed: tuple[Placed, ...]) -> None:
        """These entries are durable at these places."""
        for entry, place in zip(entries, placed, strict=True):
            try:
                leaf = _glance.decode(entry.leaf)
            except msgspec.DecodeError:
                continue  # no record of ours, so no call
            if leaf.k == "opened":
                self.calls[leaf.call] = Opening(place.index, leaf.terms)
            elif leaf.k == "settled":
                self.calls.pop(leaf.call, None)
