"""Entries of a ledger on files, wherever they are: in memory as long as no checkpoint covers them, then in tiles and vault."""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from pathlib import Path

from caveat.errors import NotVerified
from caveat.ledger.log import Entry
from caveat.ledger.receipt import Receipt, make_receipt
from caveat.ledger.tiles import TreeReader
from caveat.ledger.tree import leaf_hash
from caveat.ledger.vault import read_aside

Read = Callable[[str], bytes | None]
"""A file of the log by its tlog-tiles path."""


def stored(read: Read, vault: Path, size: int, index: int) -> Entry:
    """The published entry at an index, below `size`.  Raises NotVerified where it is not what its tile says."""
    tree = TreeReader(read, size)
    leaf = tree.entry(index)
    if leaf_hash(leaf) != tree.leaf_hash(index):
        raise NotVerified(f"entry {index} does not have the hash that its tile holds", step="tiles")
    return Entry(leaf, read_aside(vault, index))


def receipt_of(read: Read, index: int, checkpoint: bytes, size: int) -> bytes:
    """The receipt of the entry at an index, under the checkpoint of so many entries."""
    return make_receipt(Receipt(index, tuple(TreeReader(read, size).inclusion(index)), checkpoint))


class Recent:
    """The entries that are durable but not published, in memory: batches in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: deque[tuple[int, tuple[Entry, ...]]] = deque()

    def add(self, first: int, entries: tuple[Entry, ...]) -> None:
        with self._lock:
            self._batches.append((first, entries))

    def drop(self, size: int) -> None:
        """Let go of all below an index."""
        with self._lock:
            while self._batches and self._batches[0][0] + len(self._batches[0][1]) <= size:
                self._batches.popleft()

    def get(self, index: int) -> Entry | None:
        with self._lock:
            batches = list(self._batches)
        at = bisect_right(batches, index, key=lambda batch: batch[0]) - 1
        if at < 0 or index >= batches[at][0] + len(batches[at][1]):
            return None
        return batches[at][1][index - batches[at][0]]
