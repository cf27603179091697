"""Reading beside a writer, and reading what nobody has open."""

import asyncio
import threading

import pytest

from caveat.errors import BadInput, NotVerified, Unavailable
from caveat.ledger.checkpoint import new_log_keys
from caveat.ledger.log import Entry
from caveat.ledger.proof import verify_consistency
from caveat.ledger.reader import LedgerReader
from caveat.ledger.receipt import verify_receipt
from caveat.ledger.sequencer import open_log
from caveat.ledger.tree import leaf_hash


def entry(i):
    return Entry(b"leaf %d" % i, b"aside %d" % i if i % 3 else b"")


async def append(log, start, stop):
    for first in range(start, stop, 100):
        await log.append(tuple(entry(i) for i in range(first, min(first + 100, stop))))


@pytest.fixture
def reader(tmp_path, keys):
    return LedgerReader(tmp_path / "ledger", tmp_path / "vault", keys.verify_keys)


@pytest.fixture
def told(tmp_path, keys, settings):
    """Runs a story on a ledger of 600 published entries and 50 that wait."""

    def run(story):
        async def tell():
            log = open_log(tmp_path / "ledger", tmp_path / "vault", keys, settings)
            await append(log, 0, 600)
            await log.published(599)
            await append(log, 600, 650)
            try:
                await story(log)
            finally:
                await log.close()

        asyncio.run(tell())

    return run


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, None), (0, 650), (0, 0), (255, 257), (599, 601), (600, None), (649, 700), (650, None), (900, 950)],
)
def test_entries_of_any_range_with_asides_and_waiting_ones(told, reader, start, stop):
    async def story(_log):
        found = list(reader.entries(start, stop))
        wanted = range(start, 650 if stop is None else min(stop, 650))
        assert found == [(i, entry(i)) for i in wanted]

    told(story)


def test_size_origin_and_single_entries(told, reader):
    async def story(log):
        assert reader.origin == "example.com/log"
        assert reader.head().size == 600
        assert reader.size() == 650
        await append(log, 650, 655)
        assert reader.size() == 655
        assert [reader.entry(i) for i in (0, 599, 600, 654)] == [entry(i) for i in (0, 599, 600, 654)]
        with pytest.raises(BadInput):
            reader.entry(655)

    told(story)


def test_after_the_writer_has_gone(told, reader):
    async def story(_log):
        return

    told(story)
    assert reader.size() == reader.head().size == 650
    assert [index for index, _ in reader.entries()] == list(range(650))


def test_proofs(told, reader, keys):
    async def story(_log):
        for index in (0, 255, 599):
            verify_receipt(reader.proof(index), leaf_hash(entry(index).leaf), keys.verify_keys, "example.com/log")
        tree = reader.tree()
        for old, new in ((256, 600), (1, 600), (257, 300), (512, 512), (600, 600)):
            verify_consistency(old, new, tree.hash_of(0, old), tree.hash_of(0, new), reader.consistency(old, new))
        assert tree.root() == reader.head().root
        with pytest.raises(Unavailable):
            reader.proof(600)
        for old, new in ((0, 600), (5, 4), (1, 601)):
            with pytest.raises(BadInput):
                reader.consistency(old, new)

    told(story)


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/001", "tile/entries/002.p/88"])
def test_rotten_entries_are_not_handed_out(told, reader, tmp_path, path):
    """A flipped bit in an old bundle or tile: reading stops there instead of folding what nobody wrote."""

    async def story(_log):
        file = tmp_path / "ledger" / path
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        with pytest.raises(NotVerified):
            list(reader.entries(0, 600))

    told(story)


def test_a_checkpoint_by_other_keys_is_not_believed(told, tmp_path):
    async def story(_log):
        stranger = LedgerReader(tmp_path / "ledger", None, new_log_keys("example.com/log").verify_keys)
        with pytest.raises(NotVerified):
            stranger.size()

    told(story)


def test_only_published_files_are_served(told, reader):
    async def story(_log):
        assert reader.file("checkpoint") == reader.checkpoint()
        assert len(reader.file("tile/0/000")) == 8192
        assert reader.file("tile/0/009") is None
        for path in (
            "state",
            "lock",
            "tile/../state",
            "tile/0/../../state",
            "/etc/passwd",
            "wal/0",
            "tile/0/000.p/../000",
        ):
            assert reader.file(path) is None

    told(story)


def test_where_there_is_no_ledger(reader):
    with pytest.raises(Unavailable):
        reader.size()
    with pytest.raises(Unavailable):
        _ = reader.origin


def test_reading_while_writing_never_stumbles(tmp_path, keys, settings):
    """Readers walk the whole ledger again and again while a writer appends, publishes and drops segments."""
    reader = LedgerReader(tmp_path / "ledger", tmp_path / "vault", keys.verify_keys)
    sizes, failures, stop = [], [], threading.Event()

    def walk():
        try:
            while not stop.is_set():
                seen = [index for index, found in reader.entries() if found == entry(index)]
                assert seen == list(range(len(seen)))
                assert reader.size() >= len(seen)
                sizes.append(len(seen))
        except Exception as error:
            failures.append(error)
            raise

    async def write():
        log = open_log(tmp_path / "ledger", tmp_path / "vault", keys, settings)
        threads = [threading.Thread(target=walk, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for start in range(0, 3000, 60):
            await append(log, start, start + 60)
            if start % 180 == 0:
                await log.published(start)
        stop.set()
        await log.close()
        for thread in threads:
            await asyncio.to_thread(thread.join)

    asyncio.run(write())
    assert failures == []
    assert len(set(sizes)) > 3
    assert len(list(reader.entries())) == 3000
