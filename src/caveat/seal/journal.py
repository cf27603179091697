"""What a seal has counted, on its own disk: one file to which lines are added, each durable before anyone acts on it.

    1a2b3c4d call 3 41 0f1e...32 <request>     number 41 of boot 3 goes to the model (CRC-32 of the rest, in hex, before it)
    1a2b3c4d done caveat-meter/v1 ...          a ticket
    1a2b3c4d beat <base64 of the signed note>

Rules of this file: lines are added and never changed; `add` returns when they are durable, together with all that other
calls added meanwhile (one fdatasync for all of them); a last line that a power cut tore is cut off, a damaged line before
the last stops the start: that is no accident of a crash.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final
from zlib import crc32

from caveat.errors import NotVerified, Unavailable

QUICK_S: Final = 0.0005
"""A disk whose flushes take less on average is waited for on the event loop's own thread."""


LARGE_BYTES: Final = 64 * 2**20
"""A journal is turned at a start once it is so large, and all of it is on record elsewhere."""


class Journal:
    """The file, held by one process.  `read` once, then `add`."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable where another process holds it, or it cannot be written."""
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"another seal holds `{path}`", hint="one key, one seal, one folder") from None
        except OSError as error:
            raise Unavailable(f"the seal cannot write `{path}`: {error.strerror}") from None
        self._syncs = ThreadPoolExecutor(1, thread_name_prefix="seal journal")
        self._waiting: list[bytes] = []
        self._next: asyncio.Future[None] | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._slow_s = 2 * QUICK_S
        self.large = LARGE_BYTES
        self.fault = ""

    def read(self) -> Iterator[str]:
        """Its lines from the first, without their checksums; a torn last one is removed.  Raises NotVerified."""
        good = 0
        with self._path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                text = _checked(raw)
                if text is None:
                    if file.read(1):
                        raise NotVerified(
                            f"line {number} of the seal's journal `{self._path}` was changed",
                            step="seal",
                            hint="a crash can only tear its last line: find out who wrote there, and tell the vendor",
                        )
                    break
                good += len(raw)
                yield text
        os.truncate(self._path, good)

    def turn(self, name: str, *texts: str) -> None:
        """Begin a new file with these lines, where this one has grown large; it is kept as `journal.<name>`.

        The new file is whole before it takes the old one's place: a crash leaves one or the other.
        """
        if os.fstat(self._file).st_size < self.large:
            return
        partial = self._path.with_name(self._path.name + ".partial")
        try:
            fresh = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            fcntl.flock(fresh, fcntl.LOCK_EX)
            os.write(fresh, b"".join(map(_line, texts)))
            os.fsync(fresh)
            kept = self._path.with_name(f"{self._path.name}.{name}")
            kept.unlink(missing_ok=True)
            kept.hardlink_to(self._path)
            partial.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            raise Unavailable(f"the seal cannot write `{self._path}`: {error.strerror}") from None
        os.close(self._file)
        self._file = fresh

    def add_now(self, *texts: str) -> None:
        """Add lines and return when they are durable, before the event loop runs.  Raises Unavailable."""
        self._write(b"".join(map(_line, texts)))

    async def add(self, text: str) -> None:
        """Add a line; durable when it returns.  Raises Unavailable, then and ever after: its end is not known."""
        if self.fault:
            raise self._down()
        self._waiting.append(_line(text))
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        mine = self._next
        if self._flushing is None or self._flushing.done():
            if self._slow_s < QUICK_S:
                asyncio.get_running_loop().call_soon(self._flush_now)
            else:
                self._flushing = asyncio.get_running_loop().create_task(self._flush())
        await asyncio.shield(mine)
        if self.fault:
            raise self._down()

    def _flush_now(self) -> None:
        """Write what waits, on this thread: a disk that answers so quickly is not worth another's time."""
        if self._waiting and self._next is not None and (self._flushing is None or self._flushing.done()):
            group, told = b"".join(self._waiting), self._next
            self._waiting, self._next = [], None
            with suppress(Unavailable):  # told by `fault`
                self._write(group)
            told.set_result(None)

    async def _flush(self) -> None:
        """Write what waits, group after group, until nothing waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, told = b"".join(self._waiting), self._next
            self._waiting, self._next = [], None
            assert told is not None
            try:
                if not self.fault:
                    await loop.run_in_executor(self._syncs, self._write, group)
            except Unavailable as error:
                self.fault = error.message
            told.set_result(None)

    def _write(self, data: bytes) -> None:
        began = time.perf_counter()
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
            os.fdatasync(self._file)
            self._slow_s = 0.9 * self._slow_s + 0.1 * (time.perf_counter() - began)
        except OSError as error:
            self.fault = f"the seal's journal cannot be written: {error.strerror}"
            raise self._down() from None

    def _down(self) -> Unavailable:
        return Unavailable(self.fault, hint="free or mend the seal's disk, then start it again")

    def close(self) -> None:
        """Let go of the file."""
        self._syncs.shutdown()
        os.close(self._file)


def _line(text: str) -> bytes:
    data = text.encode("ascii")
    return b"%08x %b\n" % (crc32(data), data)


def _checked(raw: bytes) -> str | None:
    """The line's text, None where it is not whole or not as it was written."""
    data = raw[9:-1]
    if not raw.endswith(b"\n") or raw[:9] != b"%08x " % crc32(data):
        return None
    return data.decode("ascii", "replace")
