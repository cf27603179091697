"""Files that a person names on the command line: read and written with a sentence where it does not work."""

from pathlib import Path

from caveat.errors import BadInput
from caveat.gateway.home.files import write_once, write_whole
from caveat.keys import SigningKey, read_signing_key

MOST_BYTES = 64 * 2**20


def existing(path: Path) -> Path:
    """The path, if there is a file.  Raises BadInput."""
    if path.is_dir():
        raise BadInput(f"expected a file, and `{path}` is a directory")
    if not path.is_file():
        raise BadInput(f"there is no file `{path}`")
    return path


def read_bytes(path: Path, limit: int = MOST_BYTES) -> bytes:
    """The file's bytes.  Raises BadInput where it is missing, unreadable or larger than `limit` bytes."""
    try:
        with existing(path).open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BadInput(f"cannot read `{path}`: {error.strerror}") from None
    if len(data) > limit:
        raise BadInput(f"`{path}` is larger than {limit:,} bytes")
    return data


def signing_key(path: Path) -> SigningKey:
    """The signing key in a file.  Raises BadInput, which never quotes it."""
    return read_signing_key(read_bytes(path, 4096).decode("ascii", "replace").strip())


def write_new(path: Path, data: bytes, *, replacing: bool = False, mode: int = 0o644) -> None:
    """Write a file, whole or not at all; over another only where `replacing`.  Raises BadInput, Unavailable."""
    if replacing:
        write_whole(path, data, mode=mode)
    else:
        write_once(path, data, mode=mode)
