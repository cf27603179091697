"""The store on files: one directory, one writer.

    lock          held as long as a writer is alive
    state         the last head decided on (state.py)
    checkpoint    the last head published; with tile/ the C2SP tlog-tiles log that other tools read
    tile/...      hashes and entries
    wal/...       entries that are durable but maybe not in tiles yet
    tmp/          unfinished files, emptied at start

The way of an entry, and what a crash leaves after each step:

1. `commit`: the batch goes to the WAL and is synced; only then is anyone told its index.
2. `publish`: the batch is read back from the WAL and compared with what was told ...
3. ... asides go to the vault, full and partial tiles into place, all synced.        A crash: the next start does it again,
   and finds the same bytes.
4. The new entries are hashed again from the files, every new tile is folded, the root is recomputed, and the proof from
   the last head to this one must hold.  Anything that does not fit: NotVerified, nothing is signed, ever again.
5. `state` is swapped for the new head, if it still is what we wrote last.            A crash: the next start signs this head.
6. The checkpoint is signed, opened again, put in place.                              A crash: only step 7 is left to do.
7. WAL segments and partial tiles that nobody needs any more go.

Rules: `make_room` and `commit` are called by one thread, `publish` and `forget` by one at a time (another, maybe);
SyncFailed and NotVerified are final.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from caveat.errors import NotVerified
from caveat.ledger.audit import audit
from caveat.ledger.checkpoint import LogKeys, open_checkpoint, sign_checkpoint
from caveat.ledger.files import Changes, NoRoom, free_bytes, hold, read_file, translated
from caveat.ledger.log import Entry
from caveat.ledger.proof import verify_consistency
from caveat.ledger.segments import SEGMENT_BYTES, Segments
from caveat.ledger.state import State, encode_state, open_state
from caveat.ledger.tiles import TILE_WIDTH, Edge, TreeReader, bundle_path, tile_path
from caveat.ledger.tree import EMPTY_ROOT
from caveat.ledger.vault import Vault
from caveat.ledger.wal import batch_bytes, segments
from caveat.note import TreeHead


def now_ms() -> int:
    """POSIX milliseconds."""
    return time.time_ns() // 1_000_000


class LedgerSettings(Struct, frozen=True):
    """How a ledger on files runs.

    clock_ms           POSIX milliseconds
    interval_ms        at least so long between two checkpoints, unless somebody asks for one
    segment_bytes      size of a WAL segment, taken from the disk in advance
    free_floor_bytes   below so much free space nothing is admitted
    """

    clock_ms: Callable[[], int] = now_ms
    interval_ms: int = 1000
    segment_bytes: int = SEGMENT_BYTES
    free_floor_bytes: int = 64 * 2**20


class Disk:
    """A ledger open for writing.  Raises Unavailable if another process holds it, NotVerified if it is damaged.

    size         entries durably appended
    at_ms        the time of the newest one; no later one may have an earlier time
    state        the last head decided on
    checkpoint   the signed note published last
    published    what it says
    """

    size: int
    at_ms: int
    state: State
    checkpoint: bytes
    published: TreeHead
    _state_bytes: bytes

    def __init__(
        self,
        directory: Path,
        vault: Path,
        keys: LogKeys,
        settings: "LedgerSettings",
    ) -> None:
        self.directory = directory
        self._keys = keys
        self._free_floor = settings.free_floor_bytes
        self._writing = threading.Lock()
        self._committed_bytes = self._integrated_bytes = 0
        with translated(directory):
            for name in ("", "wal"):
                (directory / name).mkdir(parents=True, exist_ok=True)
            self._lock = hold(directory / "lock")
        try:
            with translated(directory):
                shutil.rmtree(directory / "tmp", ignore_errors=True)
                (directory / "tmp").mkdir(exist_ok=True)
                self.vault = Vault(vault)
                self._wal = Segments(directory / "wal", settings.segment_bytes)
                self._recover()
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._keys.origin

    def read(self, path: str) -> bytes | None:
        """A file of the log by its tlog-tiles path."""
        with translated(self.directory):
            return read_file(self.directory / path)

    # --- appending ---

    def make_room(self, entries: Sequence[Entry]) -> None:
        """See to it that neither `commit` of these nor their publication can fail for want of room: all that is not
        published yet is going to be written once more.  Raises NoRoom where the free-space floor would be passed."""
        with translated(self.directory):
            waiting = self._committed_bytes - self._integrated_bytes + batch_bytes(entries)
            if free_bytes(self.directory) < self._free_floor + waiting:
                raise NoRoom(str(self.directory))
            with self._writing:
                self._wal.reserve(self.size, entries)

    def commit(self, entries: Sequence[Entry], at_ms: int) -> int:
        """The index of the first of these entries, which are durable now.  Only after `make_room`."""
        first = self.size
        with translated(self.directory), self._writing:
            self._wal.reserve(first, entries)
            self._wal.write(first, at_ms, entries)
        self._committed_bytes += batch_bytes(entries)
        self.at_ms = at_ms
        self.size = first + len(entries)
        return first

    def turn_segment(self) -> None:
        """Let the next commit begin a new WAL segment, so that the present one can go once it is published."""
        with self._writing:
            self._wal.turn()

    # --- publishing ---

    def publish(self, breathe: Callable[[], None] = lambda: None) -> bool:
        """Bring all that was committed so far under a signed checkpoint; False if there was nothing to do.

        `breathe` is called every few hundred entries.  Raises NoRoom (call again later), SyncFailed or NotVerified
        (final).
        """
        target, old = self.size, self.state
        if old.head != self.published:
            self._sign()
        if target == old.head.size:
            return False
        edge = Edge.of(TreeReader(self.read, old.head.size))
        changes = Changes(self.directory / "tmp")
        try:
            with translated(self.directory):
                batches = self._wal.read_back(old.head.size, target)
                self._integrate(edge, changes, [entry for batch in batches for entry in batch.entries])
                changes.settle()
        finally:
            changes.drop()
        tree = TreeReader(self.read, target)
        self._audit(tree, old.head.size, breathe)
        if old.head.size:
            proof = tree.consistency(old.head.size)
            verify_consistency(old.head.size, target, old.head.root, tree.root(), proof)
        self._decide(State(TreeHead(self.origin, target, tree.root()), max(batches[-1].at_ms, old.at_ms)))
        self._sign()
        self._integrated_bytes += sum(batch_bytes(batch.entries) for batch in batches)
        self._tidy(old.head.size)
        return True

    def forget(self, index: int) -> None:
        """Destroy the aside at an index that was published after a `turn_segment`: no WAL segment holds it then."""
        with translated(self.directory):
            self._wal.drop(self.published.size)
            self.vault.forget(index)

    def close(self) -> None:
        """Let go of the directory.  Publish first: what is not published then is read from the WAL at the next start."""
        try:
            self._wal.turn()
            self._tidy(self.published.size)
        finally:
            os.close(self._lock)

    def _integrate(self, edge: Edge, changes: Changes, entries: Sequence[Entry]) -> None:
        """Step 3."""
        self.vault.append(edge.size, [entry.aside for entry in entries])
        for path, data in edge.grow([entry.leaf for entry in entries]):
            changes.put_once(self.directory / path, data)

    def _audit(self, tree: TreeReader, since: int, breathe: Callable[[], None] = lambda: None) -> None:
        """Step 4, first half: the files fit each other."""
        for finding in audit(tree, since, breathe):
            raise NotVerified(f"`{finding.path}`: {finding.what}", step="audit")

    def _decide(self, state: State) -> None:
        """Step 5."""
        if self.read("state") != self._state_bytes:
            raise NotVerified("the ledger's `state` was changed by somebody else", step="state")
        raw = encode_state(state, self._keys.plain)
        self._put("state", raw)
        self.state, self._state_bytes = state, raw

    def _sign(self) -> None:
        """Step 6."""
        raw = sign_checkpoint(self.state.head, self._keys, max(1, self.state.at_ms // 1000))
        open_checkpoint(raw, self._keys.verify_keys, self.origin)
        self._put("checkpoint", raw)
        self.checkpoint, self.published = raw, self.state.head

    def _put(self, name: str, data: bytes) -> None:
        changes = Changes(self.directory / "tmp")
        try:
            with translated(self.directory):
                changes.replace(self.directory / name, data)
                changes.settle()
        finally:
            changes.drop()

    def _tidy(self, since: int) -> None:
        """Step 7.  What cannot be removed now is harmless, and goes another time."""
        size = self.published.size
        with suppress(OSError):
            self._wal.drop(size)
        for level in range(-(-size.bit_length() // 8)):
            for n in range(since >> 8 * (level + 1), size >> 8 * (level + 1)):
                shutil.rmtree(self.directory / f"{tile_path(level, n)}.p", ignore_errors=True)
                if level == 0:
                    shutil.rmtree(self.directory / f"{bundle_path(n)}.p", ignore_errors=True)

    # --- starting ---

    def _recover(self) -> None:
        """Take up the ledger where it was left, however it was left."""
        raw = self.read("state")
        if raw is None:
            raw = self._begin()
        self.state, self._state_bytes = open_state(raw, self._keys.plain.verify_key), raw
        if self.state.head.origin != self.origin:
            raise NotVerified(f"expected the ledger `{self.origin}`, found `{self.state.head.origin}`", step="state")
        self._check_tree()
        self.at_ms, self.size = self.state.at_ms, self.state.head.size
        for batch in self._wal.recover(self.size):
            self.at_ms, self.size = max(self.at_ms, batch.at_ms), batch.end
            self._committed_bytes += batch_bytes(batch.entries)
        if not self.publish():
            self._tidy(max(0, self.size - TILE_WIDTH))

    def _begin(self) -> bytes:
        """A ledger of no entries; only where nothing is that could have been one."""
        if any((self.directory / name).exists() for name in ("checkpoint", "tile")) or segments(self.directory / "wal"):
            raise NotVerified("the ledger has lost its `state`", step="state", hint="restore it from a copy")
        raw = encode_state(State(TreeHead(self.origin, 0, EMPTY_ROOT), 0), self._keys.plain)
        self._put("state", raw)
        return raw

    def _check_tree(self) -> None:
        """Do the files make up the last head, and does it continue the published one?"""
        head = self.state.head
        tree = TreeReader(self.read, head.size)
        if tree.root() != head.root:
            raise NotVerified("the ledger's tiles do not make up the root of its `state`", step="tiles")
        self._audit(tree, max(0, head.size - TILE_WIDTH))
        raw = self.read("checkpoint")
        if raw is None:
            return self._sign()
        published = open_checkpoint(raw, self._keys.verify_keys, self.origin)
        if published.size > head.size or tree.hash_of(0, published.size) != published.root:
            raise NotVerified("the ledger's `state` does not continue its checkpoint", step="state")
        self.checkpoint, self.published = raw, published
        if published.size < head.size:
            self._sign()
        return None
