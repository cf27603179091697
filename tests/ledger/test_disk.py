"""The store on files: start-up after whatever happened, and refusal of whatever does not fit."""

import asyncio
import errno
import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from caveat.errors import CaveatError, NotVerified, Unavailable
from caveat.ledger.checkpoint import new_log_keys, open_checkpoint
from caveat.ledger.disk import Disk, LedgerSettings
from caveat.ledger.files import NoRoom, SyncFailed
from caveat.ledger.fsck import fsck
from caveat.ledger.log import Entry
from caveat.ledger.sequencer import open_log
from caveat.ledger.wal import segments


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def open_disk(home, keys, settings):
    """Opens the ledger in `home`; closes at the end what a test left open."""
    disks = []

    def open_it(**changes):
        chosen = LedgerSettings(**{f: changes.get(f, getattr(settings, f)) for f in settings.__struct_fields__})
        disks.append(Disk(home / "ledger", home / "vault", keys, chosen))
        return disks[-1]

    yield open_it
    for disk in disks:
        abandon(disk)


def abandon(disk):
    """What a kill leaves: the descriptors go, nothing is tidied."""
    disk._wal.turn()
    try:
        os.close(disk._lock)
    except OSError:
        return


def commit(disk, *leaves, at_ms=5):
    entries = [Entry(leaf, b"aside of " + leaf) for leaf in leaves]
    disk.make_room(entries)
    return disk.commit(entries, at_ms)


def leaves(start, stop):
    return [b"leaf %d" % i for i in range(start, stop)]


def check(home, keys, size, waiting=0):
    report = fsck(home / "ledger", keys.verify_keys, home / "vault")
    assert (report.findings, report.published, report.waiting) == ((), size, waiting)


def test_what_was_committed_is_there_after_a_kill(open_disk, home, keys):
    disk = open_disk()
    commit(disk, *leaves(0, 300))
    disk.publish()
    commit(disk, *leaves(300, 310), at_ms=77)
    check(home, keys, 300, waiting=10)
    abandon(disk)
    again = open_disk()
    assert (again.size, again.state.head.size, again.at_ms) == (310, 310, 77)
    check(home, keys, 310)
    assert segments(home / "ledger/wal") == []


def test_a_kill_at_every_step_of_publishing_is_recovered(open_disk, home, keys, tmp_path):
    """The directory as it is after each change of a publication, taken up by a new writer: nothing lost, fsck clean."""
    disk = open_disk()
    commit(disk, *leaves(0, 200))
    disk.publish()
    commit(disk, *leaves(200, 600))
    shots = tmp_path / "shots"
    real = os.rename, os.link, os.unlink
    count = 0

    def shoot(function):
        def act(*args, **kwargs):
            nonlocal count
            shutil.copytree(home, shots / str(count))
            count += 1
            return function(*args, **kwargs)

        return act

    with pytest.MonkeyPatch.context() as patch:
        for name, function in zip(("rename", "link", "unlink"), real, strict=True):
            patch.setattr(os, name, shoot(function))
        disk.publish()
    assert count > 15
    for shot in sorted(shots.iterdir()):
        again = Disk(shot / "ledger", shot / "vault", keys, LedgerSettings(free_floor_bytes=0))
        assert again.size == 600
        again.close()
        check(shot, keys, 600)


def test_a_batch_that_was_cut_off_is_dropped(open_disk, home, keys):
    disk = open_disk()
    commit(disk, b"told")
    commit(disk, b"never told")
    path = segments(home / "ledger/wal")[0]
    data = bytearray(path.read_bytes())
    at = data.index(b"never told")
    data[at:] = bytes(len(data) - at)
    path.write_bytes(data)
    abandon(disk)
    assert open_disk().size == 1
    check(home, keys, 1)


def test_two_writers_one_is_refused(open_disk):
    open_disk()
    with pytest.raises(Unavailable) as caught:
        open_disk()
    assert caught.value.code == "ledger_in_use"


def test_the_lock_goes_with_its_writer(open_disk):
    open_disk().close()
    open_disk()


def test_another_logs_keys_do_not_open_it(open_disk, home, settings):
    open_disk().close()
    for name in ("example.com/log", "example.com/other"):
        with pytest.raises(NotVerified):
            Disk(home / "ledger", home / "vault", new_log_keys(name), settings)


def filled(open_disk, home):
    """A ledger of 300 published entries and 3 that wait, its writer killed."""
    disk = open_disk()
    commit(disk, *leaves(0, 300))
    disk.publish()
    commit(disk, *leaves(300, 303))
    abandon(disk)
    return home / "ledger"


