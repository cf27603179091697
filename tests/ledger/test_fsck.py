"""fsck: every damage is found and named, and none makes it fall over."""

import asyncio
import random
import shutil

import pytest

from caveat.ledger.fsck import fsck
from caveat.ledger.log import Entry
from caveat.ledger.sequencer import open_log
from caveat.ledger.wal import segments


@pytest.fixture(scope="module")
def sound(tmp_path_factory, keys):
    """A ledger of 700 entries in several checkpoints."""
    home = tmp_path_factory.mktemp("sound")

    async def make():
        log = open_log(home / "ledger", home / "vault", keys)
        for start in range(0, 700, 70):
            await log.append(tuple(Entry(b"entry %d" % i, b"aside %d" % i) for i in range(start, start + 70)))
            await log.published(start)
        await log.close()

    asyncio.run(make())
    return home


@pytest.fixture
def home(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "home")


def check(home, keys):
    return fsck(home / "ledger", keys.verify_keys, home / "vault")


def test_a_sound_ledger_is_clean(home, keys):
    report = check(home, keys)
    assert report.clean
    assert (report.origin, report.published, report.waiting) == ("example.com/log", 700, 0)


FILES = [
    "checkpoint",
    "state",
    "tile/0/000",
    "tile/0/001",
    "tile/0/002.p/188",
    "tile/1/000.p/2",
    "tile/entries/000",
    "tile/entries/001",
    "tile/entries/002.p/188",
    "tile/entries/002.p/118",
]


@pytest.mark.parametrize("path", FILES)
def test_every_flipped_bit_is_found(home, keys, path):
    file = home / "ledger" / path
    good = file.read_bytes()
    for at in range(0, len(good), max(1, len(good) // 12)):
        file.write_bytes(good[:at] + bytes([good[at] ^ 16]) + good[at + 1 :])
        findings = check(home, keys).findings
        assert any(finding.path.split("/")[0] == path.split("/")[0] for finding in findings), at


@pytest.mark.parametrize("path", FILES[:-1])
def test_every_missing_file_is_found(home, keys, path):
    (home / "ledger" / path).unlink()
    assert not check(home, keys).clean


def test_a_changed_entry_is_named_by_its_index(home, keys):
    file = home / "ledger/tile/entries/001"
    file.write_bytes(file.read_bytes().replace(b"entry 300", b"entry 3O0"))
    (finding,) = check(home, keys).findings
    assert (finding.path, finding.index) == ("tile/entries/001", 300)


def test_strangers_are_named(home, keys):
    (home / "ledger/tile/0/notes.txt").write_text("hello")
    (finding,) = check(home, keys).findings
    assert finding.path == "tile/0/notes.txt"


def test_a_damaged_vault_is_named(home, keys):
    (home / "vault/001").write_bytes(b"\0\0\0\x09")
    (finding,) = check(home, keys).findings
    assert finding.path == "vault/001"


def test_forgotten_asides_are_no_damage(home, keys):
    async def forget():
        log = open_log(home / "ledger", home / "vault", keys)
        await log.forget(300)
        await log.close()

    asyncio.run(forget())
    assert check(home, keys).clean


def test_nothing_at_all_is_reported_not_raised(tmp_path, keys):
    report = fsck(tmp_path / "nowhere", keys.verify_keys, tmp_path / "vault")
    assert {finding.path for finding in report.findings} == {"state", "checkpoint"}


def test_rotten_bytes_everywhere_never_raise(home, keys):
    """Each file in turn full of noise, cut short, or a directory of the same name."""
    rng = random.Random(7)
    files = [p for p in home.rglob("*") if p.is_file() and p.name != "lock"]
    for file in files:
        good = file.read_bytes()
        for bad in (rng.randbytes(len(good)), good[: len(good) // 2], b""):
            file.write_bytes(bad)
            check(home, keys)
        file.unlink()
        file.mkdir()
        check(home, keys)
        file.rmdir()
        file.write_bytes(good)
    assert check(home, keys).clean


def test_a_waiting_tail_is_counted_and_checked(home, keys):
    """Entries that are durable but not published, read from a copy of a running ledger."""
    copy = home.parent / "copy"

    async def run():
        log = open_log(home / "ledger", home / "vault", keys)
        await log.published(0)
        await log.append((Entry(b"a"),))
        await log.append((Entry(b"b"),))
        shutil.copytree(home, copy)
        await log.close()

    asyncio.run(run())
    report = check(copy, keys)
    assert report.clean
    assert report.published + report.waiting == 702
    for path in segments(copy / "ledger/wal"):
        data = bytearray(path.read_bytes())
        data[30] ^= 1
        path.write_bytes(data)
    assert [finding.path[:4] for finding in check(copy, keys).findings] == ["wal/"]
