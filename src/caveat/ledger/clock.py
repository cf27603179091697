"""Time that never goes back and never stands still while a process runs, whatever the machine's clock does.

    time = the latest of: the machine's clock; the latest time on record, and what has passed since it was seen

A clock that is set ahead is followed, for only people know which of two times is right; but a leap further than what has
passed is kept until somebody takes it, to put it on record.

What has passed is measured by the kernel's monotonic clock, which nobody can set.  So a clock that is set back, or stands
still, prolongs nothing: between two starts time goes on from the latest time on record.

Rules of this file: safe to use from many threads; a time on record is taken as it is, for it was in the ledger's own order.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import Struct

Tick = Callable[[], int]

BACK_MS: Final = 2_000
"""The machine's clock may be so far behind before it counts as set back: clocks are read in another order than records
are written, and corrections by NTP are small."""


AHEAD_MS: Final = 60_000
"""The machine's clock may leap so far ahead of what has passed before it counts as set: time servers correct by seconds."""


class Leap(Struct, frozen=True):
    """The clock was set ahead: what the time would have been, and what the machine said it was, POSIX ms."""

    expected_ms: int
    clock_ms: int


_passed_ns: Final[Tick] = partial(time.clock_gettime_ns, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
"""Nanoseconds since some start, time asleep included where the system counts it."""


class Clock:
    """Read by `now_ms`; `saw` tells it a time on record.  `wall_ns` is the machine's clock, `passed_ns` the monotonic one."""

    def __init__(self, wall_ns: Tick = time.time_ns, passed_ns: Tick = _passed_ns) -> None:
        self._wall_ns = wall_ns
        self._passed_ns = passed_ns
        self._lock = threading.Lock()
        self._latest_ns = wall_ns()
        self._seen_ns = passed_ns()
        self._leap: Leap | None = None

    def now_ms(self) -> int:
        """POSIX milliseconds; never less than before."""
        with self._lock:
            return self._advance() // 1_000_000

    def saw(self, at_ms: int) -> None:
        """Take up a time that stands on record, or that another party has signed as the present."""
        with self._lock:
            self._latest_ns = max(self._advance(), at_ms * 1_000_000)

    def behind_ms(self) -> int:
        """How far the machine's clock is behind this one, 0 where it is not."""
        with self._lock:
            now = self._advance()
            return max(0, now - self._wall_ns()) // 1_000_000

    def leap(self) -> Leap | None:
        """That the clock was set ahead since this was asked last, from the first time that it was right; None where not."""
        with self._lock:
            self._advance()
            leap, self._leap = self._leap, None
            return leap

    @property
    def wall_ms(self) -> int:
        """The machine's clock."""
        return self._wall_ns() // 1_000_000

    def _advance(self) -> int:
        passed, wall = self._passed_ns(), self._wall_ns()
        expected = self._latest_ns + passed - self._seen_ns
        if wall - expected > AHEAD_MS * 1_000_000:
            first = self._leap.expected_ms if self._leap else expected // 1_000_000
            self._leap = Leap(first, wall // 1_000_000)
        self._latest_ns = max(wall, expected)
        self._seen_ns = passed
        return self._latest_ns
