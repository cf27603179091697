"""Checking a ledger whole, from its bytes: entries, tiles, root, signatures, WAL, vault.

Rule: whatever the files hold, this reports it and goes on; it raises nothing and writes nothing.  Run it on a ledger that
no writer has open, or on a copy.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from caveat.errors import CaveatError, NotVerified
from caveat.keys import KeyKind, VerifyKey
from caveat.ledger.audit import Finding, audit
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.files import read_file, translated
from caveat.ledger.reader import PUBLIC_PATH
from caveat.ledger.state import open_state
from caveat.ledger.tiles import TILE_WIDTH, TreeReader, decode_bundle, numbered, width_at
from caveat.ledger.tree import HASH_BYTES, leaf_hash
from caveat.ledger.vault import read_asides
from caveat.ledger.wal import read_segment, segments
from caveat.note import TreeHead

_TILE: Final = re.compile(r"tile/(entries|[0-9]+)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]+))?")


class Report(Struct, frozen=True):
    """What was checked and what was found.

    published   entries under the checkpoint, all of which were hashed again
    waiting     whole entries beyond it, in the WAL
    findings    empty if all is well
    """

    origin: str
    published: int
    waiting: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def fsck(directory: Path, keys: Sequence[VerifyKey], vault: Path | None = None) -> Report:
    """Check a ledger under the log's two keys."""
    check = _Check(directory, keys, vault)
    findings = tuple(check.run())
    return Report(keys[0].name, check.head.size, check.waiting, findings)


class _Check:
    def __init__(self, directory: Path, keys: Sequence[VerifyKey], vault: Path | None) -> None:
        self._directory = directory
        self._keys = keys
        self._vault = vault
        self.head = TreeHead(keys[0].name, 0, b"")
        self.waiting = 0

    def run(self) -> Iterator[Finding]:
        """In the order of trust: signatures, then what they cover, then what lies beside it."""
        for path, step in (
            ("checkpoint", self._heads),
            ("tile", self._tree),
            ("tile", self._others),
            ("wal", self._wal),
            ("vault", self._asides),
        ):
            try:
                with translated(self._directory):
                    yield from step()
            except CaveatError as error:
                yield Finding(path, None, error.message)

    def _heads(self) -> Iterator[Finding]:
        """The state that the log decided on; then the checkpoint, which the rest is held against if it opens."""
        name, plain = self._keys[0].name, next(key for key in self._keys if key.kind is KeyKind.NOTE)
        steps: dict[str, Callable[[bytes], TreeHead]] = {
            "state": lambda raw: open_state(raw, plain).head,
            "checkpoint": lambda raw: open_checkpoint(raw, self._keys, name),
        }
        for path, read in steps.items():
            try:
                head, newer = read(self._read(path) or b""), self.head
            except NotVerified as error:
                yield Finding(path, None, error.message)
                continue
            self.head = head
            if newer.root and (newer.size < head.size or (newer.size == head.size and newer != head)):
                yield Finding("state", None, "it does not continue the checkpoint")

    def _tree(self) -> Iterator[Finding]:
        tree = TreeReader(self._read, self.head.size)
        yield from audit(tree)
        if self.head.root and tree.root() != self.head.root:
            yield Finding("tile", None, "the tiles do not make up the root of the checkpoint")

    def _others(self) -> Iterator[Finding]:
        """Files that the tree does not need now: earlier partial tiles must agree with it, strangers should not be."""
        tree = TreeReader(self._read, self.head.size)
        for file in sorted(p for p in self._directory.glob("tile/**/*") if p.is_file()):
            path = file.relative_to(self._directory).as_posix()
            place = _TILE.fullmatch(path)
            if not place or not PUBLIC_PATH.fullmatch(path):
                yield Finding(path, None, "it is no file of a log")
            elif place[3] and not self._agrees(tree, place, file.read_bytes()):
                yield Finding(path, None, "it does not agree with the tree")

    def _agrees(self, tree: TreeReader, place: re.Match[str], data: bytes) -> bool:
        """Whether a partial file is the beginning of what the tree has there, or lies beyond what is published."""
        level = 0 if place[1] == "entries" else int(place[1])
        n, width = int(place[2].replace("x", "").replace("/", "")), int(place[3])
        if not 0 < width < TILE_WIDTH:
            return False
        if width > width_at(tree.size, level, n):
            return True
        try:
            if place[1] == "entries":
                return decode_bundle(data, width) == tree.bundle(n)[:width]
            return data == tree.tile(level, n)[: width * HASH_BYTES]
        except NotVerified:
            return False

    def _wal(self) -> Iterator[Finding]:
        """Every whole batch: entries that are published too must be the same, the others go on without gap."""
        tree = TreeReader(self._read, self.head.size)
        end = self.head.size
        for path in segments(self._directory / "wal"):
            try:
                for batch in read_segment(path):
                    for index, entry in enumerate(batch.entries, batch.first):
                        if index < self.head.size and tree.leaf_hash(index) != leaf_hash(entry.leaf):
                            yield Finding(f"wal/{path.name}", index, f"entry {index} is not the one in the tree")
                    if batch.first > end:
                        yield Finding(f"wal/{path.name}", end, f"entries {end} to {batch.first - 1} are missing")
                    end = max(end, batch.end)
            except NotVerified as error:
                yield Finding(f"wal/{path.name}", None, error.message)
        self.waiting = end - self.head.size

    def _asides(self) -> Iterator[Finding]:
        if self._vault is None:
            return
        for n in range(-(-self.head.size // TILE_WIDTH)):
            try:
                read_asides(self._vault, n)
            except NotVerified as error:
                yield Finding(f"vault/{numbered(n)}", n * TILE_WIDTH, error.message)

    def _read(self, path: str) -> bytes | None:
        return read_file(self._directory / path)
