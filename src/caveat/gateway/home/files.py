"""Writing to the home's disk so that a crash leaves either the old or the new, and trouble is told in plain words."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caveat.errors import BadInput, Unavailable

PARTIAL = ".partial"
"""Ends the name of a file that is not whole yet; what an interrupted start left of them is swept away."""

FULL = {errno.ENOSPC, errno.EDQUOT}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def disk_trouble(path: Path) -> Iterator[None]:
    """An OSError inside becomes Unavailable (`disk_full`, `not_writable`, `unavailable`) with what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise Unavailable(
                f"the disk that holds `{path}` is full", code="disk_full", hint="free some space and start again"
            ) from None
        if error.errno in FORBIDDEN:
            raise Unavailable(
                f"`{path}` cannot be written: {error.strerror}",
                code="not_writable",
                hint="let this user write there, or choose another home with CAVEAT_HOME",
            ) from None
        raise Unavailable(f"`{path}` cannot be used: {error.strerror}", hint="check the disk and start again") from None


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put the bytes at the path, durably, in place of what was there.  Raises Unavailable."""
    with disk_trouble(path):
        partial = _partial(path, data, mode)
        partial.replace(path)
        sync_folder(path.parent)


def write_once(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put the bytes at a path where nothing is, durably.  Raises BadInput where something is, Unavailable."""
    with disk_trouble(path):
        partial = _partial(path, data, mode)
        try:
            os.link(partial, path)
        except FileExistsError:
            raise BadInput(f"`{path}` exists and is not written over") from None
        finally:
            partial.unlink()
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _partial(path: Path, data: bytes, mode: int) -> Path:
    """The bytes in a file beside the path, durable, with their mode from the first byte on."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return partial
