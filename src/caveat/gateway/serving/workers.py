"""Several workers under one parent, which owns the ledger and answers no calls itself.

Rules of this file:

- the parent is the one sequencer (ledger/service.py) and the one that runs embedded models; workers share its listening
  socket, so that one that is stopped or busy takes no call from the others;
- a worker that ends is started again, at once and then ever more slowly; before that, what it had sent is carried out, and
  calls that it left open get the outcome `unknown`: only here it is known that nobody runs them any more;
- a worker whose channel has ended is killed before its calls are settled;
- when the parent ends, in order or not, every worker has ended too.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from caveat.errors import CaveatError, Unavailable
from caveat.gateway.home.directory import Home
from caveat.gateway.home.tables import Settings
from caveat.gateway.model.lent import Lent
from caveat.gateway.serving.opencalls import OpenCalls
from caveat.gateway.serving.orders import (
    Collect,
    Counted,
    Counts,
    Failed,
    Moved,
    Order,
    Ready,
    Report,
    Reported,
    Setup,
    read_word,
    write,
)
from caveat.gateway.serving.startup import Progress, Site, settle_unknown
from caveat.gateway.serving.tally import left_behind
from caveat.ledger.channel import Channel
from caveat.ledger.service import Service

STOP_S = 8.0
"""Patience between terminate and kill; calls that run get a few seconds of it (serve.py)."""
REPORT_S = 0.5
"""A worker that is silent for so long when asked what it has counted is taken at its last word."""
SLOWEST_S = 30.0
STEADY_S = 60.0
"""A worker that lived so long starts again at once."""


class Workers:
    """`settings.gateway.workers` processes.  `run` is their whole life."""

    def __init__(self, home: Home, settings: Settings, site: Site, listener: socket.socket, progress: Progress) -> None:
        self._home = home
        self._settings = settings
        self._site = site
        self._listener = listener
        self._progress = progress
        self._service = Service(site.log)
        self._hands: dict[int, Hand] = {}
        self._ended = ""
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to stop.  Raises Unavailable where a worker does not start the first time."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        self._site.upstreams.moved = self._moved
        keepers = [loop.create_task(self._keep(i)) for i in range(1, self._settings.gateway.workers + 1)]
        stopping = loop.create_task(self._stopping.wait())
        await asyncio.wait([*keepers, stopping], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        for hand in self._hands.values():
            hand.end()
        ends = await asyncio.gather(*keepers, return_exceptions=True)
        for error in ends:
            if isinstance(error, BaseException):
                raise error

    async def _keep(self, number: int) -> None:
        """One worker after the other, under one number."""
        pause, first = 0.0, True
        while not self._stopping.is_set():
            began = time.monotonic()
            hand = await self._start(number)
            await hand.gone.wait()
            await self._clear_up(hand)
            if self._stopping.is_set():
                return
            if first and not hand.ready:
                raise hand.failure
            first = False
            pause = 0.0 if time.monotonic() - began > STEADY_S else min(SLOWEST_S, 2 * pause + 0.25)
            self._progress(f"worker {number} has ended and is started again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _start(self, number: int) -> "Hand":
        pairs = [socket.socketpair() for _ in range(2)]
        process = _spawn(self._listener, ledger=pairs[0][1], orders=pairs[1][1])
        hand = Hand(number, process, self._collect)
        for channel, (ours, theirs) in zip((hand.ledger, hand.orders), pairs, strict=True):
            theirs.close()
            await channel.open(ours)
        client = self._service.attach(hand.ledger, hand.calls.note)
        hand.drained = client.drained
        hand.tell(Setup(str(self._home.path), number, self._settings, self._lent()))
        self._hands[number] = hand
        if self._stopping.is_set():
            hand.end()
        return hand

    async def _clear_up(self, hand: "Hand") -> None:
        """The worker is gone: see to it, carry out what it had sent, settle its calls."""
        del self._hands[hand.number]
        await hand.bury()
        await hand.drained()
        self._ended = left_behind(self._ended, hand.counted)
        with contextlib.suppress(Unavailable):  # the ledger is down: its next start settles them
            await settle_unknown(self._site.log, self._settings.gateway.name, hand.calls.calls, self._site.house.clock)

    def _lent(self) -> dict[str, Lent]:
        embedded = self._site.upstreams.embedded
        return {name: Lent(model.address, model.key.reveal(), model.manifest) for name, model in embedded.items()}

    def _moved(self, name: str, address: str) -> None:
        for hand in self._hands.values():
            hand.tell(Moved(name, address))

    async def _collect(self, asking: "Hand", ask: int) -> None:
        """Tell a worker what all of them have counted."""
        hands = [self._hands[number] for number in sorted(self._hands)]
        answers = await asyncio.gather(*(hand.report() for hand in hands))
        counted = tuple(Counted(h.number, answers, h.counted) for h, answers in zip(hands, answers, strict=True))
        asking.tell(Counts(ask, counted, self._ended))


class Hand:
    """One worker's process, seen from the parent.

    gone     set when a channel has ended: so has the process, or it is about to
    drained  returns when all that it had sent to the ledger is carried out
    counted  its last word on what it has counted
    """

    drained: Callable[[], Awaitable[None]]

    def __init__(self, number: int, process: subprocess.Popen[bytes], collect: "Collecting") -> None:
        self.number = number
        self.calls = OpenCalls()
        self.gone = asyncio.Event()
        self.ready = False
        self.counted = ""
        self.failure: CaveatError = Unavailable(f"worker {number} ended before it was ready")
        self.orders = Channel()
        self.ledger = Channel()
        self._process = process
        self._collect = collect
        self._reports: dict[int, asyncio.Future[bool]] = {}
        self._last_id = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.orders.heard = self._heard
        self.orders.ended = self.ledger.ended = self.gone.set

    def tell(self, order: Order) -> None:
        """Send an order."""
        self.orders.write(write(order))

    async def report(self) -> bool:
        """Ask what it has counted; whether it answered in time."""
        self._last_id += 1
        asked, told = self._last_id, asyncio.get_running_loop().create_future()
        self._reports[asked] = told
        self.tell(Report(asked))
        try:
            return await asyncio.wait_for(told, REPORT_S)
        except TimeoutError:
            return False
        finally:
            del self._reports[asked]

    def end(self) -> None:
        """Let it finish the calls that run, for a while."""
        self._process.terminate()
        asyncio.get_running_loop().call_later(STOP_S, self._process.kill)

    async def bury(self) -> None:
        """Return when the process is certainly gone."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self.orders.close()
        self.ledger.close()

    def _heard(self, data: bytes) -> None:
        word = read_word(data)
        match word:
            case Ready():
                self.ready = True
            case Failed():
                self.failure = Unavailable(f"worker {self.number} cannot serve: {word.message}", hint=word.hint)
            case Reported():
                self.counted = word.text
                told = self._reports.get(word.id)
                if told is not None and not told.done():
                    told.set_result(True)
            case Collect():
                task = asyncio.get_running_loop().create_task(self._collect(self, word.id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


Collecting = Callable[[Hand, int], Coroutine[Any, Any, None]]


def _spawn(listener: socket.socket, *, ledger: socket.socket, orders: socket.socket) -> subprocess.Popen[bytes]:
    """Start it from this thread: the kernel ends it when the thread that started it ends (prctl(2)).  Its process group
    is its own, so that Ctrl-C reaches the parent alone, which then ends it in order."""
    handed = {"--listener": listener.fileno(), "--ledger": ledger.fileno(), "--orders": orders.fileno()}
    command = [sys.executable, "-m", "caveat.gateway.serving.worker", "--parent", str(os.getpid())]
    for name, descriptor in handed.items():
        command += [name, str(descriptor)]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=tuple(handed.values()), process_group=0
    )
