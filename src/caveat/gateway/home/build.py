"""Which build this is: a digest over the package's own files, and the versions of what decides and reads for it."""

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct

import caveat
from caveat import __version__
from caveat.canon import canonical, digest

WITH = ("aiohttp", "cedarpy", "cryptography", "httptools", "jiter", "msgspec", "numpy", "python-stdnum", "uvicorn")
"""Packages whose behaviour a decision, a record or the wire depends on."""
SKIPPED = ("__pycache__",)


class Build(Struct, frozen=True):
    """The installed program.

    digest    of the canonical JSON {"files": {path: sha256}, "packages": {...}, "python": ...}
    packages  name -> version
    """

    version: str
    digest: str
    files: int
    python: str
    packages: dict[str, str]


@cache
def this_build() -> Build:
    """The build that runs; computed once a process (a few hundred small files)."""
    files = digest_files(Path(caveat.__file__).parent)
    packages = {name: version(name) for name in WITH}
    python = platform.python_version()
    whole = digest(canonical({"files": files, "packages": packages, "python": python}))
    return Build(__version__, whole, len(files), python, packages)


def digest_files(folder: Path) -> dict[str, str]:
    """Relative POSIX path -> SHA-256 of each file below the folder, compiled ones left out."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not set(p.parts) & set(SKIPPED))
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
