"""The console's port for the log itself: records, tiles, look-ups, and a check of everything in a process of its own."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from caveat.console.values import Head
from caveat.errors import CaveatError, Refused
from caveat.gateway.desk.verbs import Verbs
from caveat.gateway.home.directory import Home
from caveat.gateway.home.files import write_whole
from caveat.gateway.index.follow import Index
from caveat.gateway.proof.explaining import Opened, opened_record
from caveat.gateway.proof.finding import find_record
from caveat.ledger.tiles import TILE_WIDTH, width_at
from caveat.ledger.tree import HASH_BYTES
from caveat.note import parse_note


class Records:
    """Over one home."""

    def __init__(self, home: Home, index: Index, verbs: Verbs) -> None:
        self._home = home
        self._index = index
        self._reader = index.reader
        self._verbs = verbs
        self._checking: asyncio.Task[None] | None = None

    def head(self) -> Head:
        """The log as it stands."""
        checkpoint = self._reader.checkpoint()
        signers = tuple(dict.fromkeys(signature.name for signature in parse_note(checkpoint).signatures))
        return Head(self._reader.size(), self._reader.head().size, checkpoint.decode(), signers, self._reader.origin)

    def record(self, index: int) -> Opened:
        """A record.  Raises Refused where there is none."""
        if not 0 <= index < self._reader.size():
            raise _nothing(f"the ledger has no record {index}")
        return opened_record(self._index, index)

    def find(self, what: str) -> int:
        """A record by index, call, leaf hash, document or pair of signatures.  Raises Refused."""
        return find_record(self._index, what)

    def tile(self, level: int, n: int) -> Sequence[str]:
        """A tile's hashes."""
        tree = self._reader.tree()
        if level > 5 or not 0 <= n * TILE_WIDTH ** (level + 1) < max(tree.size, 1) or not width_at(tree.size, level, n):
            raise _nothing("the log has no such tile")
        data = tree.tile(level, n)
        return [data[at : at + HASH_BYTES].hex() for at in range(0, len(data), HASH_BYTES)]

    def checked(self) -> dict[str, Any]:
        """What the last check found; `state` is never, runs, clean or found."""
        runs = self._checking is not None and not self._checking.done()
        try:
            told: dict[str, Any] = msgspec.json.decode((self._home.console / "fsck.json").read_bytes())
        except (OSError, msgspec.DecodeError):
            told = {"state": "never"}
        return {**told, "state": "runs"} if runs else told

    def check(self) -> None:
        """Begin a check, unless one runs."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.get_running_loop().create_task(self._check())

    async def _check(self) -> None:
        try:
            told = await self._verbs.ask("ledger", "fsck", "--home", str(self._home.path), seconds=3600.0)
            kept = {"state": "clean" if told["clean"] else "found", "report": told["report"], "at_ms": _now_ms()}
        except CaveatError:
            kept = {"state": "failed", "at_ms": _now_ms()}
        await asyncio.to_thread(write_whole, self._home.console / "fsck.json", msgspec.json.encode(kept))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _nothing(why: str) -> Refused:
    return Refused(why, code="not_found", status=404)
