"""`caveat` as a process of its own, for what only a process shows: signals, exit codes, what is left behind."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "caveat")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without what would lead a gateway to the user's own home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAVEAT_")}
    return {**kept, **(more or {})}


def caveat(
    *arguments: str | Path, stdin: bytes = b"", timeout: float = 120, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a verb to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=timeout,
        env=environment(env),
        check=False,
    )


def free_port() -> int:
    """One that nobody listens at, below those that the system gives away by itself, so that it stays free."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the block, nor do its pipes, whatever becomes of the test."""
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what it has not read cannot be told it any more
                    pipe.close()


class Served:
    """A gateway's process that has said where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], told: dict[str, Any], errors: Path) -> None:
        self.process = process
        self.told = told
        self.url: str = told["url"]
        self._errors = errors

    @property
    def errors(self) -> str:
        """All that it wrote to standard error."""
        return self._errors.read_text("utf-8", "replace")

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Signal it and wait for its end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait(60)

    def children(self) -> list[int]:
        """Ids of processes that descend from it."""
        return descendants(self.process.pid)

    def workers(self) -> list[int]:
        """Ids of those that answer calls: not the one that keeps the index, nor a model."""
        return [pid for pid in self.children() if b"caveat.gateway.serving.worker" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def descendants(pid: int) -> list[int]:
    """Ids of a process's living descendants, by /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: list[int] = []
    todo: Sequence[int] = [pid]
    while todo:
        todo = [child for child, parent in parents.items() if parent in todo]
        found += todo
    return found


@contextmanager
def served(
    home: Path, *arguments: str, errors: Path | None = None, verb: str = "serve", **env: str
) -> Iterator[Served]:
    """`caveat serve --json` over a home, once it has said where it listens; killed at the block's end if it still runs.
    Fails with its own words where it ends before."""
    log = errors or home.with_name(f"{home.name}.err")
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [*COMMAND, verb, "--home", str(home), "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(env),
        )
    with ended(process):
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == b"}\n":
                break
        assert lines, f"it ended before it served: {log.read_text()}"
        yield Served(process, json.loads(b"".join(lines)), log)
