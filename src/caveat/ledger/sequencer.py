"""The one sequencer: every append of a ledger on files goes through here, in one order.

Two threads.  The writer takes all that waits as one batch: fences checked at their index, one write, one sync, then
everyone is told at once.  The publisher brings what is durable under a checkpoint, about once a second when there is
news.  Neither ever polls: they sleep until there is work.

Rules: an append is carried out though its caller has gone; after a failed sync, or bytes that do not verify, nothing is
written or signed any more (`fault` says why) and every append is Unavailable; too many waiting, too much unpublished or
too little room refuses admission before anything is written.
"""

import asyncio
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from caveat.errors import BadInput, CaveatError, StaleFence, Unavailable
from caveat.ledger.checkpoint import LogKeys
from caveat.ledger.disk import Disk, LedgerSettings
from caveat.ledger.fence import FenceKeeper, check_entries
from caveat.ledger.files import NoRoom
from caveat.ledger.log import NO_FENCE, Entry, Fence, Placed
from caveat.ledger.recent import Recent, receipt_of, stored
from caveat.ledger.tree import leaf_hash
from caveat.ledger.waiting import Answer, Job, Queue, Watches, here, tell

MAX_UNPUBLISHED: Final = 100_000
EASY_UNPUBLISHED: Final = 16_384
_RETRY_S: Final = 0.5
_PAUSE_S: Final = 2e-7
_LONGEST_PAUSE_S: Final = 0.01
_BREATH_S: Final = 0.0002


