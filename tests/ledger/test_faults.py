"""Every call to the system fails once, in turn: nothing that was told is lost, nothing unsound is ever signed."""

import asyncio
import contextlib
import errno
import os

import pytest

from caveat.errors import CaveatError, Unavailable
from caveat.ledger.disk import LedgerSettings
from caveat.ledger.fsck import fsck
from caveat.ledger.log import Entry
from caveat.ledger.reader import LedgerReader
from caveat.ledger.sequencer import open_log

CALLS = ("open", "write", "fsync", "fdatasync", "link", "rename", "unlink", "mkdir", "ftruncate", "posix_fallocate")
SETTINGS = LedgerSettings(interval_ms=3_600_000, segment_bytes=4096, free_floor_bytes=0)


class Faults:
    """Counts the calls named above; lets those in `failing` fail with an error number."""

    def __init__(self, patch, failing, number):
        self.count, self.failing, self.number = 0, failing, number
        for name in CALLS:
            patch.setattr(os, name, self.wrap(getattr(os, name)))

    def wrap(self, real):
        def call(*args, **kwargs):
            self.count += 1
            if self.count in self.failing:
                raise OSError(self.number, os.strerror(self.number))
            return real(*args, **kwargs)

        return call


def leaves(start, stop):
    return tuple(Entry(b"leaf %d" % i * 20, b"aside %d" % i) for i in range(start, stop))


async def story(home, keys):
    """Appends and publications past a full tile; what was told, and whether it all went through."""
    told: dict[int, bytes] = {}
    log = None
    try:
        log = open_log(home / "ledger", home / "vault", keys, SETTINGS)
        for start, stop in ((0, 100), (100, 200), (200, 300), (300, 301)):
            entries = leaves(log.size, log.size + stop - start)
            placed = await log.append(entries)
            told |= {p.index: e.leaf for p, e in zip(placed, entries, strict=True)}
            await log.published(placed[-1].index)
    except Unavailable:
        pass
    finally:
        if log is not None:
            with contextlib.suppress(Unavailable):
                await log.close()
    return told


def run_with(home, keys, failing, number):
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch, failing, number)
        told = asyncio.run(asyncio.wait_for(story(home, keys), 20))
    return told, faults.count


def check(home, keys, told):
    """Start again without faults: sound, and all that was told is there."""

    async def reopen():
        log = open_log(home / "ledger", home / "vault", keys, SETTINGS)
        await log.append((Entry(b"goes on"),))
        await log.close()

    asyncio.run(reopen())
    assert fsck(home / "ledger", keys.verify_keys, home / "vault").findings == ()
    found = dict(LedgerReader(home / "ledger", home / "vault", keys.verify_keys).entries())
    assert {index: found[index].leaf for index in told} == told
    assert all(found[index].aside == b"aside %d" % index for index in told)


def total(tmp_path, keys):
    told, count = run_with(tmp_path / "whole", keys, set(), 0)
    assert len(told) == 301
    return count


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_one_fault_somewhere(tmp_path, keys, number):
    """A sample of the calls; the whole list is in the slow test."""
    count = total(tmp_path, keys)
    assert count > 100
    for at in range(1, count + 1, 17):
        home = tmp_path / str(at)
        told, _ = run_with(home, keys, {at}, number)
        check(home, keys, told)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_one_fault_anywhere_and_another_soon_after(tmp_path, keys, number, slow_rounds):
    """Each call in turn, alone, and followed by a second fault: errors while an error is dealt with."""
    count = total(tmp_path, keys)
    for at in range(1, count + 1, slow_rounds(12, 1)):
        for second in (0, 1, 2, 5):
            home = tmp_path / f"{at}-{second}"
            told, _ = run_with(home, keys, {at, at + second}, number)
            check(home, keys, told)


def test_the_error_that_a_caller_meets_is_always_one_of_ours(tmp_path, keys):
    """An error in making the ledger comes out as Unavailable, whatever the system said."""
    for at in range(1, 15):
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch, {at}, errno.EACCES)
            try:
                log = open_log(tmp_path / str(at) / "ledger", tmp_path / str(at) / "vault", keys, SETTINGS)
            except CaveatError as error:
                assert isinstance(error, Unavailable)
                continue
        asyncio.run(log.close())
