"""The home directory: everything that one gateway keeps, in one place.

    caveat.toml          the settings            caveat.schema.json   their schema, for editors
    terms/               signed terms            ledger/              the log, C2SP tlog-tiles
    vault/               bodies, record keys     control/             documents that control records name
    keys/                private keys, 0600      models/              weights and manifests
    seals/               a folder for each seal that this home runs itself
    index.sqlite         derived, rebuildable    lock                 who uses the home now
    console/             links used, sessions that have ended
    address              where the gateway that uses it listens
    register.json        where the next start begins to fold the ledger; derived

Rules of this file: folders are for their owner alone; `caveat.toml` is written last, so a home that has one is whole;
what an interrupted start left half made is completed by the next, and nothing that a person wrote is ever overwritten.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from caveat.errors import BadInput, Unavailable
from caveat.gateway.home.files import PARTIAL, disk_trouble, sync_folder, write_once, write_whole
from caveat.gateway.home.settings import load, schema_text
from caveat.gateway.home.tables import Settings

FOLDERS = ("terms", "ledger", "vault", "control", "keys", "models", "console", "seals")
SETTINGS = "caveat.toml"
SCHEMA = "caveat.schema.json"
LOCK = "lock"
INDEX = "index.sqlite"
ADDRESS = "address"
SNAPSHOT = "register.json"
OWN = frozenset(
    {*FOLDERS, SETTINGS, SCHEMA, LOCK, ADDRESS, SNAPSHOT, INDEX, f"{INDEX}-wal", f"{INDEX}-shm", f"{INDEX}-lock"}
)

SWEPT = ("keys", "control", "models")
"""Folders whose partial files are swept away; ledger and vault have a recovery of their own."""


def home_path(environ: Mapping[str, str]) -> Path:
    """Where the home is: CAVEAT_HOME, else `.caveat` in the user's own directory."""
    chosen = environ.get("CAVEAT_HOME", "")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".caveat"


class Home:
    """A home's paths.  Making one touches no disk; `create` and `open_home` do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings_file = path / SETTINGS
        self.terms = path / "terms"
        self.ledger = path / "ledger"
        self.vault = path / "vault"
        self.control = path / "control"
        self.keys = path / "keys"
        self.models = path / "models"
        self.console = path / "console"
        self.seals = path / "seals"
        self.index = path / INDEX
        self.snapshot = path / SNAPSHOT

    def settings(self) -> Settings:
        """The settings as they stand on disk.  Raises BadInput."""
        return load(self.settings_file)

    def write_key(self, name: str, data: bytes) -> Path:
        """Keep a private key, durably, for the owner alone.  Raises BadInput where it exists: a key is not replaced."""
        path = self.keys / name
        write_once(path, data)
        return path

    def read_key(self, name: str) -> bytes:
        """A private key's bytes.  Raises BadInput where it is missing, or others could have read it."""
        path = self.keys / name
        try:
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise BadInput(f"the key `{path}` can be read by others", hint=f"chmod 600 {path}, or make a new key")
            return path.read_bytes()
        except OSError as error:
            raise BadInput(f"cannot read the key `{path}`: {error.strerror}") from None

    def announce(self, url: str) -> None:
        """Leave word where the gateway listens that uses this home."""
        write_whole(self.path / ADDRESS, url.encode() + b"\n")

    def announced(self) -> str:
        """Where the gateway listens that uses this home; "" where none has said so."""
        try:
            return (self.path / ADDRESS).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def free_mb(self) -> int:
        """Free space on the home's disk, in MiB.  Raises Unavailable."""
        with disk_trouble(self.path):
            return shutil.disk_usage(self.path).free // 2**20

    def check_space(self, least_mb: int) -> None:
        """Raises Unavailable `disk_full` with less free space than that."""
        free = self.free_mb()
        if free < least_mb:
            raise Unavailable(
                f"the disk that holds `{self.path}` has {free} MB left, and {least_mb} are wanted",
                code="disk_full",
                hint="free some space, or lower `min_free_mb` in [ledger]",
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Use the home alone.  Raises Unavailable `home_in_use` while another process does; ends with the process."""
        with disk_trouble(self.path / LOCK):
            handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _in_use(self.path, os.pread(handle, 20, 0)) from None
            with disk_trouble(self.path / LOCK):
                os.ftruncate(handle, 0)
                os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)


def open_home(path: Path) -> Home:
    """The home at a path, whole.  Raises BadInput where there is none."""
    home = Home(path)
    if not home.settings_file.is_file():
        raise BadInput(f"`{path}` is no caveat home", hint="`caveat init` makes one; CAVEAT_HOME says where")
    return home


def create(path: Path, settings_text: str) -> tuple[Home, tuple[str, ...]]:
    """Make a home, or complete and repair the one that is there; and what was mended in it, a sentence each.

    `settings_text` is written where there are no settings yet.  Raises BadInput where other things lie at the path,
    Unavailable where the disk does not let it be made.
    """
    home = Home(path)
    with disk_trouble(path):
        if path.exists() and not path.is_dir():
            raise BadInput(f"`{path}` is a file, and a home is a directory")
        fresh = not path.exists() or not any(path.iterdir())
        _refuse_foreign(path)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mended = list(_folders(path))
    mended += _sweep_if_free(home)
    if not home.settings_file.exists():
        write_once(home.settings_file, settings_text.encode())
        mended.append("wrote the settings, which were missing")
    _write_schema(path)
    return home, () if fresh else tuple(mended)


def repair(home: Home) -> tuple[str, ...]:
    """Mend a home whose settings exist; see `create`."""
    return create(home.path, "")[1]


def _refuse_foreign(path: Path) -> None:
    """A directory without settings is half made only if nothing but parts of a home lies in it."""
    if not path.exists() or (path / SETTINGS).exists():
        return
    foreign = sorted(p.name for p in path.iterdir() if p.name not in OWN and not p.name.endswith(PARTIAL))
    if foreign:
        raise BadInput(
            f"`{path}` is no caveat home and holds other things, such as `{foreign[0]}`",
            hint="choose an empty or a new directory with CAVEAT_HOME",
        )


def _folders(path: Path) -> Iterator[str]:
    for folder in (path, *(path / name for name in FOLDERS)):
        if not folder.exists():
            folder.mkdir(mode=0o700)
            yield f"made the folder `{folder.name}`"
        elif folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            folder.chmod(0o700)
            yield f"closed the folder `{folder.name}` to others"
    sync_folder(path)


def _sweep_if_free(home: Home) -> list[str]:
    """Sweep where nobody uses the home: what looks half written may be about to be whole."""
    try:
        with home.locked(), disk_trouble(home.path):
            return list(_sweep(home.path))
    except Unavailable as error:
        if error.code != "home_in_use":
            raise
        return []


def _sweep(path: Path) -> Iterator[str]:
    for folder in (path, *(path / name for name in SWEPT)):
        for partial in folder.glob(f"*{PARTIAL}"):
            partial.unlink()
            yield f"removed `{partial.name}`, left half written in `{folder.name}`"


def _write_schema(path: Path) -> None:
    schema = path / SCHEMA
    if not schema.exists() or schema.read_text("utf-8", "replace") != schema_text():
        write_whole(schema, schema_text().encode())


def _in_use(path: Path, pid: bytes) -> Unavailable:
    who = f"process {pid.decode()}" if pid.isdigit() else "another process"
    return Unavailable(
        f"the home `{path}` is in use by {who}",
        code="home_in_use",
        hint="stop that gateway first, or choose another home with CAVEAT_HOME",
    )
