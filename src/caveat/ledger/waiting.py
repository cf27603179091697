"""Those who wait for the ledger: appends on their way in, callers on their way back to their event loops.

Rules: admission is bounded, and refused at once; whoever was admitted is told exactly once, with one call to its event
loop for all that were told together; a caller that has gone is passed over.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from caveat.errors import CaveatError, Unavailable
from caveat.ledger.log import Entry, Fence, Placed

MAX_WAITING: Final = 4096
MAX_WAITING_BYTES: Final = 64 * 2**20
MAX_BATCH: Final = 1024


class Waiter(NamedTuple):
    """Somebody's future, and the event loop that it lives in."""

    done: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class Job(NamedTuple):
    """One append on its way."""

    entries: tuple[Entry, ...]
    fence: Fence
    size: int
    waiter: Waiter


Answer = tuple[Waiter, tuple[Placed, ...] | CaveatError | None]


def here() -> Waiter:
    """A future for the running task to await."""
    loop = asyncio.get_running_loop()
    return Waiter(loop.create_future(), loop)


def tell(answers: Iterable[Answer]) -> None:
    """Resolve futures from any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer[0].loop, []).append(answer)
    for loop, told in by_loop.items():
        _call(loop, _settle, told)


class Queue:
    """Appends that wait for the writer: many put, one takes.

    The taker sleeps on `_bell`, a lock that is held while nobody has rung.  Whoever finds it sleeping has it woken, once,
    when the event loop comes round: so all that the loop's tasks put in the meantime is one batch, and one sync.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._sleeping = self._ringing = False
        self._taken: Sequence[Job] = ()
        self._closed: Unavailable | None = None

    def put(self, job: Job) -> None:
        """Let a job in.  Raises Unavailable when it is closed, or when too much waits already."""
        with self._lock:
            if self._closed:
                raise self._closed
            if len(self._jobs) >= MAX_WAITING or self._bytes >= MAX_WAITING_BYTES:
                raise Unavailable("too many records wait for the ledger", code="overloaded", hint="try again soon")
            self._jobs.append(job)
            self._bytes += job.size
            if not self._sleeping or self._ringing:
                return
            self._ringing = True
        job.waiter.loop.call_soon(self._ring)

    def take(self) -> Sequence[Job]:
        """All that waits, up to a batch.  Sleeps while there is nothing; empty once it is closed and drained."""
        while True:
            with self._lock:
                self._taken = [self._jobs.popleft() for _ in range(min(len(self._jobs), MAX_BATCH))]
                self._bytes -= sum([job.size for job in self._taken])
                if self._taken or self._closed:
                    return self._taken
                self._sleeping = True
            self._bell.acquire()

    def close(self, why: Unavailable) -> None:
        """Let nobody in any more; those inside are still served."""
        with self._lock:
            self._closed = self._closed or why
            self._wake()

    def fail(self, why: Unavailable) -> None:
        """Close, and tell everybody inside, those in the writer's hands too, that it is over."""
        self.close(why)
        with self._lock:
            left = [*self._taken, *self._jobs]
            self._taken = ()
            self._jobs.clear()
        tell((job.waiter, why) for job in left)

    def _ring(self) -> None:
        with self._lock:
            self._ringing = False
            self._wake()

    def _wake(self) -> None:
        """Under the lock: ring for a taker that sleeps."""
        if self._sleeping:
            self._sleeping = False
            self._bell.release()


class Watches:
    """Those who wait until so many entries are published."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: list[tuple[int, Waiter]] = []

    def add(self, size: int, waiter: Waiter) -> None:
        """Wait for that size."""
        with self._lock:
            self._waiters.append((size, waiter))

    def reach(self, size: int) -> None:
        """Tell all who waited for that size or less."""
        self._release(lambda wanted: wanted <= size, None)

    def fail(self, why: Unavailable) -> None:
        """Tell all that it is over."""
        self._release(lambda _wanted: True, why)

    def _release(self, which: Callable[[int], bool], answer: Unavailable | None) -> None:
        with self._lock:
            told = [waiter for size, waiter in self._waiters if which(size)]
            self._waiters = [(size, waiter) for size, waiter in self._waiters if not which(size)]
        tell((waiter, answer) for waiter in told)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[list[Answer]], None], told: list[Answer]) -> None:
    """Call in the loop's thread; where the loop is gone, so are the callers."""
    try:
        loop.call_soon_threadsafe(function, told)
    except RuntimeError:
        return


def _settle(told: list[Answer]) -> None:
    for waiter, answer in told:
        if waiter.done.done():
            continue
        if isinstance(answer, CaveatError):
            waiter.done.set_exception(answer)
        else:
            waiter.done.set_result(answer)
