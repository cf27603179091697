"""A list that waits for further signatures: a file that goes from one holder of a party's keys to the next.

    {"caveat_pending": 1, "party": "ministry.example", "root": "<the newest root>", "targets": "<the list, signed by some>",
     "files": {"talks/office/003-accept.json": "<base64>", "terms/office@1.json": null}}

Rules of this file: whoever signs is shown what the list would change; the files are the very ones that it names.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct
from tuf.api.exceptions import RepositoryError

from caveat.canon import b64, sha256, unb64
from caveat.errors import BadInput, NotVerified
from caveat.talks.publishing import signers

MAX_BYTES = 1 << 26


class Pending(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; None stands for a file that is listed no more."""

    caveat_pending: Literal[1]
    party: str
    root: str
    targets: str
    files: dict[str, str | None]

    def contents(self) -> dict[str, bytes | None]:
        """The files' bytes.  Raises NotVerified where one is not what the list names."""
        listed = msgspec.json.decode(self.targets)["signed"]["targets"]
        found = {path: None if data is None else unb64(data) for path, data in self.files.items()}
        for path, data in found.items():
            named = listed.get(path, {}).get("hashes", {}).get("sha256")
            if named != (None if data is None else sha256(data).hex()):
                raise NotVerified(f"`{path}` is not the file that the list names", step="repository")
        return found

    def signers(self) -> tuple[tuple[str, ...], tuple[str, ...], int]:
        """Which keys have signed, which have not, and how many it takes."""
        return signers(self.targets, self.root)


def pending_bytes(party: str, root: str, targets: str, files: Mapping[str, bytes | None]) -> bytes:
    """The file."""
    encoded = {path: None if data is None else b64(data) for path, data in files.items()}
    return msgspec.json.encode(Pending(1, party, root, targets, encoded))


def read_pending(raw: bytes) -> Pending:
    """The file as a value, its files found to be those that its list names.  Raises BadInput, NotVerified."""
    hint = "`--pending FILE` writes one"
    try:
        pending = msgspec.json.decode(raw, type=Pending)
        pending.signers()
        pending.contents()
    except (RepositoryError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadInput("this is no list that waits for signatures, or it was damaged on the way", hint=hint) from None
    return pending
