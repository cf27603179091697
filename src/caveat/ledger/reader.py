"""Reading a ledger's files while, or while not, a writer has them open.

For the fold at start-up, for the command line, for whoever serves tiles.  It takes no lock and writes nothing.

Rules: what is published is believed only along the hashes that lead to the checkpoint's root (and the checkpoint only
under the given keys, if any are given); what is durable but not published comes from the WAL, under its checksums; when
the writer moves files meanwhile, reading starts over from where it was.
"""

import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from caveat.errors import BadInput, NotVerified, Unavailable
from caveat.keys import VerifyKey
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.files import read_file, translated
from caveat.ledger.log import Entry
from caveat.ledger.proof import prove_consistency
from caveat.ledger.receipt import Receipt, make_receipt
from caveat.ledger.state import claimed_state
from caveat.ledger.tiles import TILE_WIDTH, TreeReader, hashes_in, width_at
from caveat.ledger.tree import HASH_BYTES, fold, leaf_hash
from caveat.ledger.vault import read_asides
from caveat.ledger.wal import Batch, read_from, segments
from caveat.note import TreeHead, parse_note, read_tree_head

PUBLIC_PATH: Final = re.compile(
    r"checkpoint|tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])(?:/x[0-9]{3})*/[0-9]{3}(?:\.p/[0-9]{1,3})?"
)
_TRIES: Final = 5
_PATIENCE_S: Final = 0.02


