"""Verbs of the command line as processes of their own, for pages that ask what takes long: no call waits for them, and none
of them outlives the gateway.
"""

import asyncio
import subprocess
import sys
import threading
from typing import Any

import msgspec

from caveat.errors import BadInput, Unavailable

SECONDS = 300.0
MOST_AT_ONCE = 2
"""More would take the machine from the calls."""


class Verbs:
    """The processes of one gateway."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._left = False

    def leave(self) -> None:
        """End what runs; nothing more is started."""
        with self._lock:
            self._left = True
            for process in self._running:
                process.kill()

    async def ask(self, *words: str, seconds: float = SECONDS) -> dict[str, Any]:
        """What a verb says as JSON.

        Raises BadInput with its own words where it refused, Unavailable where too many run, or it takes too long.
        """
        return await asyncio.to_thread(self._ask, words, seconds)

    def _ask(self, words: tuple[str, ...], seconds: float) -> dict[str, Any]:
        process = self._start(words)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Unavailable("this took too long and was ended", hint="use the command line") from None
        finally:
            with self._lock:
                self._running.discard(process)
        return _told(out, err)

    def _start(self, words: tuple[str, ...]) -> subprocess.Popen[bytes]:
        command = ["nice", "-n", "10", sys.executable, "-m", "caveat", *words, "--json"]
        pipe = subprocess.PIPE
        with self._lock:
            if self._left or len(self._running) >= MOST_AT_ONCE:
                raise Unavailable("others ask for what takes long", code="overloaded", hint="try again in a while")
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)  # noqa: S603
            self._running.add(process)
        return process


def _told(out: bytes, err: bytes) -> dict[str, Any]:
    try:
        told: dict[str, Any] = msgspec.json.decode(out)
    except msgspec.DecodeError:
        raise BadInput(err.decode("utf-8", "replace").strip()[-500:] or "the verb said nothing") from None
    if "error" in told and "message" in told:
        raise BadInput(str(told["message"]), hint=str(told.get("hint", "")))
    return told
