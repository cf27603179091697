"""A party's repository as values: what was handed over, and what the party stands by once that was verified.

Verifying is terms/repository.py's, which loads the reference implementation; this file loads nothing of it.
"""

from typing import Final

import msgspec
from msgspec import Struct

from caveat.canon import sha256
from caveat.errors import NotVerified
from caveat.keys import VerifyKey

MAX_BYTES: Final = 1 << 22
"""The most that all metadata of a repository may have together."""
MAX_ROOTS: Final = 256
STEP: Final = "repository"


class Listing(Struct, frozen=True, forbid_unknown_fields=True):
    """A repository's metadata as it was handed over: texts of JSON, nothing in them verified.  `roots` are in order."""

    roots: tuple[str, ...]
    timestamp: str
    snapshot: str
    targets: str


class Target(Struct, frozen=True):
    """A file that a repository lists: its length in bytes and its SHA-256 in hex."""

    length: int
    sha256: str


class Repository(Struct, frozen=True):
    """What a party stands by, once the metadata were verified at a time.

    role, party      vendor or operator, and the name under which it made its keys
    root, version    the newest root as it was signed, and its number
    keys, threshold  whose signatures on terms count, and how many of them it takes
    ever             the same with the keys of earlier roots: what they signed in talks stays said
    root_threshold   how many root keys change the root
    until_ms         when the first of the metadata expires
    targets          path -> what is listed there
    """

    role: str
    party: str
    root: str
    version: int
    keys: tuple[VerifyKey, ...]
    threshold: int
    ever: tuple[VerifyKey, ...]
    root_keys: tuple[str, ...]
    root_threshold: int
    until_ms: int
    targets: dict[str, Target]


def read_listing(document: bytes) -> Listing:
    """A listing from its JSON.  Raises NotVerified."""
    if len(document) > MAX_BYTES:
        raise refusal(f"a repository's metadata have more than {MAX_BYTES} bytes")
    try:
        listing = msgspec.json.decode(document, type=Listing)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refusal(
            "this is no listing of a repository", "hand over the whole directory that `caveat party hand` made"
        ) from None
    if len(listing.roots) > MAX_ROOTS:
        raise refusal(f"a repository has more than {MAX_ROOTS} roots")
    return listing


def listing_bytes(listing: Listing) -> bytes:
    """The listing as JSON, the same bytes for the same listing."""
    return msgspec.json.encode(listing, order="sorted")


def check_target(repository: Repository, path: str, data: bytes) -> None:
    """Return if these are the bytes that the repository lists at the path.  Raises NotVerified."""
    target = repository.targets.get(path)
    who = named(repository.party, repository.role)
    if target is None:
        raise refusal(f"{who} does not list `{path}`", f"{who} lists what it stands by; ask for a fresh copy")
    if (target.length, target.sha256) != (len(data), sha256(data).hex()):
        raise refusal(
            f"`{path}` is not the file that {who} lists: it was changed on the way",
            f"ask {who} for a fresh copy of its repository",
        )


def terms_path(name: str) -> str:
    """Where a repository lists terms that its party stands by: `terms/institutional-use@2.json`."""
    return f"terms/{name}.json"


def named(party: str, role: str) -> str:
    """A party in a sentence."""
    return f"{party} (the {role})"


def refusal(why: str, hint: str = "") -> NotVerified:
    """The refusal of a repository."""
    return NotVerified(why, step=STEP, hint=hint)
