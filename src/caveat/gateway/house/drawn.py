"""Fresh random bytes for call ids and records' keys, drawn from the system many at a time.

Rules of this file: all of them come from the system's generator; each is handed out once; a process that was forked draws
its own.
"""

import os
import threading
from typing import Final

AT_ONCE: Final = 4096


class Drawn:
    """Bytes drawn ahead.  Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = b""
        self._at = 0
        os.register_at_fork(after_in_child=self._forget)

    def take(self, count: int) -> bytes:
        """So many bytes that nobody has had; 0 <= count <= AT_ONCE."""
        with self._lock:
            if len(self._bytes) - self._at < count:
                self._bytes, self._at = os.urandom(AT_ONCE), 0
            self._at += count
            return self._bytes[self._at - count : self._at]

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._bytes, self._at = b"", 0


fresh = Drawn().take
"""The process's own."""
