"""The port's promises, on every store."""

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import Any

import pytest

from caveat.errors import BadInput, StaleFence, Unavailable
from caveat.ledger.channel import Channel
from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.log import Entry, Fence
from caveat.ledger.memory import MemoryLog
from caveat.ledger.receipt import verify_receipt
from caveat.ledger.remote import open_remote
from caveat.ledger.sequencer import Sequencer, open_log
from caveat.ledger.service import Service
from caveat.ledger.tree import Frontier, leaf_hash

STORES: dict[str, Any] = {
    "memory": lambda _path, keys, clock, _settings: MemoryLog(keys, clock),
    "disk": lambda path, keys, _clock, settings: open_log(path / "ledger", path / "vault", keys, settings),
    "remote": lambda path, keys, _clock, settings: open_log(path / "ledger", path / "vault", keys, settings),
}


class AtTheOtherEnd:
    """A ledger on disk through a socket; what only its owner may do is asked of the owner."""

    def __init__(self, owner, remote):
        self._remote = remote
        for name in ("published", "forget", "set_state"):
            setattr(self, name, getattr(owner, name))

    @classmethod
    @asynccontextmanager
    async def of(cls, log):
        ours, (end, theirs) = Channel(), socket.socketpair()
        await ours.open(end)
        Service(log).attach(ours)
        remote = await open_remote(theirs)
        yield cls(log, remote)
        await remote.close()
        ours.close()
        await asyncio.sleep(0)

    def __getattr__(self, name):
        return getattr(self._remote, name)


@pytest.fixture(params=STORES)
def opened(request, tmp_path, keys, clock, settings):
    """`async with opened() as log`: an empty ledger on that store."""

    @asynccontextmanager
    async def open_it():
        log: MemoryLog | Sequencer = STORES[request.param](tmp_path, keys, clock, settings)
        try:
            if request.param == "remote":
                async with AtTheOtherEnd.of(log) as remote:
                    yield remote
            else:
                yield log
        finally:
            await log.close()

    return open_it


def story(opened, tell):
    """Run a test's story on an empty ledger."""

    async def run():
        async with opened() as log:
            await tell(log)

    asyncio.run(run())


def leaf(i):
    return f'{{"n":{i}}}'.encode()


def test_one_order_without_gap(opened):
    """Many callers at once: each index once, each names the bytes that were sent."""

    async def tell(log):
        placed = await asyncio.gather(*(log.append((Entry(leaf(i)),)) for i in range(700)))
        assert sorted(p.index for (p,) in placed) == list(range(700))
        assert log.size == 700
        for i, (p,) in enumerate(placed):
            assert p.leaf_hash == leaf_hash(leaf(i))
            assert (await log.entry(p.index)).leaf == leaf(i)

    story(opened, tell)


def test_entries_of_one_append_stand_together(opened):
    async def tell(log):
        several = [log.append((Entry(leaf(i)), Entry(leaf(i + 1)), Entry(leaf(i + 2)))) for i in range(50)]
        for placed in await asyncio.gather(*several):
            first = placed[0].index
            assert [p.index for p in placed] == [first, first + 1, first + 2]

    story(opened, tell)


def test_the_checkpoint_covers_what_was_published(opened, keys):
    async def tell(log):
        await log.append(tuple(Entry(leaf(i)) for i in range(200)))
        await log.append(tuple(Entry(leaf(i)) for i in range(200, 300)))
        await log.published(299)
        head = open_checkpoint(await log.checkpoint(), keys.verify_keys, "example.com/log")
        frontier = Frontier()
        frontier.add(leaf_hash(leaf(i)) for i in range(300))
        assert (head.size, head.root) == (300, frontier.root())
        assert log.origin == "example.com/log"

    story(opened, tell)


def test_an_empty_ledger_has_a_checkpoint(opened, keys):
    async def tell(log):
        assert open_checkpoint(await log.checkpoint(), keys.verify_keys, log.origin).size == 0

    story(opened, tell)


def test_receipts_prove_every_entry(opened, keys):
    async def tell(log):
        await log.append(tuple(Entry(leaf(i)) for i in range(120)))
        await log.published(119)
        for i in range(0, 120, 17):
            head = verify_receipt(await log.proof(i), leaf_hash(leaf(i)), keys.verify_keys, log.origin)
            assert head.size == 120

    story(opened, tell)


def test_beyond_the_end_is_bad_input(opened):
    async def tell(log):
        await log.append((Entry(b"x"),))
        for index in (-1, 1, 10**12):
            for ask in (log.entry, log.proof, log.forget, log.published):
                with pytest.raises(BadInput):
                    await ask(index)

    story(opened, tell)


@pytest.mark.parametrize(
    "entries",
    [(), (Entry(b""),), (Entry(b"x" * 65_536),), (Entry(b"x", b"y" * (2**20 + 1)),), (Entry(b"x"),) * 257],
    ids=["none", "empty leaf", "large leaf", "large aside", "too many"],
)
def test_entries_that_do_not_fit_are_bad_input(opened, entries):
    async def tell(log):
        with pytest.raises(BadInput):
            await log.append(entries)
        assert log.size == 0

    story(opened, tell)


def test_the_largest_entries_fit(opened):
    async def tell(log):
        entry = Entry(b"x" * 65_535, b"y" * 2**20)
        await log.append((entry,))
        assert await log.entry(0) == entry
        await log.published(0)
        assert await log.entry(0) == entry

    story(opened, tell)


