"""Files that survive a power cut.

Rules: bytes are in place only when the file *and* its directory were synced; a directory is opened before what changes in
it, so that no error gets lost; a failed sync is final (the kernel may have dropped the pages: a second try would lie), so
SyncFailed must stop the writer for good; a file that must not change is made under another name and linked in place, and
one that is there already must hold the same bytes.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from caveat.errors import NotVerified, Unavailable

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that go away once somebody makes room."""


class SyncFailed(Unavailable):
    """Nobody knows what is on the disk now: stop, and let the next start read what is there."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"`{path}` could not be made durable: {why}", hint="check the disk, then start again")


class NoRoom(Unavailable):
    """The disk is full, or nearly: nothing was written."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the disk that holds `{path}` is full", code="disk_full", hint="free some space on it")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Within: a full disk is NoRoom, any other error of the system is Unavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise NoRoom(str(path)) from None
        raise Unavailable(f"`{error.filename or path}` cannot be used: {error.strerror}") from None


def sync(descriptor: int, path: Path, *, data_only: bool = False) -> None:
    """Return once what was written to it is durable; raise SyncFailed otherwise, never to be tried again."""
    try:
        (os.fdatasync if data_only else os.fsync)(descriptor)
    except OSError as error:
        raise SyncFailed(str(path), error.strerror or "") from None


def sync_directory(path: Path) -> None:
    """Return once the names in a directory are durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor, path)
    finally:
        os.close(descriptor)


def read_file(path: Path) -> bytes | None:
    """The file's bytes, None where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it: the system may take less at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def alone(path: Path) -> int | None:
    """The lock file's descriptor, which holds until it is closed or the process ends; None where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def hold(path: Path) -> int:
    """Hold the directory as its one writer until the descriptor is closed, or the process ends."""
    descriptor = alone(path)
    if descriptor is None:
        raise Unavailable(
            f"the ledger `{path.parent}` is open in another process", code="ledger_in_use", hint="stop that one first"
        )
    return descriptor


def free_bytes(directory: Path) -> int:
    """What an ordinary user may still write there."""
    figures = os.statvfs(directory)
    return figures.f_bavail * figures.f_frsize


class Changes:
    """Files put in place together: durable once `settle` returns, none of them promised before.

    `scratch` is a directory on the same file system where one unfinished file lies at a time: one writer each.
    """

    def __init__(self, scratch: Path, mode: int = 0o644) -> None:
        self._scratch = scratch
        self._mode = mode
        self._open: dict[Path, int] = {}

    def put_once(self, path: Path, data: bytes) -> None:
        """Put a file that never changes.  Raises NotVerified if one with other bytes is there."""
        made = self._write(path, data)
        try:
            os.link(made, path)
        except FileExistsError:
            if path.read_bytes() != data:
                raise NotVerified(f"`{path}` is there already, with other bytes", step="files") from None
        finally:
            made.unlink()

    def replace(self, path: Path, data: bytes) -> None:
        """Put a file in place of the one that is there, if any: whoever reads sees the old one or the new one whole."""
        self._write(path, data).rename(path)

    def remove(self, path: Path) -> None:
        """Take a file or an empty directory away, if it is there."""
        self._touch(path.parent)
        try:
            path.rmdir() if path.is_dir() else path.unlink()
        except FileNotFoundError:
            return

    def settle(self) -> None:
        """Sync every directory that changed.  Raises SyncFailed."""
        try:
            for path, descriptor in self._open.items():
                sync(descriptor, path)
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of it unsettled."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _write(self, path: Path, data: bytes) -> Path:
        self._touch(path.parent)
        made = self._scratch / "unfinished"
        made.unlink(missing_ok=True)  # never written over: after a failure it may be another name of a file in place
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)
        try:
            write_all(descriptor, data)
            sync(descriptor, path)
        finally:
            os.close(descriptor)
        return made

    def _touch(self, directory: Path) -> None:
        """Open the directory before anything changes in it; make it, and what it lies in, where it is not there."""
        if directory in self._open:
            return
        if not directory.is_dir():
            self._touch(directory.parent)
            directory.mkdir(exist_ok=True)
        self._open[directory] = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
