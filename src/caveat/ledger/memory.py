"""The same ledger in memory: real tree, real fence, real signed checkpoints, nothing durable.

For the tests of other rooms and for short-lived houses.  A checkpoint is made when somebody asks for one.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from caveat.errors import BadInput, Unavailable
from caveat.ledger.checkpoint import LogKeys, sign_checkpoint
from caveat.ledger.fence import FenceKeeper, check_entries
from caveat.ledger.log import NO_FENCE, Entry, Fence, Placed
from caveat.ledger.receipt import Receipt, make_receipt
from caveat.ledger.tiles import Edge, TreeReader
from caveat.ledger.tree import leaf_hash
from caveat.note import TreeHead


class MemoryLog:
    """The port `Log` without a disk.  `clock_ms` gives POSIX milliseconds."""

    def __init__(self, keys: LogKeys, clock_ms: Callable[[], int]) -> None:
        self._keys = keys
        self._clock_ms = clock_ms
        self._entries: list[Entry] = []
        self._fence = FenceKeeper()
        self._edge = Edge()
        self._files: dict[str, bytes] = {}
        self._at_ms = 0
        self._changes: list[int] = []
        self._closed = False
        self._publish()

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._keys.origin

    @property
    def size(self) -> int:
        """Entries appended."""
        return len(self._entries)

    @property
    def at_ms(self) -> int:
        """The time of the newest entry."""
        return self._at_ms

    @property
    def fault(self) -> str:
        """Memory does not fail."""
        return ""

    def set_state(self, state: str, spent: Mapping[str, int], changes: Sequence[int] = ()) -> None:
        """Take up the fence: once, before the first append."""
        self._fence.set(state, spent)
        self._changes = list(changes)

    async def spent(self, of: str) -> int:
        """How many uses of an id were spent."""
        return self._fence.spent(of)

    def changes(self, since: int) -> tuple[int, ...]:
        """Indices of entries that changed the state."""
        return tuple(self._changes[bisect_left(self._changes, since) :])

    async def append(self, entries: tuple[Entry, ...], fence: Fence = NO_FENCE) -> tuple[Placed, ...]:
        """As durable as the process."""
        check_entries(entries)
        if self._closed:
            raise Unavailable("the ledger is closed", code="ledger_down")
        at_ms = max(self._clock_ms(), self._at_ms)
        self._fence.pass_through(fence, at_ms)
        self._at_ms = at_ms
        first = self.size
        self._entries += entries
        if fence.becomes:
            self._changes += range(first, self.size)
        return tuple(Placed(first + i, leaf_hash(e.leaf), self._at_ms) for i, e in enumerate(entries))

    async def checkpoint(self) -> bytes:
        """A checkpoint over all that was appended."""
        self._publish()
        return self._files["checkpoint"]

    async def entry(self, index: int) -> Entry:
        """The entry at an index."""
        self._check(index)
        return self._entries[index]

    async def proof(self, index: int) -> bytes:
        """A receipt for a checkpoint over all that was appended."""
        self._check(index)
        checkpoint = await self.checkpoint()
        tree = TreeReader(self._files.get, self.size)
        return make_receipt(Receipt(index, tuple(tree.inclusion(index)), checkpoint))

    async def published(self, index: int) -> None:
        """Return once a checkpoint covers the entry."""
        self._check(index)
        self._publish()

    async def forget(self, index: int) -> None:
        """Destroy the aside at an index."""
        self._check(index)
        self._entries[index] = Entry(self._entries[index].leaf)

    async def close(self) -> None:
        """Take no more."""
        self._closed = True

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Entry]]:
        """The entries start <= index < stop (None: to the end), in order."""
        yield from enumerate(self._entries[start:stop], start)

    def file(self, path: str) -> bytes | None:
        """A file of the log by its tlog-tiles path, as of the last checkpoint."""
        return self._files.get(path)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise BadInput(f"expected an index below {self.size}, got {index}")

    def _publish(self) -> None:
        if self.size == self._edge.size and "checkpoint" in self._files:
            return
        self._files.update(self._edge.grow([entry.leaf for entry in self._entries[self._edge.size :]]))
        head = TreeHead(self.origin, self.size, TreeReader(self._files.get, self.size).root())
        self._files["checkpoint"] = sign_checkpoint(head, self._keys, max(1, self._at_ms // 1000))
