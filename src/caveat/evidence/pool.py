"""Reading a range in several processes: stretches go out, and come back in their order.

Rules of this file: a process opens the bundle's file for itself, and believes no tile but those that it is given; how many
there are changes nothing in what comes back, only when; no more stretches are out than there are processes to read them,
twice over, so memory is bounded.
"""

import gc
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import BinaryIO, Final

from caveat.errors import Unavailable
from caveat.evidence.bundle import open_bundle
from caveat.evidence.profiles import profile
from caveat.evidence.reading import Read, Reader, Stretch, decode_read, encode_read

MOST: Final = 4
WORTH: Final = 20_000
"""Records from which on it pays to start a process."""


SELDOM: Final = 100_000
"""New objects after which cycles are looked for: reading and walking make millions that have none."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Cycles are looked for seldom in here."""
    before = gc.get_threshold()
    gc.set_threshold(SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def processes_for(records: int, asked: int | None, file: BinaryIO) -> int:
    """How many processes read: those asked for, else one a core and four at most; one where the bundle is small or is no
    file of its own."""
    named = isinstance(getattr(file, "name", None), str | os.PathLike)
    if not named or (asked is None and records < WORTH):
        return 1
    return asked or min(MOST, len(os.sched_getaffinity(0)))


def read_all(
    stretches: Iterator[Stretch], file: BinaryIO, named: str, processes: int
) -> Iterator[tuple[Stretch, Read]]:
    """Each stretch with what was read of it, in order.  `named`: the bundle's profile.  Raises Unavailable where a process
    dies."""
    waiting: deque[tuple[Stretch, Future[bytes]]] = deque()
    context = get_context("spawn")
    path = str(Path(file.name).absolute())
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(path, named)) as pool:
        try:
            for stretch in stretches:
                waiting.append((stretch, pool.submit(_read, stretch)))
                if len(waiting) > 2 * processes:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _next(waiting: "deque[tuple[Stretch, Future[bytes]]]") -> tuple[Stretch, Read]:
    stretch, future = waiting.popleft()
    try:
        return stretch, decode_read(future.result())
    except BrokenProcessPool:
        raise Unavailable(
            "a process that read the bundle ended before its time",
            hint="look whether memory ran out; `--processes 1` reads in one process",
        ) from None


_reading: list[Callable[[Stretch], Read]] = []


def _begin(path: str, named: str) -> None:
    """Opens the bundle, in a process that reads."""
    gc.set_threshold(SELDOM)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    file = Path(path).open("rb")  # noqa: SIM115 - as long as the process lives
    _reading.append(Reader(open_bundle(file), profile(named), {}).read)


def _end_with_parent() -> None:
    """However the process that asked has ended: nobody else would end this one."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read(stretch: Stretch) -> bytes:
    return encode_read(_reading[0](stretch))
