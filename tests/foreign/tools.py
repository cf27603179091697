"""Tools that nobody here wrote, where `script/foreign` has set them up; what is missing is skipped with that word."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".foreign" / "bin"
NEEDS_FOREIGN = pytest.mark.skipif(
    not (BIN / "aics-witness").exists(), reason="not run: `script/foreign` sets up aics-witness and aics-tlog"
)
GO = shutil.which("go")
SUMDB = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb")
NEEDS_GO = pytest.mark.skipif(
    GO is None or not SUMDB.exists(), reason="not run: apt-get install golang-go golang-golang-x-mod-dev"
)


@contextmanager
def served(command: list[str], port: int, cwd: Path) -> Iterator[None]:
    """A server's process, listening; ended with the block."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            with closing(socket.socket()) as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.fail("the server does not listen")
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()
