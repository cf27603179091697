"""What the ledger's tests share: keys, a clock that only the test moves, settings that publish when asked."""

import pytest

from caveat.ledger.checkpoint import LogKeys, new_log_keys
from caveat.ledger.disk import LedgerSettings


class Clock:
    """POSIX milliseconds, moved by hand."""

    def __init__(self) -> None:
        self.at_ms = 1_790_000_000_000

    def __call__(self) -> int:
        return self.at_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def keys() -> LogKeys:
    return new_log_keys("example.com/log")


@pytest.fixture
def settings(clock: Clock) -> LedgerSettings:
    """Small WAL segments, and a checkpoint only where a test asks for one (or at close)."""
    return LedgerSettings(clock_ms=clock, interval_ms=3_600_000, segment_bytes=4096, free_floor_bytes=0)
