"""The sequencer's side of the port for other processes: one `Service` a ledger, one `Client` a process that is served.

Rules of this file: what a process wants is carried out though it has ended meanwhile; a change of state is told to
everybody as soon as it is durable; nothing is said of an entry before it is durable.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from caveat.errors import CaveatError
from caveat.ledger.channel import Channel
from caveat.ledger.log import Entry, Placed
from caveat.ledger.messages import (
    Answer,
    Ask,
    Hello,
    Reply,
    Told,
    Wanted,
    failure,
    read_request,
    write,
    write_entry,
)
from caveat.ledger.sequencer import Sequencer

Placing = asyncio.Future[tuple[Placed, ...]]
Noted = Callable[[tuple[Entry, ...], tuple[Placed, ...]], None]


class Service:
    """Serves one sequencer to the processes at the other ends of channels."""

    def __init__(self, log: Sequencer) -> None:
        self._log = log
        self._clients: set[Client] = set()

    def attach(self, channel: Channel, noted: Noted = lambda _entries, _placed: None) -> "Client":
        """Serve an open channel until it ends.  `noted` is called with all that was appended over it, before the other
        end is told."""
        client = Client(self._log, channel, noted, self._changed)
        self._clients.add(client)
        channel.heard = client.heard
        channel.eased = client.flush
        client.greet()
        return client

    def _changed(self) -> None:
        self._clients = {client for client in self._clients if not client.over}
        for client in self._clients:
            client.flush()


class Client:
    """One process that is served."""

    def __init__(self, log: Sequencer, channel: Channel, noted: Noted, changed: Callable[[], None]) -> None:
        self._log = log
        self._channel = channel
        self._noted = noted
        self._changed = changed
        self._answers: list[Answer] = []
        self._told = 0
        self._running: set[asyncio.Future[None] | Placing] = set()

    @property
    def over(self) -> bool:
        """Whether nobody is at the other end any more."""
        return self._channel.over

    def greet(self) -> None:
        """The first message."""
        changes = self._log.changes(0)
        self._told = changes[-1] + 1 if changes else 0
        self._channel.write(write(Hello(self._log.origin, self._log.size, changes, self._log.at_ms)))

    def heard(self, data: bytes) -> None:
        """Take a message.  Raises NotVerified for one that does not read."""
        message = read_request(data)
        if isinstance(message, Ask):
            self._keep(asyncio.ensure_future(self._reply(message)))
            return
        for wanted in message.wanted:
            self._append(wanted)

    async def drained(self) -> None:
        """Return once everything that came is carried out."""
        while self._running:
            await asyncio.wait(self._running)

    def flush(self) -> None:
        """Send the answers that are ready, and what changed, as soon as the other end takes it."""
        changes = self._log.changes(self._told)
        if self._channel.full or not (self._answers or changes):
            return
        self._told = changes[-1] + 1 if changes else self._told
        answers, self._answers = tuple(self._answers), []
        self._channel.write(write(Told(self._log.size, changes, answers, self._log.at_ms)))

    def _append(self, wanted: Wanted) -> None:
        try:
            placing = self._log.submit(wanted.entries, wanted.fence)
        except CaveatError as error:
            self._answer(Answer(wanted.id, (), failure(error)))
            return
        self._keep(placing)
        placing.add_done_callback(partial(self._placed, wanted))

    def _placed(self, wanted: Wanted, placing: Placing) -> None:
        error = placing.exception()
        if isinstance(error, CaveatError):
            self._answer(Answer(wanted.id, (), failure(error)))
            return
        placed = placing.result()
        self._noted(wanted.entries, placed)
        self._answer(Answer(wanted.id, placed))
        if wanted.fence.becomes:
            self._changed()

    def _answer(self, answer: Answer) -> None:
        """Answers that are ready in one turn of the loop leave together."""
        self._answers.append(answer)
        if len(self._answers) == 1:
            asyncio.get_running_loop().call_soon(self.flush)

    def _keep(self, running: "asyncio.Future[None] | Placing") -> None:
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _reply(self, ask: Ask) -> None:
        try:
            reply = Reply(ask.id, await _ASKED[ask.what](self._log, ask))
        except CaveatError as error:
            reply = Reply(ask.id, b"", failure(error))
        self._channel.write(write(reply))


async def _entry(log: Sequencer, ask: Ask) -> bytes:
    return write_entry(await log.entry(ask.index))


async def _spent(log: Sequencer, ask: Ask) -> bytes:
    return str(await log.spent(ask.of)).encode()


_ASKED: dict[str, Callable[[Sequencer, Ask], Awaitable[bytes]]] = {
    "checkpoint": lambda log, _: log.checkpoint(),
    "entry": _entry,
    "proof": lambda log, ask: log.proof(ask.index),
    "spent": _spent,
}
