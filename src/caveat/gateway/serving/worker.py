"""A worker: a process that answers calls, over a ledger that its parent owns.

    python -m caveat.gateway.serving.worker --listener FD --ledger FD --orders FD --parent PID

Rules of this file: it dies with its parent, however that died, and ends when either channel does; it holds nothing that
its parent would need to go on; what it decides by is what the ledger's changes say, folded as soon as they are told.
"""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from caveat.errors import CaveatError
from caveat.gateway.home.directory import Home
from caveat.gateway.house.house import House
from caveat.gateway.model.process import die_with
from caveat.gateway.serving.orders import (
    Collect,
    Counts,
    Failed,
    Moved,
    Ready,
    Report,
    Reported,
    Setup,
    read_order,
    write,
)
from caveat.gateway.serving.serve import Server, application
from caveat.gateway.serving.startup import open_workers_house
from caveat.gateway.serving.tally import tally
from caveat.gateway.upstream.endpoint import Endpoint
from caveat.gateway.upstream.made import Upstreams, open_upstreams
from caveat.ledger.channel import Channel
from caveat.ledger.remote import open_remote


class Worker:
    """One worker's ties to its parent: what it is told, what it says."""

    def __init__(self, orders: Channel) -> None:
        self.setup: asyncio.Future[Setup] = asyncio.get_running_loop().create_future()
        self._orders = orders
        self._house: House | None = None
        self._upstreams: Upstreams | None = None
        self._counts: dict[int, asyncio.Future[Counts]] = {}
        self._moved: dict[str, str] = {}
        self._last_id = 0
        self._running: set[asyncio.Task[None]] = set()
        orders.heard = self._heard

    async def serve(self, listener: socket.socket, ledger: socket.socket) -> None:
        """Serve until told to stop, or until the parent is gone.  Raises what keeps it from serving."""
        setup = await self.setup
        log = await open_remote(ledger)
        home = Home(Path(setup.home))
        async with open_upstreams(home, setup.settings, lambda _: None, lent=setup.embedded) as upstreams:
            house = await open_workers_house(home, setup.settings, log, upstreams)
            house.join(setup.number, self._all_counts)
            self._house, self._upstreams = house, upstreams
            self._move()
            log.changed = lambda: self._run(_fold(house))
            server = Server(application(home, house, followed=True))
            log.lost = self._orders.ended = partial(_end_at_once, server)
            self._orders.write(write(Ready()))
            await server.serve(sockets=[listener])

    def failed(self, error: CaveatError) -> None:
        """Tell the parent why this worker cannot serve."""
        self._orders.write(write(Failed(error.message, error.hint)))
        self._orders.close()

    async def _all_counts(self) -> bytes:
        """What all workers have counted, through the parent."""
        self._last_id += 1
        counts: asyncio.Future[Counts] = asyncio.get_running_loop().create_future()
        self._counts[self._last_id] = counts
        self._orders.write(write(Collect(self._last_id)))
        told = await counts
        return tally(told.workers, told.ended)

    def _heard(self, data: bytes) -> None:
        order = read_order(data)
        match order:
            case Setup():
                self.setup.set_result(order)
            case Moved():
                self._moved[order.upstream] = order.address
                self._move()
            case Report() if self._house is not None:
                self._orders.write(write(Reported(order.id, self._house.metrics.text().decode())))
            case Counts():
                waiting = self._counts.pop(order.id)
                if not waiting.done():
                    waiting.set_result(order)

    def _move(self) -> None:
        """Follow embedded models to where they listen now, once there are clients of them."""
        if self._upstreams is not None:
            for name, address in self._moved.items():
                self._upstreams.all[name].move(Endpoint(address))
            self._moved.clear()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


async def _fold(house: House) -> None:
    """Take up what has changed; where that fails now, the next call meets the same and says so."""
    with suppress(CaveatError):
        await house.refresh(house.view)


def _end_at_once(server: Server) -> None:
    """The parent is gone: nothing can be recorded, so nothing more can be answered."""
    server.should_exit = server.force_exit = True


async def _work(arguments: argparse.Namespace) -> int:
    orders = Channel()
    worker = Worker(orders)
    await orders.open(socket.socket(fileno=arguments.orders))
    try:
        await worker.serve(socket.socket(fileno=arguments.listener), socket.socket(fileno=arguments.ledger))
    except CaveatError as error:
        worker.failed(error)
        await asyncio.sleep(0)
        return error.exit_code
    return 0


def main(argv: list[str] | None = None) -> int:
    """The process."""
    parser = argparse.ArgumentParser(prog="caveat.gateway.serving.worker")
    for name, says in (
        ("listener", "the listening socket"),
        ("ledger", "the channel to the sequencer"),
        ("orders", "the channel to the parent"),
    ):
        parser.add_argument(f"--{name}", type=int, required=True, help=f"file descriptor of {says}")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process to die with")
    arguments = parser.parse_args(argv)
    die_with(arguments.parent)
    return uvloop.run(_work(arguments))


if __name__ == "__main__":
    sys.exit(main())
