"""The port through a socket, beyond what the contract asks (test_log.py): batches, bounds, news, and the end of either side."""

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import Any

import pytest

from caveat.errors import BadInput, NotVerified, StaleFence, Unavailable
from caveat.ledger import messages
from caveat.ledger.channel import Channel
from caveat.ledger.log import Entry, Fence
from caveat.ledger.remote import open_remote
from caveat.ledger.sequencer import open_log
from caveat.ledger.service import Service
from caveat.ledger.waiting import MAX_WAITING


class Served:
    """A ledger on disk, its service, and as many other ends as a story wants."""

    def __init__(self, log):
        self.log = log
        self.service = Service(log)
        self._ends: list[Any] = []

    async def end(self, noted=lambda _entries, _placed: None):
        ours, (side, theirs) = Channel(), socket.socketpair()
        await ours.open(side)
        client = self.service.attach(ours, noted)
        remote = await open_remote(theirs)
        self._ends += [ours, remote._channel]
        return remote, client

    async def close(self):
        for channel in self._ends:
            channel.close()
        await asyncio.sleep(0)
        await self.log.close()


@pytest.fixture
def story(tmp_path, keys, settings):
    """Run a story over a served ledger."""

    @asynccontextmanager
    async def served():
        one = Served(open_log(tmp_path / "ledger", tmp_path / "vault", keys, settings))
        try:
            yield one
        finally:
            await one.close()

    def run(tell):
        async def main():
            async with served() as one:
                await asyncio.wait_for(tell(one), 120)

        asyncio.run(main())

    return run


def test_what_waits_together_leaves_in_one_message(story):
    async def tell(served):
        remote, client = await served.end()
        heard: list[Any] = []

        def listen(data):
            heard.append(messages.read_request(data))
            client.heard(data)

        client._channel.heard = listen
        await asyncio.gather(*(remote.append((Entry(b"%d" % i),)) for i in range(100)))
        assert [len(message.wanted) for message in heard] == [100]

    story(tell)


def test_too_much_that_waits_is_refused_at_once(story):
    async def tell(served):
        remote, _ = await served.end()
        several = [asyncio.ensure_future(remote.append((Entry(b"x"),))) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as refused:
            await remote.append((Entry(b"one too many"),))
        assert refused.value.code == "overloaded"
        answers = await asyncio.gather(*several, return_exceptions=True)
        assert all(isinstance(answer, tuple) for answer in answers)
        await remote.append((Entry(b"room again"),))

    story(tell)


def test_large_appends_leave_in_several_messages(story):
    async def tell(served):
        remote, _ = await served.end()
        entry = Entry(b"x", b"y" * 2**20)
        placed = await asyncio.gather(*(remote.append((entry,)) for _ in range(20)))
        assert sorted(p.index for (p,) in placed) == list(range(20))
        assert await remote.entry(19) == entry

    story(tell)


def test_a_change_through_one_end_is_told_to_all(story):
    async def tell(served):
        await served.log.append((Entry(b"begin"),), Fence(becomes="one"))
        (first, _), (second, _) = await served.end(), await served.end()
        assert first.changes(0) == second.changes(0) == (0,)
        told = asyncio.Event()
        second.changed = told.set
        await first.append((Entry(b"adopt"),), Fence(expects="one", becomes="two"))
        await asyncio.wait_for(told.wait(), 60)
        assert second.changes(0) == (0, 1)
        assert second.size == 2
        with pytest.raises(StaleFence):
            await second.append((Entry(b"call"),), Fence(expects="one"))

    story(tell)


def test_a_process_that_goes_away_is_recorded_all_the_same(story):
    """Its appends are carried out and noted; its end is told to those who wait for the answers."""

    async def tell(served):
        noted: list[bytes] = []
        remote, client = await served.end(lambda entries, _: noted.extend(e.leaf for e in entries))
        waiting = asyncio.ensure_future(remote.append((Entry(b"sent"),)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        remote._channel.close()
        with pytest.raises(Unavailable, match="is gone"):
            await waiting
        while not noted:
            await asyncio.sleep(0.01)
        await client.drained()
        assert noted == [b"sent"]
        assert served.log.size == 1
        for ask in (remote.checkpoint(), remote.append((Entry(b"late"),))):
            with pytest.raises(Unavailable):
                await ask

    story(tell)


def test_an_end_without_a_ledger_behind_it_is_unavailable():
    async def run():
        ours, theirs = socket.socketpair()
        ours.close()
        with pytest.raises(Unavailable):
            await open_remote(theirs)

    asyncio.run(run())


@pytest.mark.parametrize(
    "error", [BadInput("a", hint="h"), NotVerified("b"), StaleFence("c"), Unavailable("d", code="overloaded")]
)
def test_errors_of_the_port_arrive_as_they_were(error):
    again = messages.error_of(messages.failure(error))
    assert (type(again), again.message, again.hint) == (type(error), error.message, error.hint)
    assert getattr(again, "code", "") == getattr(error, "code", "")


@pytest.mark.parametrize("read", [messages.read_request, messages.read_told])
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\xa3ask\x01\xa4what", b"\x91\xa6append"])
def test_what_is_no_message_is_not_verified(read, data):
    with pytest.raises(NotVerified):
        read(data)
