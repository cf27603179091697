"""The sequencer's own manners: batches, cadence, push-back, and how it stops."""

import asyncio
import threading
import time

import pytest

from caveat.errors import Unavailable
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.disk import LedgerSettings
from caveat.ledger.log import Entry
from caveat.ledger.sequencer import open_log
from caveat.ledger.waiting import MAX_WAITING
from caveat.ledger.wal import read_segment, segments


@pytest.fixture
def opened(tmp_path, keys, settings):
    def open_it(**changes):
        chosen = LedgerSettings(**{f: changes.get(f, getattr(settings, f)) for f in settings.__struct_fields__})
        return open_log(tmp_path / "ledger", tmp_path / "vault", keys, chosen)

    return open_it


def test_all_that_waits_goes_in_few_batches(opened, tmp_path):
    """Two hundred callers at once cost a few syncs, not two hundred."""

    async def run():
        log = opened(segment_bytes=2**20)
        await asyncio.gather(*(log.append((Entry(b"%d" % i),)) for i in range(200)))
        batches = [batch for path in segments(tmp_path / "ledger/wal") for batch in read_segment(path)]
        assert sum(len(batch.entries) for batch in batches) == 200
        assert len(batches) < 20
        await log.close()

    asyncio.run(run())


def test_checkpoints_come_at_their_interval_and_only_with_news(opened, keys):
    """With 100 ms between them: few while appends come all the time, none while none come."""

    async def run():
        log = opened(interval_ms=100)
        seen: list[bytes] = []
        began = time.monotonic()
        while len(seen) < 4 and time.monotonic() - began < 60:
            await log.append((Entry(b"x"),))
            checkpoint = await log.checkpoint()
            if not seen or seen[-1] != checkpoint:
                seen.append(checkpoint)
            await asyncio.sleep(0.001)
        assert 4 == len(seen) <= (time.monotonic() - began) / 0.1 + 2
        await log.published(log.size - 1)
        quiet = await log.checkpoint()
        await asyncio.sleep(0.3)
        assert await log.checkpoint() == quiet
        assert open_checkpoint(quiet, keys.verify_keys, log.origin).size == log.size
        await log.close()

    asyncio.run(run())


def test_nothing_is_done_while_there_is_nothing_to_do(opened):
    """Neither thread polls: half a second of rest costs next to no processor time."""

    async def run():
        log = opened(interval_ms=10)
        await log.append((Entry(b"x"),))
        await log.published(0)
        await asyncio.sleep(0.05)
        spent = []
        for _ in range(5):  # what else this process does may fall into one of them
            before = time.process_time()
            await asyncio.sleep(0.5)
            spent.append(time.process_time() - before)
            if spent[-1] < 0.05:
                break
        assert min(spent) < 0.05
        await log.close()

    asyncio.run(run())


def test_closing_publishes_and_leaves_nothing(opened, tmp_path, keys):
    """No thread, no WAL, no lock; what was appended in the last moment is under the checkpoint."""

    async def run():
        log = opened()
        late = [asyncio.ensure_future(log.append((Entry(b"%d" % i),))) for i in range(50)]
        await asyncio.sleep(0)
        await log.close()
        assert len(await asyncio.gather(*late)) == 50

    asyncio.run(run())
    head = open_checkpoint((tmp_path / "ledger/checkpoint").read_bytes(), keys.verify_keys, "example.com/log")
    assert head.size == 50
    assert segments(tmp_path / "ledger/wal") == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ledger")]
    asyncio.run(opened().close())


def test_too_many_waiting_are_pushed_back_at_once(opened):
    """The bound holds; whoever was let in is served."""

    async def run():
        log = opened(segment_bytes=2**22)
        calls = [log.append((Entry(b"x"),)) for _ in range(3 * MAX_WAITING)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        pushed = [a for a in answers if isinstance(a, Unavailable)]
        assert all(a.code == "overloaded" for a in pushed)
        assert log.size == len(answers) - len(pushed) >= MAX_WAITING
        await log.append((Entry(b"y"),))
        await log.close()

    asyncio.run(run())


def test_appends_stay_quick_while_a_large_tail_is_published(opened):
    """Twenty thousand entries are integrated beside appends, none of which waits long."""

    async def run():
        log = opened(segment_bytes=2**24)
        entries = tuple(Entry(b"x" * 400) for _ in range(250))
        for _ in range(80):
            await log.append(entries)
        publishing = asyncio.ensure_future(log.published(19_999))
        slowest = 0.0
        while not publishing.done():
            before = time.perf_counter()
            await log.append((Entry(b"y"),))
            slowest = max(slowest, time.perf_counter() - before)
        assert slowest < 2.5  # generous: the machine may be busy with other things
        await log.close()

    asyncio.run(run())


def test_damage_found_while_publishing_stops_everything(opened, tmp_path):
    """Whoever waits for the checkpoint is told, so is everyone who comes later; `fault` names the file."""

    async def run():
        log = opened()
        await log.append((Entry(b"sound"),))
        await log.published(0)
        await log.append((Entry(b"some leaf"),))
        (path,) = segments(tmp_path / "ledger/wal")
        path.write_bytes(path.read_bytes().replace(b"some leaf", b"same leaf"))
        with pytest.raises(Unavailable):
            await log.published(1)
        assert "wal" in log.fault.lower()
        for ask in (log.append((Entry(b"x"),)), log.published(1)):
            with pytest.raises(Unavailable) as caught:
                await ask
            assert caught.value.code == "ledger_down"
        await log.close()

    asyncio.run(run())


def test_several_event_loops_share_one_sequencer(opened):
    """Each caller is woken in its own loop."""
    log = opened(segment_bytes=2**20)

    async def some():
        return [(await log.append((Entry(b"x"),)))[0].index for _ in range(30)]

    found = []
    threads = [threading.Thread(target=lambda: found.extend(asyncio.run(some())), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(120))
    asyncio.run(log.close())


def test_a_forgotten_aside_is_in_no_file(opened, tmp_path):
    """Not in the WAL, not in the vault, whether it was published before or not."""

    async def run():
        log = opened(segment_bytes=2**20)
        await log.append((Entry(b"a", b"published secret"),))
        await log.published(0)
        await log.append((Entry(b"b", b"waiting secret"), Entry(b"c", b"kept aside")))
        await log.forget(0)
        await log.forget(1)
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert not any(b"secret" in data for data in files)
        assert any(b"kept aside" in data for data in files)
        assert [(await log.entry(i)).aside for i in range(3)] == [b"", b"", b"kept aside"]
        await log.close()

    asyncio.run(run())
