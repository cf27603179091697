"""Serving: a socket, a house, an ASGI server, and an orderly end of all three; or several workers that each have the last
two (workers.py).

The socket is bound before anything else is started, so that a port in use is told at once; on SIGINT or SIGTERM calls
that run get a few seconds, then every process and thread that was started here has ended.
"""

import asyncio
import errno
import gc
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn

from caveat.console.app import Console
from caveat.errors import Refused, Unavailable
from caveat.gateway.control.api import Control
from caveat.gateway.desk.ports import Desk
from caveat.gateway.home.directory import Home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.tables import Settings
from caveat.gateway.house.house import House
from caveat.gateway.house.leasing import note_witnessed
from caveat.gateway.house.sweeping import sweeping
from caveat.gateway.house.witnessed import witness_rows
from caveat.gateway.index.follow import Index
from caveat.gateway.index.process import indexing
from caveat.gateway.proof.witnessing import cosigned_receipt, witnessing
from caveat.gateway.serving.app import App
from caveat.gateway.serving.protocol import Protocol
from caveat.gateway.serving.startup import Progress, open_site
from caveat.gateway.serving.workers import Workers
from caveat.ledger.reader import LedgerReader

GRACE_SECONDS = 5
GC_THRESHOLD = (20_000, 50, 100)
"""A call leaves almost no cycles: with the usual 700, a twentieth of the processor went into looking for them."""
BACKLOG = 2048
SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What tells the gateway to stop."""

Prepare = Callable[[House], Awaitable[None]]


def bind(settings: Settings) -> socket.socket:
    """The listening socket.  Raises Unavailable where the port is in use or may not be had."""
    gateway = settings.gateway
    family = socket.AF_INET6 if ":" in gateway.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((gateway.host, gateway.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
        raise Unavailable(
            f"the address {gateway.address} {why}",
            hint="stop what listens there, or take another with `--port`; `address` under [gateway] in caveat.toml keeps it",
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """`http://host:port` of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(home: Home, settings: Settings, listener: socket.socket, prepare: Prepare, progress: Progress) -> None:
    """Serve until told to stop.  `prepare` runs once the house stands and before the first call.

    Raises Unavailable, NotVerified, BadInput, Refused: one sentence and what to do.
    """
    with _ending_on_signals():
        async with open_site(home, settings, progress) as site:
            home.announce(url_of(listener))
            await prepare(site.house)
            refuse_samples_abroad(site.house)
            seen = partial(note_witnessed, site.house)
            async with indexing(home), sweeping(site.house), witnessing(home, settings, progress, seen):
                if settings.gateway.workers > 1:
                    await Workers(home, settings, site, listener, progress).run()
                else:
                    app = application(home, site.house, followed=True)
                    await Server(app, lambda: site.log.fault).serve(sockets=[listener])
            if site.log.fault:
                raise Unavailable(
                    f"the ledger has stopped for good: {site.log.fault}",
                    hint="look at the disk, run `caveat ledger fsck`, then start again: what was acknowledged is kept",
                )


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Until the server takes signals itself, they end the start in order: what was started so far is stopped."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    told: list[int] = []

    def end(number: int) -> None:
        told.append(number)
        assert task is not None
        task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except asyncio.CancelledError:
        if not told:
            raise


def application(home: Home, house: House, *, followed: bool = False) -> App:
    """Everything that a house answers over HTTP, as one ASGI application.

    `followed` says that a process of its own keeps the index (indexing.py); without one, whoever asks it keeps it.
    """
    reader = LedgerReader(home.ledger, home.vault)
    index = Index(home.index, reader, followed=followed)
    desk = Desk(home, house, index)
    house.witnesses = partial(witness_rows, home.ledger, house.settings)
    ports = desk.ports()
    control = Control(
        house,
        index,
        Documents(home.control),
        (ports, desk.approvals),
        partial(cosigned_receipt, home, house.settings, reader),
    )
    return App(house, control.app(), Console(ports))


class Server(uvicorn.Server):
    """The ASGI server.  Ends in order on a signal, instead of raising it again: the house is closed after the last call.

    `fault` says why no record can be written any more, "" as long as one can.
    """

    def __init__(self, app: App, fault: Callable[[], str] = lambda: "") -> None:
        self._fault = fault
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=Protocol,
                ws="none",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                log_level="error",
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen.  What stands by now stays until the end, so the collector need not look at it again and again."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Open pages are told to come again, so that none of them keeps the server from its end."""
        self._app.leave()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end.  A ledger that can write no more ends the process: no record, no answer."""
        return bool(self._fault()) or await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is threading.main_thread():  # elsewhere, whoever made the thread sets should_exit
            loop = asyncio.get_running_loop()
            for number in SIGNALS:
                loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def refuse_samples_abroad(house: House) -> None:
    """Raises Refused where sample parties' terms would be served beyond this machine."""
    samples = [party.name for party in house.view.register.parties if party.sample]
    if samples and not house.loopback:
        raise Refused(
            f"this home trusts the sample parties {', '.join(samples)}, and {house.settings.gateway.address} can be "
            "reached from other machines",
            code="sample_key",
            hint="make a home with your own parties (`caveat init --vendor VKEY`), or listen on 127.0.0.1",
        )