class Sequencer:
    """The port `Log` on files.  Made by `open_log`; its threads end with `close`."""

    def __init__(self, disk: Disk, vault: Path, settings: LedgerSettings) -> None:
        self._disk = disk
        self._vault = vault
        self._settings = settings
        self._fence = FenceKeeper()
        self._changes: list[int] = []
        self._queue = Queue()
        self._watches = Watches()
        self._fault = ""
        self._closing = False
        self._finishing = False
        self._stalled: NoRoom | None = None
        self._recent = Recent()
        self._publishing = threading.Lock()
        self._published = (disk.checkpoint, disk.published.size)
        self._published_at = -float("inf")
        self._news = threading.Event()
        self._hurry = threading.Event()
        self._writer = self._thread("ledger-writer", self._write)
        self._publisher = self._thread("ledger-publisher", self._keep_published)

    # --- the port ---

    @property
    def origin(self) -> str:
        """The log's name, first line of its checkpoints."""
        return self._disk.origin

    @property
    def size(self) -> int:
        """Entries durably appended."""
        return self._disk.size

    @property
    def at_ms(self) -> int:
        """The time of the newest entry."""
        return self._disk.at_ms

    async def spent(self, of: str) -> int:
        """How many uses of an id were spent."""
        return self._fence.spent(of)

    async def append(self, entries: tuple[Entry, ...], fence: Fence = NO_FENCE) -> tuple[Placed, ...]:
        """Durable when it returns; carried out even if the caller is cancelled meanwhile."""
        return await self.submit(entries, fence)

    def changes(self, since: int) -> tuple[int, ...]:
        """Indices of entries that changed the state: since the start, and those that `set_state` was given."""
        return tuple(self._changes[bisect_left(self._changes, since) :])

    async def checkpoint(self) -> bytes:
        """The newest published checkpoint."""
        return self._published[0]

    async def entry(self, index: int) -> Entry:
        """The entry at an index, from memory as long as it is unpublished, else from the tiles and the vault."""
        self._check(index)
        recent = self._recent.get(index)
        if recent is not None:
            return recent
        return await asyncio.to_thread(stored, self._disk.read, self._vault, self._published[1], index)

    async def proof(self, index: int) -> bytes:
        """A receipt for the newest published checkpoint."""
        self._check(index)
        checkpoint, size = self._published
        if index >= size:
            raise Unavailable(f"entry {index} is not under a checkpoint yet", hint="try again in a second")
        return await asyncio.to_thread(receipt_of, self._disk.read, index, checkpoint, size)

    # --- beyond the port ---

    @property
    def fault(self) -> str:
        """Why this ledger has stopped for good, "" as long as it has not."""
        return self._fault

    def submit(self, entries: tuple[Entry, ...], fence: Fence = NO_FENCE) -> asyncio.Future[tuple[Placed, ...]]:
        """`append`, begun: the future is told when it is durable, or why it is not.  Raises what refuses admission."""
        job = Job(entries, fence, check_entries(entries), here())
        if self._stalled:
            raise self._stalled
        if self.size - self._published[1] >= MAX_UNPUBLISHED:
            raise Unavailable("the ledger's checkpoints lag behind", code="overloaded", hint="try again soon")
        self._queue.put(job)
        return job.waiter.done

    def set_state(self, state: str, spent: Mapping[str, int], changes: Sequence[int] = ()) -> None:
        """Take up the fence from what the records say, and where they changed it: once, at start-up, before the first
        append."""
        self._fence.set(state, spent)
        self._changes = list(changes)

    async def published(self, index: int) -> None:
        """Return once a published checkpoint covers the entry at an index, which is asked for at once.  Raises
        Unavailable if that cannot be."""
        self._check(index)
        waiter = here()
        self._watches.add(index + 1, waiter)
        if self._fault or self._finishing:
            self._watches.fail(self._down())
        self._watches.reach(self._published[1])
        self._wake()
        await waiter.done

    async def forget(self, index: int) -> None:
        """Destroy the aside at an index, wherever it is: memory, WAL, vault.  Gone when it returns."""
        self._check(index)
        await asyncio.to_thread(self._forget, index)

    async def close(self) -> None:
        """Carry out what waits, publish it, end both threads, let go of the directory.  A second time: nothing."""
        if self._closing:
            return
        self._closing = True
        self._queue.close(self._down())
        await asyncio.to_thread(self._writer.join)
        self._finishing = True
        self._wake()
        await asyncio.to_thread(self._publisher.join)
        self._watches.fail(self._down())
        self._disk.close()

    # --- the writer ---

    def _write(self) -> None:
        while jobs := self._queue.take():
            tell(self._carry_out(jobs))
            if not self._news.is_set():
                self._news.set()
            self._pace()

    def _pace(self) -> None:
        """Go slower, a little at first, while checkpoints lag behind: callers wait longer before any is refused."""
        ahead = self.size - self._published[1] - EASY_UNPUBLISHED
        if ahead > 0:
            time.sleep(min(_LONGEST_PAUSE_S, ahead * _PAUSE_S))

    def _carry_out(self, jobs: Sequence[Job]) -> list[Answer]:
        """What each job is told.  A refused one leaves nothing behind."""
        try:
            self._disk.make_room([entry for job in jobs for entry in job.entries])
        except NoRoom as error:
            return [(job.waiter, error) for job in jobs]
        at_ms = max(self._settings.clock_ms(), self._disk.at_ms)
        refused: list[Answer] = []
        passed: list[Job] = []
        for job in jobs:
            try:
                self._fence.pass_through(job.fence, at_ms)
                passed.append(job)
            except StaleFence as error:
                refused.append((job.waiter, error))
        return refused + (self._commit(passed, at_ms) if passed else [])

    def _commit(self, jobs: Sequence[Job], at_ms: int) -> list[Answer]:
        entries = tuple(entry for job in jobs for entry in job.entries)
        self._recent.add(self._disk.size, entries)
        index = self._disk.commit(entries, at_ms)
        answers: list[Answer] = []
        for job in jobs:
            placed = tuple(Placed(index + i, leaf_hash(entry.leaf), at_ms) for i, entry in enumerate(job.entries))
            answers.append((job.waiter, placed))
            if job.fence.becomes:
                self._changes += range(index, index + len(placed))
            index += len(placed)
        return answers

    # --- the publisher ---

    def _keep_published(self) -> None:
        finished = False
        while not finished and not self._fault:
            self._news.wait()
            self._news.clear()
            pause = _RETRY_S if self._stalled else self._settings.interval_ms / 1000
            self._hurry.wait(max(0.0, self._published_at + pause - time.monotonic()))
            self._hurry.clear()
            finished = self._finishing
            self._publish()

    def _publish(self) -> None:
        """Publish what is durable.  A full disk stalls it until the next tick; anything else ends this ledger."""
        with self._publishing:
            try:
                self._disk.publish(lambda: time.sleep(_BREATH_S))
                self._stalled = None
            except NoRoom as error:
                self._stalled = error
                self._watches.fail(error)
                self._news.set()
            except CaveatError as error:
                self._stop(error.message)
                raise
            finally:
                self._published_at = time.monotonic()
            size = self._disk.published.size
            self._published = (self._disk.checkpoint, size)
        self._recent.drop(size)
        self._watches.reach(size)

    def _forget(self, index: int) -> None:
        self._disk.turn_segment()
        self._publish()
        with self._publishing:
            if index >= self._disk.published.size:
                raise self._stalled or self._down()
            self._disk.forget(index)

    # --- both ---

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
        thread.start()
        return thread

    def _guarded(self, work: Callable[[], None]) -> None:
        """A thread's outermost frame: however the work ends, nobody is left waiting."""
        try:
            work()
        except CaveatError as error:
            self._stop(error.message)
        finally:
            if not self._closing:
                self._stop("one of its threads has ended")

    def _stop(self, why: str) -> None:
        """Nothing is written or signed any more; whoever waits is told."""
        self._fault = self._fault or why
        self._queue.fail(self._down())
        self._watches.fail(self._down())
        self._wake()

    def _wake(self) -> None:
        self._hurry.set()
        self._news.set()

    def _down(self) -> Unavailable:
        why = f"the ledger has stopped: {self._fault}" if self._fault else "the ledger is closed"
        return Unavailable(why, code="ledger_down")

    def _check(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise BadInput(f"expected an index below {self.size}, got {index}")


def open_log(directory: Path, vault: Path, keys: LogKeys, settings: LedgerSettings | None = None) -> Sequencer:
    """The ledger in a directory, made if there is none, recovered if it was left in a hurry.

    `vault` is where asides go.  Raises Unavailable (another process holds it, no room) or NotVerified (damaged).
    """
    settings = settings or LedgerSettings()
    return Sequencer(Disk(directory, vault, keys, settings), vault, settings)
