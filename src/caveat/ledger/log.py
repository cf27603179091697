"""The port of the ledger: opaque bytes in, a durable place in one order out.

The ledger knows no terms.  What it promises, whichever store is behind it (disk.py, memory.py):

- one order: indices 0, 1, 2, ... without gap; an index never names other bytes;
- durable before said: `append` returns only when the bytes survive a power cut;
- all or none: the entries of one `append` get consecutive indices, or nothing is written;
- fenced: an append whose fence is not the one in force at its index is refused (StaleFence) and writes nothing;
- published soon: a checkpoint that covers the entries follows within about a second, or `append` starts to refuse.
"""

from typing import Protocol

from msgspec import Struct


class Entry(Struct, frozen=True):
    """What one append writes at one index.

    leaf   the bytes in the tree, 1 <= len <= 65,535 (C2SP tlog-tiles entry bundle)
    aside  bytes kept beside the leaf, outside the tree, durable with it: what opens its commitments.  They can be
           destroyed later without touching a proof.  len <= 1 MiB.
    """

    leaf: bytes
    aside: bytes = b""


class Fence(Struct, frozen=True):
    """What an append stands on.

    expects   the state that must be in force at the index (an opaque digest of terms, revocations, keys);
              "" for an entry that stands on nothing (a call's outcome must always be recordable)
    becomes   the state after it, "" to leave it as it is; only control records change it
    spends    (id of a waiver, approval or lease, maximum uses): counted at the index; refused with StaleFence when exhausted
    before_ms the ledger's time at the index must be before this (POSIX ms), 0 for no such bound; refused with StaleFence
    under     (id, bound): refused with StaleFence where so much of it, or more, was counted before
    adds      (id, amount): counted at the index, whatever was counted before
    """

    expects: str = ""
    becomes: str = ""
    spends: tuple[tuple[str, int], ...] = ()
    before_ms: int = 0
    under: tuple[tuple[str, int], ...] = ()
    adds: tuple[tuple[str, int], ...] = ()


NO_FENCE = Fence()


class Placed(Struct, frozen=True):
    """A leaf's place: durable, though maybe not in a checkpoint yet."""

    index: int
    leaf_hash: bytes
    at_ms: int


class Log(Protocol):
    """Where records go.  Every method may be called at once from many tasks of one event loop."""

    @property
    def origin(self) -> str:
        """The log's name, first line of its checkpoints."""
        ...

    async def append(self, entries: tuple[Entry, ...], fence: Fence = NO_FENCE) -> tuple[Placed, ...]:
        """Durable when it returns; retried by nobody.  Raises StaleFence (decide again), Unavailable (disk full,
        writer dead, too many waiting: answer 503 and do nothing)."""
        ...

    async def checkpoint(self) -> bytes:
        """The newest published checkpoint, a signed note (c2sp.org/tlog-checkpoint)."""
        ...

    async def entry(self, index: int) -> Entry:
        """The entry at an index, 0 <= index < appended size, from the WAL if it is not in a tile yet; `aside` is b""
        once destroyed.  Raises BadInput beyond the end."""
        ...

    async def proof(self, index: int) -> bytes:
        """A receipt: c2sp.org/tlog-proof text for the newest published checkpoint.  Raises Unavailable when the index
        is not covered yet (at most about a second)."""
        ...

    @property
    def size(self) -> int:
        """Entries durably appended."""
        ...

    @property
    def at_ms(self) -> int:
        """The latest time of an entry that is known here, POSIX ms; it never falls."""
        ...

    async def spent(self, of: str) -> int:
        """How many uses of an id were spent (`Fence.spends`).  Raises Unavailable."""
        ...

    def changes(self, since: int) -> tuple[int, ...]:
        """Indices of the entries that changed the state (those whose fence said what it `becomes`), since <= index,
        ascending: whoever folds what is in force reads these alone.  After a StaleFence, the one that caused it is among
        them."""
        ...
