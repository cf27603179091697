"""The port `Log` in a process that does not own the ledger: everything goes to the sequencer's process over a channel.

Rules of this file: appends of one turn of the loop leave in one message, and none waits for another's answer; what waits is
bounded, and refused at once beyond; when the channel ends, everybody who waits is told Unavailable: nobody knows then
whether an append was carried out, so no answer may leave for it.
"""

import asyncio
import socket
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final, Literal

from caveat.errors import Unavailable
from caveat.ledger.channel import Channel
from caveat.ledger.fence import check_entries
from caveat.ledger.log import NO_FENCE, Entry, Fence, Placed
from caveat.ledger.messages import (
    Appends,
    Ask,
    Hello,
    Reply,
    Told,
    Wanted,
    error_of,
    read_entry,
    read_told,
    write,
)
from caveat.ledger.waiting import MAX_WAITING, MAX_WAITING_BYTES

_BATCH_BYTES: Final = 8 * 2**20
Asked = Literal["checkpoint", "entry", "proof", "spent"]
_GONE: Final = "the process that owns the ledger is gone"


class RemoteLog:
    """The port over a channel; made by `open_remote`.  `changed` is called when the state in force has changed, `lost` when
    the other end is gone."""

    def __init__(self, channel: Channel) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.lost: Callable[[], None] = lambda: None
        self.origin = ""
        self.size = 0
        self.at_ms = 0
        self._channel = channel
        self._changes: list[int] = []
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over = False
        self._last_id = 0
        self._appends: dict[int, tuple[asyncio.Future[tuple[Placed, ...]], int]] = {}
        self._asks: dict[int, asyncio.Future[bytes]] = {}
        self._bytes = 0
        self._batch: list[tuple[Wanted, int]] = []
        channel.heard = self._heard
        channel.eased = self._flush
        channel.ended = self._lose

    async def greeted(self) -> None:
        """Return once the sequencer has said what its log is."""
        await self._greeted

    def changes(self, since: int) -> tuple[int, ...]:
        """Indices of entries that changed the state, since <= index."""
        return tuple(self._changes[bisect_left(self._changes, since) :])

    async def append(self, entries: tuple[Entry, ...], fence: Fence = NO_FENCE) -> tuple[Placed, ...]:
        """Durable when it returns; carried out even if the caller is cancelled meanwhile."""
        size = check_entries(entries)
        if self._over:
            raise _gone()
        if len(self._appends) >= MAX_WAITING or self._bytes >= MAX_WAITING_BYTES:
            raise Unavailable("too many records wait for the ledger", code="overloaded", hint="try again soon")
        self._last_id += 1
        placing: asyncio.Future[tuple[Placed, ...]] = asyncio.get_running_loop().create_future()
        self._appends[self._last_id] = placing, size
        self._bytes += size
        self._batch.append((Wanted(self._last_id, entries, fence), size))
        if len(self._batch) == 1:
            asyncio.get_running_loop().call_soon(self._flush)
        return await placing

    async def checkpoint(self) -> bytes:
        """The newest published checkpoint."""
        return await self._ask("checkpoint")

    async def entry(self, index: int) -> Entry:
        """The entry at an index."""
        return read_entry(await self._ask("entry", index))

    async def proof(self, index: int) -> bytes:
        """A receipt for the newest published checkpoint."""
        return await self._ask("proof", index)

    async def spent(self, of: str) -> int:
        """How many uses of an id were spent."""
        return int(await self._ask("spent", of=of))

    async def close(self) -> None:
        """Take no more; the ledger itself stays as it is."""
        self._channel.close()
        self._lose()

    async def _ask(self, what: Asked, index: int = -1, of: str = "") -> bytes:
        if self._over:
            raise _gone()
        if len(self._asks) >= MAX_WAITING:
            raise Unavailable("too many questions wait for the ledger", code="overloaded", hint="try again soon")
        self._last_id += 1
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asks[self._last_id] = answer
        self._channel.write(write(Ask(self._last_id, what, index, of)))
        return await answer

    def _flush(self) -> None:
        """Send what waits, in messages of a bounded size, as long as the other end takes it."""
        while self._batch and not self._channel.full:
            taken, size = 0, 0
            while taken < len(self._batch) and (taken == 0 or size + self._batch[taken][1] <= _BATCH_BYTES):
                size += self._batch[taken][1]
                taken += 1
            wanted = tuple(one for one, _ in self._batch[:taken])
            del self._batch[:taken]
            self._channel.write(write(Appends(wanted)))

    def _heard(self, data: bytes) -> None:
        message = read_told(data)
        match message:
            case Told():
                self._take(message)
            case Reply():
                self._reply(message)
            case Hello():
                self.origin, self.size, self._changes = message.origin, message.size, list(message.changes)
                self.at_ms = message.at_ms
                self._greeted.set_result(None)

    def _take(self, told: Told) -> None:
        self.size, self.at_ms = max(self.size, told.size), max(self.at_ms, told.at_ms)
        self._changes += told.changes
        for answer in told.answers:
            placing, size = self._appends.pop(answer.id)
            self._bytes -= size
            if placing.done():
                continue
            if answer.failure is None:
                placing.set_result(answer.placed)
            else:
                placing.set_exception(error_of(answer.failure))
        if told.changes:
            self.changed()

    def _reply(self, reply: Reply) -> None:
        answer = self._asks.pop(reply.id)
        if answer.done():
            return
        if reply.failure is None:
            answer.set_result(reply.value)
        else:
            answer.set_exception(error_of(reply.failure))

    def _lose(self) -> None:
        """Whoever waits is told."""
        if self._over:
            return
        self._over = True
        self.lost()
        waiting: list[asyncio.Future[Any]] = [*self._asks.values(), self._greeted]
        waiting += [placing for placing, _ in self._appends.values()]
        self._asks.clear()
        self._appends.clear()
        self._batch.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(_gone())


async def open_remote(end: socket.socket) -> RemoteLog:
    """The ledger at the other end of a pair of sockets.  Raises Unavailable where nobody is there."""
    channel = Channel()
    log = RemoteLog(channel)
    await channel.open(end)
    await log.greeted()
    return log


def _gone() -> Unavailable:
    return Unavailable(_GONE, code="ledger_down", hint="try again soon")
