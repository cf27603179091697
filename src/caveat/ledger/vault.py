"""The vault: what lies beside the leaves (openings of their commitments, bodies), by index.

A file holds the asides of 256 leaves, and is numbered as their bundle is: vault/000, vault/x001/234, ...

    256 or fewer times: u32 big-endian length, bytes        length 0: none, or destroyed

Rules: nothing here is in the tree, so anything here may be destroyed; what is destroyed is overwritten by a file without
it before `forget` returns (what a disk keeps of the old file is the disk's matter: encrypt it); files are readable by the
owner alone.
"""

import os
import struct
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from caveat.errors import NotVerified
from caveat.ledger.files import Changes, read_file, sync, translated, write_all
from caveat.ledger.tiles import TILE_WIDTH, numbered

_LENGTH: Final = struct.Struct(">I")
_SCRATCH: Final = "tmp"
_TRIES: Final = 50
_PATIENCE_S: Final = 0.02


def read_aside(vault: Path, index: int) -> bytes:
    """The aside at an index, b"" where there is none.  Needs no lock: files only grow, or are replaced whole."""
    with translated(vault):
        try:
            descriptor = os.open(_path(vault, index // TILE_WIDTH), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            at = _offset(descriptor, index % TILE_WIDTH)
            length = _length(descriptor, at) if at >= 0 else 0
            return os.pread(descriptor, length, at + _LENGTH.size) if length > 0 else b""
        finally:
            os.close(descriptor)


def read_asides(vault: Path, n: int) -> list[bytes]:
    """All asides beside bundle `n`, as many as its file has: it may be short, or not there.

    Needs no lock: a last one that is not whole may be on its way to the file, and is waited for a little.  Raises
    NotVerified for a file that is none of ours, or that ends in the midst of one for good.
    """
    for _ in range(_TRIES):
        with translated(vault):
            asides = _decode(read_file(_path(vault, n)) or b"")
        if asides is not None:
            return asides
        time.sleep(_PATIENCE_S)
    raise NotVerified(f"`vault/{numbered(n)}` is damaged", step="vault")


class Vault:
    """The one writer of a vault."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        with translated(directory):
            (directory / _SCRATCH).mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)

    def append(self, first: int, asides: Sequence[bytes]) -> None:
        """Put asides from an index on; durable when it returns.  Writing the same again is harmless: what was there from
        that index on, such as a crash leaves, is cut off."""
        done = 0
        while done < len(asides):
            n, at = divmod(first + done, TILE_WIDTH)
            piece = asides[done : done + TILE_WIDTH - at]
            if any(piece):
                with self._lock:
                    self._append(n, at, piece)
            done += len(piece)

    def forget(self, index: int) -> None:
        """Destroy the aside at an index; gone from the file when it returns."""
        n, at = divmod(index, TILE_WIDTH)
        with self._lock:
            asides = read_asides(self._directory, n)
            if at < len(asides) and asides[at]:
                asides[at] = b""
                changes = self._changes()
                with translated(self._directory):
                    changes.replace(_path(self._directory, n), _encode(asides))
                    changes.settle()

    def _append(self, n: int, at: int, asides: Sequence[bytes]) -> None:
        path = _path(self._directory, n)
        changes = self._changes()
        if not path.exists():
            changes.replace(path, b"")
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            missing = 0
            end = _offset(descriptor, at)
            while end < 0:
                missing += 1
                end = _offset(descriptor, at - missing)
            os.ftruncate(descriptor, end)
            os.lseek(descriptor, end, os.SEEK_SET)
            write_all(descriptor, _encode([*[b""] * missing, *asides]))
            sync(descriptor, path)
        finally:
            os.close(descriptor)
            changes.settle()

    def _changes(self) -> Changes:
        return Changes(self._directory / _SCRATCH, mode=0o600)


def _path(vault: Path, n: int) -> Path:
    return vault / numbered(n)


def _encode(asides: Sequence[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(aside)) + aside for aside in asides)


def _decode(data: bytes) -> list[bytes] | None:
    """The asides in a file's bytes, None where these do not end with a whole one."""
    asides: list[bytes] = []
    at = 0
    while at < len(data):
        body = at + _LENGTH.size
        at = body + int.from_bytes(data[at:body], "big")
        asides.append(data[body:at])
    return asides if at == len(data) and len(asides) <= TILE_WIDTH else None


def _length(descriptor: int, at: int) -> int:
    """The length that stands at an offset, -1 at the file's end."""
    piece = os.pread(descriptor, _LENGTH.size, at)
    return _LENGTH.unpack(piece)[0] if len(piece) == _LENGTH.size else -1


def _offset(descriptor: int, count: int) -> int:
    """The offset behind the first `count` asides, -1 if the file does not hold so many whole ones."""
    at, size = 0, os.fstat(descriptor).st_size
    for _ in range(count):
        length = _length(descriptor, at)
        if length < 0 or at + _LENGTH.size + length > size:
            return -1
        at += _LENGTH.size + length
    return at