def test_a_stale_fence_writes_nothing(opened):
    async def tell(log):
        log.set_state("terms-1", {})
        await log.append((Entry(b"a"),), Fence(expects="terms-1"))
        await log.append((Entry(b"adopt"),), Fence(expects="terms-1", becomes="terms-2"))
        with pytest.raises(StaleFence):
            await log.append((Entry(b"b"),), Fence(expects="terms-1"))
        await log.append((Entry(b"settled"),))
        await log.append((Entry(b"c"),), Fence(expects="terms-2"))
        assert [(await log.entry(i)).leaf for i in range(log.size)] == [b"a", b"adopt", b"settled", b"c"]

    story(opened, tell)


def test_changes_of_state_are_told_by_index(opened):
    """Whoever folds what is in force reads these alone, and after a refusal the cause is among them."""

    async def tell(log):
        log.set_state("one", {})
        await log.append((Entry(b"call"),), Fence(expects="one"))
        await log.append((Entry(b"change"),), Fence(expects="one", becomes="two"))
        await log.append((Entry(b"call"),), Fence(expects="two"))
        assert log.changes(0) == (1,)
        assert log.changes(2) == ()
        both = (
            log.append((Entry(b"change"),), Fence(becomes="three")),
            log.append((Entry(b"x"),), Fence(expects="two")),
        )
        answers: Any = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(answers[1], StaleFence)
        assert log.changes(2) == (answers[0][0].index,)
        assert log.size == 4

    story(opened, tell)


def test_among_many_at_once_nobody_decides_under_old_terms(opened):
    """One control record among a hundred calls: those at a higher index are refused, all of them."""

    async def tell(log):
        log.set_state("old", {})
        calls = [log.append((Entry(leaf(i)),), Fence(expects="old")) for i in range(100)]
        calls.insert(50, log.append((Entry(b"change"),), Fence(becomes="new")))
        answers: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
        change = answers.pop(50)[0].index
        kept = [a[0].index for a in answers if not isinstance(a, StaleFence)]
        assert all(index < change for index in kept)
        assert len(kept) == change
        assert log.size == change + 1

    story(opened, tell)


def test_uses_of_a_waiver_are_counted_at_the_index(opened):
    """Ten at once for five uses, three of which are left: three get through."""

    async def tell(log):
        log.set_state("s", {"w": 2})
        calls = [log.append((Entry(leaf(i)),), Fence(spends=(("w", 5),))) for i in range(10)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(a, StaleFence) for a in answers) == 7
        assert log.size == 3

    story(opened, tell)


def test_a_refused_fence_spends_nothing(opened):
    async def tell(log):
        log.set_state("s", {})
        with pytest.raises(StaleFence):
            await log.append((Entry(b"x"),), Fence(expects="other", spends=(("w", 1),)))
        with pytest.raises(StaleFence):
            await log.append((Entry(b"x"),), Fence(spends=(("w", 1), ("v", 0))))
        with pytest.raises(StaleFence):
            await log.append((Entry(b"x"),), Fence(spends=(("w", 1), ("w", 1))))
        await log.append((Entry(b"x"),), Fence(spends=(("w", 1),)))

    story(opened, tell)


def test_what_is_added_counts_whatever_the_bound_and_nothing_begins_once_it_is_reached(opened):
    async def tell(log):
        for _ in range(2):
            await log.append((Entry(b"x"),), Fence(under=(("t", 10),), adds=(("t", 7),)))
        assert await log.spent("t") == 14
        with pytest.raises(StaleFence) as stale:
            await log.append((Entry(b"x"),), Fence(spends=(("w", 1),), under=(("t", 14),)))
        assert stale.value.exhausted == "t"
        assert await log.spent("w") == 0
        await log.append((Entry(b"x"),), Fence(adds=(("t", 7),)))
        assert await log.spent("t") == 21

    story(opened, tell)


def test_time_never_goes_back(opened, clock):
    async def tell(log):
        (first,) = await log.append((Entry(b"a"),))
        clock.at_ms -= 60_000
        (second,) = await log.append((Entry(b"b"),))
        clock.at_ms += 120_000
        (third,) = await log.append((Entry(b"c"),))
        assert first.at_ms == second.at_ms == third.at_ms - 60_000

    story(opened, tell)


@pytest.mark.parametrize("publish_first", [True, False])
def test_asides_can_be_destroyed_and_nothing_else_changes(opened, keys, publish_first):
    async def tell(log):
        await log.append(tuple(Entry(leaf(i), b"aside %d" % i) for i in range(5)))
        if publish_first:
            await log.published(4)
        assert (await log.entry(3)).aside == b"aside 3"
        await log.forget(3)
        assert await log.entry(3) == Entry(leaf(3), b"")
        assert await log.entry(4) == Entry(leaf(4), b"aside 4")
        await log.published(4)
        verify_receipt(await log.proof(3), leaf_hash(leaf(3)), keys.verify_keys, log.origin)

    story(opened, tell)


def test_a_caller_that_goes_away_is_recorded_all_the_same(opened):
    """Cancelling the task that waits does not take the record back."""

    async def tell(log):
        task = asyncio.ensure_future(log.append((Entry(b"gone"),)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await log.append((Entry(b"next"),))
        assert [(await log.entry(i)).leaf for i in range(log.size)] == [b"gone", b"next"]

    story(opened, tell)


def test_a_closed_ledger_takes_nothing(opened):
    async def tell(log):
        await log.append((Entry(b"x"),))
        await log.close()
        with pytest.raises(Unavailable):
            await log.append((Entry(b"y"),))
        await log.close()

    story(opened, tell)
