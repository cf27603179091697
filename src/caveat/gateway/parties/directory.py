"""A party's directory: its keys, its repository, and what it knows of the other party.

    labs/
      keys/root-1.key  terms-1.key     for their owner alone; root keys belong in a safe once the ceremony is over
      repository/metadata/             1.root.json, 1.targets.json, 1.snapshot.json, timestamp.json (TUF, any client reads it)
      repository/targets/              talks/.., terms/.., attached/..: each file under its SHA-256
      known/operator.json              the other party: trusted root, and what was seen of its repository last
      known/operator/targets/          its files

Rules of this file: a list counts once its timestamp.json stands there, and that is written last, whole; so an end at any
moment leaves the old list or the new one.  Of a directory that somebody handed over nothing is read but regular files
whose names and lengths signed metadata give; nothing is ever written outside of the party's own directory.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from caveat.errors import BadInput, NotVerified, Unavailable
from caveat.gateway.home.files import disk_trouble, write_once, write_whole
from caveat.keys import SigningKey, read_signing_key
from caveat.ledger.files import alone
from caveat.talks.state import OTHER
from caveat.talks.steps import Role, Taken, attached_path, open_step
from caveat.terms.listing import MAX_BYTES, MAX_ROOTS, Listing, Repository, Target, check_target, refusal
from caveat.terms.repository import look, open_root

SAFE: Final = re.compile(r"(talks/[a-z0-9][a-z0-9.-]*|terms|attached)/[A-Za-z0-9][A-Za-z0-9@._-]*")
"""Paths that a repository of ours lists; what else it lists is not looked at."""
LARGEST: Final = 1 << 25
"""The largest file that is read from a repository, in bytes."""


class Folder:
    """A repository's directory, anybody's: its metadata and its files, as they lie there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def listing(self) -> Listing:
        """The metadata, unverified.  Raises BadInput where there are none, NotVerified where they are no texts."""
        folder = self.path / "metadata"
        if not (folder / "timestamp.json").is_file():
            raise BadInput(
                f"`{self.path}` holds no party's repository",
                hint="name the directory that `caveat party hand` wrote: it has `metadata` and `targets` in it",
            )
        roots = tuple(self._roots(folder))
        timestamp = self._text(folder / "timestamp.json")
        snapshot = self._text(folder / f"{_version_in(timestamp, 'snapshot.json')}.snapshot.json")
        targets = self._text(folder / f"{_version_in(snapshot, 'targets.json')}.targets.json")
        return Listing(roots, timestamp, snapshot, targets)

    def read(self, path: str, target: Target) -> bytes:
        """A listed file's bytes, as long as they should be and no longer; not yet compared with their digest."""
        if not SAFE.fullmatch(path) or ".." in path:
            raise refusal(f"the repository lists `{path}`, which is no name of a file here")
        if target.length > LARGEST:
            raise refusal(f"`{path}` would have {target.length:,} bytes, and at most {LARGEST:,} are read")
        return self._bytes(self._place(path, target), target.length)

    def keep(self, path: str, target: Target, data: bytes) -> None:
        """Write a listed file, durably; nothing is written twice."""
        place = self._place(path, target)
        if not place.exists():
            with disk_trouble(place):
                place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, data, mode=0o644)

    def has(self, path: str, target: Target) -> bool:
        """Whether the file was kept before."""
        return self._place(path, target).is_file()

    def publish(self, listing: Listing) -> None:
        """Write the metadata; they count from the moment that timestamp.json is replaced.

        A crash before that leaves files that the old timestamp does not name.
        """
        folder = self.path / "metadata"
        with disk_trouble(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for number, root in enumerate(listing.roots, start=1):
            if not (folder / f"{number}.root.json").exists():
                write_whole(folder / f"{number}.root.json", root.encode(), mode=0o644)
        version = _version_in(listing.timestamp, "snapshot.json")
        write_whole(folder / f"{version}.targets.json", listing.targets.encode(), mode=0o644)
        write_whole(folder / f"{version}.snapshot.json", listing.snapshot.encode(), mode=0o644)
        write_whole(folder / "timestamp.json", listing.timestamp.encode(), mode=0o644)

    def _place(self, path: str, target: Target) -> Path:
        folder, _, name = path.rpartition("/")
        return self.path / "targets" / folder / f"{target.sha256}.{name}"

    def _roots(self, folder: Path) -> Iterator[str]:
        for number in range(1, MAX_ROOTS + 1):
            if not (folder / f"{number}.root.json").is_file():
                return
            yield self._text(folder / f"{number}.root.json")

    def _text(self, path: Path) -> str:
        try:
            return self._bytes(path, MAX_BYTES).decode()
        except UnicodeDecodeError:
            raise refusal(f"`{path.name}` is no text: it was damaged on the way") from None

    def _bytes(self, path: Path, most: int) -> bytes:
        """A regular file within the directory; a link that leads out of it is none."""
        try:
            inside = path.resolve().is_relative_to(self.path.resolve())
            if not inside or not path.is_file():
                raise refusal(
                    f"`{path.relative_to(self.path)}` is missing from `{self.path}`", "bring the whole directory"
                )
            with path.open("rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise BadInput(f"cannot read `{path}`: {error.strerror}") from None
        if len(data) > most:
            raise refusal(f"`{path.relative_to(self.path)}` is larger than it should be")
        return data


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """The other party as it is known here: the newest trusted root, and its listing; None before the first look."""

    root: str
    listing: Listing | None = None


class PartyDir:
    """A party's own directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = Folder(path / "repository")
        if not (path / "repository" / "metadata" / "1.root.json").is_file():
            raise BadInput(
                f"`{path}` is no party's directory",
                hint="`--party DIRECTORY` names it; `caveat party init NAME DIRECTORY --role vendor` makes one",
            )

    def lock(self) -> int:
        """Use the directory alone, until the descriptor is closed.  Raises Unavailable while somebody else does."""
        with disk_trouble(self.path):
            handle = alone(self.path / ".lock")
        if handle is None:
            raise Unavailable(
                f"another command is at work in `{self.path}`", code="home_in_use", hint="wait for it, then try again"
            )
        return handle

    def repository(self, now_ms: int) -> tuple[Listing, Repository]:
        """Our own, verified as others will."""
        listing = self.folder.listing()
        return listing, look(listing.roots[0], listing, now_ms)

    def charter(self) -> Repository:
        """Our newest root, whether or not our lists have expired."""
        return open_root(newest_root(self.folder))

    def signing_keys(self, more: Sequence[Path] = ()) -> tuple[SigningKey, ...]:
        """The terms keys that lie in the directory, and those in other files (a stick).  Raises BadInput."""
        files = [*sorted((self.path / "keys").glob("terms-*.key")), *more]
        return tuple(read_key(file) for file in files)

    def known(self, role: Role) -> Known | None:
        """The other party, None where it was never met."""
        path = self._known(role)
        return msgspec.json.decode(path.read_bytes(), type=Known) if path.is_file() else None

    def meet(self, folder: Folder) -> Repository:
        """Trust the root in a repository from now on; people have compared its fingerprint.  Raises BadInput where one is
        trusted already."""
        other = self.check_other(folder)
        with disk_trouble(self.path):
            (self.path / "known").mkdir(exist_ok=True)
        write_once(self._known(_role(other)), msgspec.json.encode(Known(other.root)))
        return other

    def check_other(self, folder: Folder) -> Repository:
        """The root of a repository that could be the other party's.  Raises BadInput, NotVerified where it cannot."""
        other = open_root(newest_root(folder))
        own = self.charter()
        if other.role == own.role:
            raise BadInput(f"`{folder.path}` is a {other.role}'s repository, and so is this party's own")
        if {key.public for key in other.keys} & {key.public for key in own.keys}:
            raise NotVerified("the other party's root names one of our own keys", step="repository")
        if self._known(_role(other)).exists():
            raise BadInput(
                f"the {other.role}'s root is known already", hint="a new one is taken up with its repository"
            )
        return other

    def take(self, folder: Folder, now_ms: int) -> Repository:
        """Look at what the other party has handed over, and keep all of it, or nothing.  Raises NotVerified."""
        listing = folder.listing()
        role = OTHER[_role(self.charter())]
        known = self.known(role)
        if known is None:
            raise BadInput(
                f"the {role}'s root is not known here yet",
                hint=f"`caveat party meet {folder.path} --party {self.path}` shows its fingerprint to compare by voice",
            )
        repository = look(known.root, listing, now_ms, known.listing)
        mirror = self.mirror(role)
        for path, target in repository.targets.items():
            if SAFE.fullmatch(path) and not mirror.has(path, target):
                data = folder.read(path, target)
                check_target(repository, path, data)
                mirror.keep(path, target, data)
        write_whole(self._known(role), msgspec.json.encode(Known(repository.root, listing)))
        return repository

    def mirror(self, role: Role) -> Folder:
        """Where the other party's files lie."""
        return Folder(self.path / "known" / role)

    def _known(self, role: Role) -> Path:
        return self.path / "known" / f"{role}.json"


def newest_root(folder: Folder) -> str:
    """The text of the newest root; look() sees to it that those before lead to it."""
    roots = folder.listing().roots
    if not roots:
        raise refusal(f"`{folder.path}` holds no root", "bring the whole directory that `caveat party hand` wrote")
    return roots[-1]


def read_key(file: Path) -> SigningKey:
    """The signing key in a file.  Raises BadInput, which never quotes it."""
    try:
        return read_signing_key(file.read_bytes()[:4096].decode("ascii", "replace").strip())
    except OSError as error:
        raise BadInput(f"cannot read `{file}`: {error.strerror}") from None


def steps_in(folder: Folder, repository: Repository) -> tuple[Taken, ...]:
    """The steps in talks that a verified repository lists, each signed by that party.  Raises NotVerified."""
    taken = []
    for path, target in repository.targets.items():
        if path.startswith("talks/") and SAFE.fullmatch(path):
            data = folder.read(path, target)
            check_target(repository, path, data)
            one = open_step(data, repository.ever)
            if one.step.by != repository.role:
                raise refusal(f"the {repository.role} lists a step that the {one.step.by} is said to have taken")
            for attached in one.step.attached:
                _check_attached(repository, attached_path(attached), attached.digest)
            taken.append(one)
    return tuple(taken)


def _check_attached(repository: Repository, path: str, digest: str) -> None:
    target = repository.targets.get(path)
    if target is None or f"sha256:{target.sha256}" != digest:
        raise refusal(f"the {repository.role} attached `{path}` to a step, and does not list it")


def hand(folder: Folder, repository: Repository, listing: Listing, to: Path) -> None:
    """Copy a verified repository to where somebody else can take it: a stick.  The files first, the timestamp last."""
    copy = Folder(to)
    for path, target in repository.targets.items():
        data = folder.read(path, target)
        check_target(repository, path, data)
        copy.keep(path, target, data)
    copy.publish(listing)


def _role(repository: Repository) -> Role:
    return "vendor" if repository.role == "vendor" else "operator"


def _version_in(text: str, name: str) -> int:
    """The version that a timestamp or a snapshot gives of another file; it only names the file to open."""
    try:
        version = msgspec.json.decode(text)["signed"]["meta"][name]["version"]
        if isinstance(version, int) and 0 < version < 2**53:
            return version
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        pass
    raise refusal(f"the metadata do not say which {name} is meant: a file is cut short or is something else")