@pytest.mark.parametrize(
    "path",
    ["state", "checkpoint", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44", "wal"],
)
def test_a_flipped_bit_stops_the_start(open_disk, home, path):
    """In every file that the next signature would stand on, at many places: nothing is signed."""
    ledger = filled(open_disk, home)
    file = segments(ledger / "wal")[0] if path == "wal" else ledger / path
    good = file.read_bytes()
    used = len(good.rstrip(b"\0")) - (53 if path == "wal" else 0)
    for at in range(0, used, max(1, used // 60)):
        bad = bytearray(good)
        bad[at] ^= 1 << (at % 8)
        file.write_bytes(bad)
        before = (ledger / "checkpoint").read_bytes()
        with pytest.raises(NotVerified):
            open_disk()
        assert (ledger / "checkpoint").read_bytes() == before
    file.write_bytes(good)
    assert open_disk().size == 303


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_a_missing_file_stops_the_start(open_disk, home, path):
    ledger = filled(open_disk, home)
    (ledger / path).unlink()
    with pytest.raises(NotVerified):
        open_disk()


def test_a_lost_state_is_not_begun_anew(open_disk, home):
    ledger = filled(open_disk, home)
    (ledger / "state").unlink()
    with pytest.raises(NotVerified):
        open_disk()


def test_a_lost_wal_with_acknowledged_entries_between_is_noticed(open_disk, home, keys):
    """A segment taken out of the middle: the next one does not go on where it should."""
    disk = open_disk()
    for i in range(12):
        commit(disk, b"%d" % i * 900)
    abandon(disk)
    found = segments(home / "ledger/wal")
    assert len(found) > 2
    found[1].unlink()
    with pytest.raises(NotVerified):
        open_disk()
    assert not fsck(home / "ledger", keys.verify_keys).clean


@pytest.mark.parametrize("what", ["WAL", "bundle", "tile", "state"])
def test_a_bit_that_flips_while_running_is_never_signed(open_disk, home, what):
    """Between commit and publication: the bytes read back differ, the checkpoint stays, the store gives up."""
    disk = open_disk()
    commit(disk, *leaves(0, 300))
    disk.publish()
    commit(disk, b"new")
    ledger = home / "ledger"
    file = {
        "WAL": segments(ledger / "wal")[-1],
        "bundle": ledger / "tile/entries/001.p/44",
        "tile": ledger / "tile/0/001.p/44",
        "state": ledger / "state",
    }[what]
    data = bytearray(file.read_bytes())
    at = data.index(b"new") if what == "WAL" else len(data) // 2
    data[at] ^= 4
    file.write_bytes(data)
    before = (ledger / "checkpoint").read_bytes()
    with pytest.raises(NotVerified):
        disk.publish()
    assert (ledger / "checkpoint").read_bytes() == before


def test_other_bytes_at_an_index_already_told_are_never_signed(open_disk, home, keys):
    """The WAL replaced whole by one that is well-formed: its digest is not the one that was written."""
    disk = open_disk()
    commit(disk, b"told as this")
    other = Disk(home / "other", home / "other vault", keys, LedgerSettings(free_floor_bytes=0))
    commit(other, b"now that one")
    (path,) = segments(home / "ledger/wal")
    path.write_bytes(segments(home / "other/wal")[0].read_bytes())
    other.close()
    with pytest.raises(NotVerified):
        disk.publish()


def test_an_older_copy_of_the_state_is_noticed(open_disk, home):
    """Rolled back under a newer checkpoint: no second history is begun."""
    disk = open_disk()
    commit(disk, b"a")
    disk.publish()
    old = (home / "ledger/state").read_bytes()
    commit(disk, b"b")
    disk.publish()
    disk.close()
    (home / "ledger/state").write_bytes(old)
    with pytest.raises(NotVerified):
        open_disk()


def test_a_missing_checkpoint_is_signed_again_from_the_state(open_disk, home, keys):
    disk = open_disk()
    commit(disk, b"a")
    disk.publish()
    disk.close()
    (home / "ledger/checkpoint").unlink()
    again = open_disk()
    assert open_checkpoint(again.checkpoint, keys.verify_keys, "example.com/log").size == 1


@pytest.mark.parametrize("call", ["fsync", "fdatasync"])
def test_a_failed_sync_is_final(home, keys, settings, call):
    """The first error stops the ledger for good; it does not try again, and the next start finds what is there."""

    async def run():
        log = open_log(home / "ledger", home / "vault", keys, settings)
        await log.append((Entry(b"before"),))
        await log.published(0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, call, failing_once := Failing(getattr(os, call)))
            with pytest.raises(Unavailable):
                await log.append((Entry(b"x"),))
                await log.published(1)
            with pytest.raises(Unavailable):
                await log.append((Entry(b"y"),))
            assert failing_once.count >= 1
        assert "durable" in log.fault
        with pytest.raises(Unavailable):
            await log.append((Entry(b"z"),))
        await log.close()
        again = open_log(home / "ledger", home / "vault", keys, settings)
        assert again.size in (1, 2)
        await again.close()

    asyncio.run(run())


class Failing:
    """A system call that fails with EIO once, then works: a retry would wrongly succeed."""

    def __init__(self, real):
        self.real, self.count = real, 0

    def __call__(self, descriptor):
        self.count += 1
        if self.count == 1:
            raise OSError(errno.EIO, "Input/output error")
        return self.real(descriptor)


def test_below_the_floor_nothing_is_admitted(open_disk):
    disk = open_disk(free_floor_bytes=2**62)
    with pytest.raises(NoRoom):
        commit(disk, b"x")
    assert disk.size == 0


@pytest.fixture
def small(tmp_path):
    """A file system of 1 MiB, where the right to mount one is given."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system; other tests limit the size of files instead")
    yield directory
    subprocess.run(["umount", directory], check=True)


def test_a_full_disk_refuses_and_recovers(small, keys, clock):
    """Fill it: appends become Unavailable; all that was told can still be published; with room, it goes on."""
    settings = LedgerSettings(clock_ms=clock, interval_ms=3_600_000, segment_bytes=65_536, free_floor_bytes=200_000)
    ballast = small / "ballast"
    ballast.write_bytes(bytes(150_000))

    async def run():
        log = open_log(small / "ledger", small / "vault", keys, settings)
        told = 0
        with pytest.raises(Unavailable) as caught:
            for i in range(2000):
                await log.append((Entry(b"%06d" % i * 100, b"aside"),))
                told += 1
        assert caught.value.code == "disk_full"
        assert log.fault == ""
        assert 100 < told < 1000
        await log.published(told - 1)
        ballast.unlink()
        assert (await log.append((Entry(b"room again"),)))[0].index == told
        await log.close()
        check(small, keys, told + 1)
        again = open_log(small / "ledger", small / "vault", keys, settings)
        assert (await again.entry(told - 1)).leaf == b"%06d" % (told - 1) * 100
        await again.close()

    asyncio.run(run())


def test_files_that_may_not_grow_refuse(home, keys, clock):
    """A limit on the size of files: the WAL segment cannot be made, so nothing is taken, and nothing breaks."""
    settings = LedgerSettings(clock_ms=clock, interval_ms=3_600_000, segment_bytes=2**20, free_floor_bytes=0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def run():
        log = open_log(home / "ledger", home / "vault", keys, settings)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, limits[1]))
        try:
            with pytest.raises(NoRoom):
                await log.append((Entry(b"x"),))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await log.append((Entry(b"x"),))
        await log.close()

    asyncio.run(run())
    check(home, keys, 1)


def test_publishing_that_finds_no_room_is_tried_again(open_disk, home, keys):
    """No space while tiles are written: NoRoom, the same entries go in later, the tree is as if nothing had been."""
    disk = open_disk()
    commit(disk, *leaves(0, 300))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        for _ in range(3):
            with pytest.raises(NoRoom):
                disk.publish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert disk.publish()
    check(home, keys, 300)


def test_partial_tiles_go_once_full_ones_are_published(open_disk, home):
    disk = open_disk()
    for start, stop in ((0, 100), (100, 256), (256, 300)):
        commit(disk, *leaves(start, stop))
        disk.publish()
    files = {p.relative_to(home / "ledger").as_posix() for p in (home / "ledger/tile").rglob("*") if p.is_file()}
    assert files == {
        "tile/0/000",
        "tile/entries/000",
        "tile/0/001.p/44",
        "tile/entries/001.p/44",
        "tile/1/000.p/1",
    }


def test_a_half_made_home_is_finished(open_disk, home, keys):
    """Interrupted while it was made, at any point: the next start makes it."""
    (home / "ledger/wal").mkdir(parents=True)
    (home / "ledger/tmp").mkdir()
    (home / "ledger/tmp/unfinished").write_bytes(b"half a state")
    open_disk().close()
    check(home, keys, 0)
    (home / "ledger/checkpoint").unlink()
    open_disk().close()
    check(home, keys, 0)


def test_errors_of_the_system_are_translated(tmp_path, keys, settings):
    (tmp_path / "ledger").write_bytes(b"a file in the way")
    with pytest.raises(Unavailable):
        Disk(Path(tmp_path / "ledger"), tmp_path / "vault", keys, settings)
    assert issubclass(SyncFailed, CaveatError)