class LedgerReader:
    """A ledger's directory, and the vault's.  May be used from any thread, one iteration each."""

    def __init__(self, directory: Path, vault: Path | None = None, keys: Sequence[VerifyKey] = ()) -> None:
        self._directory = directory
        self._vault = vault
        self._keys = tuple(keys)
        self._lock = threading.Lock()
        self._end: tuple[Path, int, int] | None = None

    @property
    def origin(self) -> str:
        """The log's name, as its state has it.  Raises Unavailable where there is no ledger."""
        return claimed_state(self._need("state")).head.origin

    def file(self, path: str) -> bytes | None:
        """A published file by its tlog-tiles path, None where there is none, or where none may be."""
        return self._read(path) if PUBLIC_PATH.fullmatch(path) else None

    def checkpoint(self) -> bytes:
        """The newest published checkpoint."""
        return self._need("checkpoint")

    def head(self) -> TreeHead:
        """What it says: by signature if this reader has keys, else by its text.  Raises NotVerified."""
        return self._opened(self.checkpoint())

    def size(self) -> int:
        """Entries durably appended, the unpublished ones too."""
        for _ in range(_TRIES):
            try:
                return max(self.head().size, self._wal_end())
            except FileNotFoundError:
                continue
        raise self._restless()

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Entry]]:
        """The entries start <= index < stop (None: to the present end) with their asides, in order.  Raises NotVerified
        for one whose bytes do not lead to the root."""
        at = start
        tries = 0
        while (stop is None or at < stop) and tries < _TRIES:
            before = at
            try:
                for index, entry in self._run(at, stop):
                    yield index, entry
                    at = index + 1
                if at == before or (stop is not None and at >= stop):
                    return
            except FileNotFoundError:
                tries += 1
        if tries == _TRIES:
            raise self._restless()

    def entry(self, index: int) -> Entry:
        """The entry at an index.  Raises BadInput beyond the end."""
        for _, entry in self.entries(index, index + 1):
            return entry
        raise BadInput(f"expected an index below {self.size()}, got {index}")

    def proof(self, index: int) -> bytes:
        """A receipt for the newest published checkpoint.  Raises Unavailable for an index that it does not cover."""
        checkpoint = self.checkpoint()
        head = self._opened(checkpoint)
        if not 0 <= index < head.size:
            raise Unavailable(f"entry {index} is not under a checkpoint of size {head.size}")
        return make_receipt(Receipt(index, tuple(TreeReader(self._read, head.size).inclusion(index)), checkpoint))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` entries begins with that of `old`.  0 < old <= new <= published size."""
        tree = self.tree()
        if not 0 < old <= new <= tree.size:
            raise BadInput(f"expected sizes between 1 and {tree.size}, got {old} and {new}")
        return prove_consistency(tree.hash_of, old, new)

    def tree(self) -> TreeReader:
        """The published tree; nothing of it is checked yet.  Its `hash_of(0, n)` is the root at any earlier size n."""
        return TreeReader(self._read, self.head().size)

    # --- published entries, then the WAL's ---

    def _run(self, at: int, stop: int | None) -> Iterator[tuple[int, Entry]]:
        head = self.head()
        checked = _Checked(TreeReader(self._read, head.size), head.root)
        while at < head.size and (stop is None or at < stop):
            n = at // TILE_WIDTH
            leaves = checked.bundle(n)
            asides = read_asides(self._vault, n) if self._vault else []
            asides += [b""] * (len(leaves) - len(asides))
            for index in range(at, n * TILE_WIDTH + len(leaves)):
                if stop is not None and index >= stop:
                    return
                yield index, Entry(leaves[index % TILE_WIDTH], asides[index % TILE_WIDTH])
            at = n * TILE_WIDTH + len(leaves)
        for batch in self._wal_from(at):
            for index in range(max(at, batch.first), batch.end):
                if stop is not None and index >= stop:
                    return
                yield index, batch.entries[index - batch.first]
            at = batch.end

    def _wal_from(self, at: int) -> Iterator[Batch]:
        """The batches that go on from an index, as far as the WAL has them."""
        paths = segments(self._directory / "wal")
        starts = [int(path.stem) for path in paths]
        for i, path in enumerate(paths):
            if i + 1 < len(paths) and starts[i + 1] <= at:
                continue
            for batch, _ in _patiently(path, 0):
                if batch.end > at and batch.first > at:
                    raise FileNotFoundError(path)  # what lay between was published meanwhile: start over
                if batch.end > at:
                    yield batch
                    at = batch.end

    def _wal_end(self) -> int:
        """The index behind the last entry in the WAL, 0 where there is none; what was read once is not read again."""
        paths = segments(self._directory / "wal")
        if not paths:
            return 0
        with self._lock:
            known = self._end
        path = paths[-1]
        _, offset, end = known if known is not None and known[0] == path else (path, 0, int(path.stem))
        for batch, behind in _patiently(path, offset):
            offset, end = behind, batch.end
        with self._lock:
            self._end = (path, offset, end)
        return end

    def _opened(self, raw: bytes) -> TreeHead:
        if self._keys:
            return open_checkpoint(raw, self._keys, self._keys[0].name)
        return read_tree_head(parse_note(raw).text)

    def _read(self, path: str) -> bytes | None:
        with translated(self._directory):
            return read_file(self._directory / path)

    def _need(self, name: str) -> bytes:
        data = self._read(name)
        if data is None:
            raise Unavailable(f"there is no ledger in `{self._directory}`", hint="`caveat init` makes one")
        return data

    def _restless(self) -> Unavailable:
        return Unavailable("the ledger's files move faster than they can be read", hint="try again")


class _Checked:
    """A tree of which every bundle is followed up to the root before it is believed."""

    def __init__(self, tree: TreeReader, root: bytes) -> None:
        if tree.root() != root:
            raise NotVerified("the ledger's tiles do not make up the root of its checkpoint", step="tiles")
        self._tree = tree
        self._sound: set[tuple[int, int]] = set()

    def bundle(self, n: int) -> list[bytes]:
        leaves = self._tree.bundle(n)
        if b"".join([leaf_hash(leaf) for leaf in leaves]) != self._tree.tile(0, n):
            raise NotVerified(
                f"entries from {n * TILE_WIDTH} on do not have the hashes that their tile holds", step="tiles"
            )
        self._follow(0, n)
        return leaves

    def _follow(self, level: int, n: int) -> None:
        """A full tile is sound if the tile above holds its root and is sound; an unfinished one made up the root."""
        if (level, n) in self._sound:
            return
        if width_at(self._tree.size, level, n) == TILE_WIDTH:
            above = self._tree.tile(level + 1, n // TILE_WIDTH)
            at = n % TILE_WIDTH * HASH_BYTES
            if fold(hashes_in(self._tree.tile(level, n))) != above[at : at + HASH_BYTES]:
                raise NotVerified(f"tile {n} of level {level} does not lead to the root", step="tiles")
            self._follow(level + 1, n // TILE_WIDTH)
        self._sound.add((level, n))


def _patiently(path: Path, offset: int) -> Iterator[tuple[Batch, int]]:
    """The batches of a segment that may be written to meanwhile: what looks damaged is looked at again."""
    for attempt in range(_TRIES):
        try:
            for batch, behind in read_from(path, offset):
                offset = behind
                yield batch, behind
        except NotVerified:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_PATIENCE_S)
        else:
            return
