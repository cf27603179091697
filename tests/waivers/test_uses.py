"""Uses are counted where the order is made: of any number at once, just as many pass as were granted."""

import asyncio
import socket
from typing import Any

import pytest

from caveat.errors import StaleFence
from caveat.ledger.channel import Channel
from caveat.ledger.checkpoint import new_log_keys
from caveat.ledger.disk import LedgerSettings
from caveat.ledger.log import Entry, Fence
from caveat.ledger.remote import open_remote
from caveat.ledger.sequencer import open_log
from caveat.ledger.service import Service

USES = Fence(spends=(("w-1", 100),))


async def tried(log, n):
    try:
        await log.append((Entry(b"%d" % n),), USES)
    except StaleFence as stale:
        assert stale.exhausted == "w-1"
        return False
    return True


@pytest.mark.parametrize("workers", [0, 4])
def test_of_10000_at_once_100_pass(tmp_path, workers):
    """Against the sequencer itself, and through the sockets of four workers."""

    async def story():
        log = open_log(
            tmp_path / "ledger", tmp_path / "vault", new_log_keys("example.com/log"), LedgerSettings(free_floor_bytes=0)
        )
        service, ends, channels = Service(log), [], []
        for _ in range(workers):
            ours, (side, theirs) = Channel(), socket.socketpair()
            await ours.open(side)
            service.attach(ours)
            ends.append(await open_remote(theirs))
            channels += [ours, ends[-1]._channel]
        passed = 0
        for start in range(0, 10_000, 2_000):
            logs: list[Any] = [*ends] or [log]
            outcomes = await asyncio.gather(*(tried(logs[n % len(logs)], n) for n in range(start, start + 2_000)))
            passed += sum(outcomes)
        size = log.size
        for channel in channels:
            channel.close()
        await asyncio.sleep(0)
        await log.close()
        return passed, size

    assert asyncio.run(story()) == (100, 100)
