"""The WAL of one store, written: segments one after the other, each made whole before anything is put in it.

Rules: room is reserved first, so that a full disk shows before an entry is taken; a batch is one write and one sync; what
is read back is compared, by digest, with what was written; a segment goes once all its entries are published.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from caveat.errors import NotVerified, Unavailable
from caveat.ledger.files import sync, sync_directory, write_all
from caveat.ledger.log import Entry
from caveat.ledger.wal import (
    SEGMENT_HEADER_BYTES,
    Batch,
    batch_bytes,
    encode_batch,
    encode_segment_header,
    read_from,
    segment_name,
    segments,
)

SEGMENT_BYTES: Final = 16 * 2**20


class Segments:
    """`reserve`, `write` and `turn` belong to the thread that appends; `read_back` and `drop` to the one that publishes."""

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._ends: dict[Path, int] = {}
        self._current: Path | None = None
        self._descriptor = -1
        self._seed = self._at = self._limit = 0
        self._digests: dict[int, bytes] = {}
        self._cursor: tuple[int, Path, int] | None = None

    def recover(self, size: int) -> list[Batch]:
        """All batches that go on from the published size, without gap.  Raises NotVerified where they do not."""
        found: list[Batch] = []
        for path in segments(self._directory):
            self._ends[path] = size
            for batch, _ in read_from(path, 0):
                if batch.end > size and batch.first != size:
                    raise NotVerified(f"`wal/{path.name}` goes on at {batch.first}, expected {size}", step="wal")
                if batch.first == size:
                    found.append(batch)
                    size = batch.end
                self._ends[path] = size
        return found

    def reserve(self, first: int, entries: Sequence[Entry]) -> None:
        """Have room for a batch of these, the first at that index; begin a segment where the present one has none."""
        needed = batch_bytes(entries)
        if self._current is None or self._at + needed > self._limit:
            self.turn()
            self._begin(first, max(self._segment_bytes, SEGMENT_HEADER_BYTES + needed))

    def write(self, first: int, at_ms: int, entries: Sequence[Entry]) -> None:
        """Write a batch, durable when it returns.  Raises SyncFailed or Unavailable, both final: nobody knows then what
        is on the disk."""
        assert self._current is not None, "reserve comes before write"
        data, digest = encode_batch(self._seed, first, at_ms, entries)
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            raise Unavailable(f"`{self._current}` cannot be written: {error.strerror}") from None
        sync(self._descriptor, self._current, data_only=True)
        self._at += len(data)
        self._ends[self._current] = first + len(entries)
        self._digests[first] = digest

    def turn(self) -> None:
        """Write no more to the present segment: the next `reserve` begins another."""
        if self._current is not None:
            os.close(self._descriptor)
            self._current, self._descriptor = None, -1

    def read_back(self, start: int, target: int) -> list[Batch]:
        """The batches that hold the entries start <= index < target, as the disk gives them."""
        batches: list[Batch] = []
        known = self._cursor if self._cursor is not None and self._cursor[0] == start else None
        for path in sorted(self._ends):
            if known is not None and path < known[1]:
                continue
            offset = known[2] if known is not None and path == known[1] else 0
            for batch, behind in read_from(path, offset):
                if batch.first == start:
                    batches.append(self._compared(batch))
                    start = batch.end
                if start == target:
                    self._cursor = (start, path, behind)
                    return batches
        raise NotVerified(f"the WAL lacks the entry {start}", step="wal")

    def drop(self, size: int) -> None:
        """Forget what is published, and remove the segments of which all is, the present one aside."""
        for first in [first for first in list(self._digests) if first < size]:
            del self._digests[first]
        for path, end in sorted(self._ends.items()):
            if end > size or path == self._current:
                return
            path.unlink(missing_ok=True)
            del self._ends[path]

    def _compared(self, batch: Batch) -> Batch:
        """The batch, if it is the very one whose place was told."""
        if self._digests.get(batch.first, batch.digest) != batch.digest:
            raise NotVerified(f"the WAL does not hold what was written at index {batch.first}", step="wal")
        return batch

    def _begin(self, first: int, size: int) -> None:
        """Make a segment: it counts only once its header and its name are durable, so a failure leaves nothing."""
        path = self._directory / segment_name(first)
        seed = secrets.randbits(32)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            write_all(descriptor, encode_segment_header(seed))
            sync(descriptor, path)
            sync_directory(self._directory)
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        self._ends[path] = first
        self._current, self._descriptor, self._seed = path, descriptor, seed
        self._at, self._limit = SEGMENT_HEADER_BYTES, size
