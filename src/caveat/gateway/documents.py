"""Control documents: what control records name by digest, kept whole in control/.  Written once, never changed."""

import os
from pathlib import Path

from caveat.canon import digest
from caveat.errors import NotVerified, Unavailable


class Documents:
    """The directory control/, a file a digest."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, document: bytes) -> str:
        """Make the document durable and return its digest.  Raises Unavailable where the disk does not take it."""
        name = digest(document)
        path = self._path(name)
        if path.exists() and path.read_bytes() == document:
            return name
        partial = path.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                file.write(document)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            _sync_directory(self._directory)
        except OSError as error:
            raise Unavailable(f"a control document could not be written: {error.strerror}") from None
        return name

    def read(self, name: str) -> bytes:
        """The document of that digest, b"" for the empty name.  Raises NotVerified where it is missing or changed."""
        if not name:
            return b""
        try:
            document = self._path(name).read_bytes()
        except OSError:
            raise NotVerified(f"the control document `{name}` is missing", step="control") from None
        if digest(document) != name:
            raise NotVerified(f"the control document `{name}` was changed", step="control")
        return document

    def _path(self, name: str) -> Path:
        return self._directory / name.removeprefix("sha256:")


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
