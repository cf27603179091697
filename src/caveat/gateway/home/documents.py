"""Control documents: what control records name by digest, kept whole in control/.  Written once, never changed."""

from pathlib import Path

from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.gateway.home.files import write_whole


class Documents:
    """The directory control/, a file a digest."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, document: bytes) -> str:
        """Make the document durable and return its digest.  Raises Unavailable where the disk does not take it."""
        name = digest(document)
        path = self._path(name)
        if not path.exists() or path.read_bytes() != document:
            write_whole(path, document)
        return name

    def probe(self) -> None:
        """Write and sync a file beside the documents.  Raises Unavailable where that cannot be done."""
        write_whole(self._directory / "probe", b"probe\n")

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
