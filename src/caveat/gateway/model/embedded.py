"""The embedded model's process, seen from the gateway: started, waited for, watched, started anew, stopped.

Rules of this file: the process outlives its parent under no circumstances; only who holds the key of this start can
call it; a process that dies is started again, at once and then ever more slowly, and calls meanwhile fail plainly.
"""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from caveat.errors import Unavailable
from caveat.gateway.home.files import disk_trouble
from caveat.gateway.home.secret import Secret
from caveat.gateway.model.manifest import Manifest
from caveat.gateway.model.store import Step, Tell

READY_S = 60.0
"""Longest wait for a start; loading takes about a second for the model of a new home."""

STOP_S = 3.0
"""Patience between terminate and kill."""

SEALED_STOP_S = 9.0
"""The same where a seal first gives every call its ticket, and closes its count."""

WATCH_S = 0.2
SLOWEST_S = 30.0
STEADY_S = 60.0
"""A process that lived so long starts again at once."""


class Embedded:
    """One embedded model.  `moved` is called with the new address after every start.  Where `seal` is set, the folder of one,
    that seal stands before it, and is what is started, watched and called."""

    def __init__(
        self, manifest: Manifest, weights: Path, log: Path, *, threads: int = 0, tell: Tell = lambda _: None
    ) -> None:
        self.manifest = manifest
        self.key = Secret(secrets.token_urlsafe(32))
        self.address = ""
        self.starts = 0
        self.moved: Callable[[str], None] = lambda _: None
        self._weights = weights
        self._log = log
        self._threads = threads
        self.seal: Path | None = None
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process's id, 0 where none runs."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if alive and self._process is not None else 0

    async def start(self) -> str:
        """Start, wait until it can be called, and watch it from now on; its address.  Raises Unavailable."""
        await self._start()
        self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return self.address

    async def stop(self) -> None:
        """End the process, whatever state it is in, and wait until it is gone."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        await self._end()

    async def healthy(self, timeout_s: float = 2.0) -> bool:
        """Whether the process runs and its server answers."""
        if not self.pid:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                return b" 200 " in await self._ask_health()
        except OSError:  # TimeoutError is one
            return False

    async def _ask_health(self) -> bytes:
        """The status line of the server's answer."""
        host, _, port = self.address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(b"GET /health HTTP/1.1\r\nhost: caveat\r\nconnection: close\r\n\r\n")
            return await reader.readline()
        finally:
            writer.close()

    async def _start(self) -> None:
        self._tell(Step(f"starting the embedded model {self.manifest.alias}"))
        began = time.monotonic()
        process = self._spawn()
        self._process = process
        try:
            self.address = await self._ready(process)
        except BaseException:
            await self._end()
            raise
        self.starts += 1
        self._tell(Step(f"the embedded model is ready after {time.monotonic() - began:.1f} s"))
        self.moved(self.address)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start it from this thread: the kernel ends it when the thread that started it ends (prctl(2))."""
        with disk_trouble(self._log), self._log.open("wb") as log:
            process = subprocess.Popen(self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)  # noqa: S603
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(self.key.reveal().encode() + b"\n")
            process.stdin.flush()
        return process

    def _command(self) -> list[str]:
        """The model's process; or the seal's, which starts the model's itself, so that it alone has the model's key."""
        if self.seal is not None:
            return [sys.executable, "-m", "caveat.seal", str(self.seal), "--told"]
        command = [sys.executable, "-m", "caveat.gateway.model.process"]
        options = {
            "--model": str(self._weights),
            "--alias": self.manifest.alias,
            "--context": str(self.manifest.context_tokens),
            "--threads": str(self._threads),
            "--parent": str(os.getpid()),
        }
        for name, value in options.items():
            command += [name, value]
        return command

    async def _ready(self, process: subprocess.Popen[bytes]) -> str:
        """The address that the process tells.  Raises Unavailable where it tells of an error, nothing, or too late."""
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), READY_S)
        except TimeoutError:
            raise self._failure(f"was not ready within {READY_S:.0f} s") from None
        try:
            told = json.loads(line)
        except ValueError:
            raise self._failure("ended before it was ready") from None
        if "address" not in told:
            raise self._failure(
                f"cannot be sealed: {told.get('error', '')}" if self.seal else "could not load its weights"
            )
        return str(told["address"])

    def _failure(self, what: str) -> Unavailable:
        return Unavailable(
            f"the embedded model `{self.manifest.alias}` {what}",
            code="upstream_unreachable",
            hint=f"its own words are in `{self._log}`; it wants about 500 MB of memory",
        )

    async def _watch(self) -> None:
        """Start the process anew whenever it dies."""
        pause = 0.0
        while True:
            began = time.monotonic()
            while self.pid:  # noqa: ASYNC110 (a process that dies sets no event)
                await asyncio.sleep(WATCH_S)
            lived = time.monotonic() - began
            await self._end()
            pause = 0.0 if lived > STEADY_S else min(SLOWEST_S, 2 * pause + 0.25)
            self._tell(Step(f"the embedded model {self.manifest.alias} has died and is started again"))
            await asyncio.sleep(pause)
            with contextlib.suppress(Unavailable):  # told in its log; the next round tries again
                await self._start()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        deadline = time.monotonic() + (SEALED_STOP_S if self.seal else STOP_S)
        while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 (the same)
            await asyncio.sleep(0.01)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
