"""Our log read by a tool that nobody here wrote: tlog-scales (Florian Larysch, PyPI), on the files alone."""

import asyncio
import subprocess
import sys

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash as foreign_leaf_hash
from tlog_scales.tlog import Checkpoint

from caveat.ledger.checkpoint import open_checkpoint
from caveat.ledger.disk import LedgerSettings
from caveat.ledger.log import Entry
from caveat.ledger.sequencer import open_log

SIZES = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000]


def leaf(i):
    return b"entry %d" % i


async def grow_to(log, size):
    while log.size < size:
        await log.append(tuple(Entry(leaf(i)) for i in range(log.size, min(log.size + 256, size))))
    if size:
        await log.published(size - 1)


def gen_proof(directory, index):
    command = [sys.executable, "-m", "tlog_scales.cli", "gen-proof", str(directory), str(index)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def look(directory, keys, size):
    """The foreign reader's view of the log: signatures, root, entries and inclusion at the corners; the reader."""
    reader = TilesReader(LocalBackend(directory))
    checkpoint = reader.get_checkpoint()
    for key in keys.verify_keys:
        checkpoint.verify(Vkey.from_string(key.text))
    assert (checkpoint.origin, checkpoint.size) == ("example.com/log", size)
    assert reader.calculate_root_hash() == checkpoint.root_hash
    for index in sorted({i for i in (0, 1, 254, 255, 256, 65_535, 65_536, size // 2, size - 1) if 0 <= i < size}):
        assert reader.get_entry(index) == leaf(index)
        proof = reader.get_inclusion_proof(index, size)
        proof.check(foreign_leaf_hash(leaf(index)), checkpoint.root_hash)
    return reader, checkpoint


@pytest.mark.timeout(300)
def test_tlog_scales_reads_our_log_as_it_grows(tmp_path, keys):
    """At every size where the layout turns a corner; every pair of sizes but the empty one is consistent; receipts are the same bytes."""
    directory = tmp_path / "ledger"
    settings = LedgerSettings(interval_ms=3_600_000, free_floor_bytes=0)

    async def run():
        log = open_log(directory, tmp_path / "vault", keys, settings)
        heads: list[Checkpoint] = []
        for size in SIZES:
            await grow_to(log, size)
            reader, checkpoint = look(directory, keys, size)
            for old in heads[1:]:
                reader.get_consistency_proof(old.size, size).check(old.root_hash, checkpoint.root_hash)
            heads.append(checkpoint)
            for index in {0, size - 1} if size in (1, 257, 70_000) else ():
                assert await log.proof(index) == gen_proof(directory, index)
        await log.close()
        return heads

    heads = asyncio.run(run())
    ours = open_checkpoint((directory / "checkpoint").read_bytes(), keys.verify_keys, "example.com/log")
    assert (ours.size, ours.root) == (70_000, heads[-1].root_hash)


def test_the_foreign_command_line_checks_a_leaf(tmp_path, keys):
    """`tlog-tiles get-leaf -c` prints the entry after checking that it is included."""

    async def run():
        log = open_log(tmp_path / "ledger", tmp_path / "vault", keys, LedgerSettings(free_floor_bytes=0))
        await grow_to(log, 300)
        await log.close()

    asyncio.run(run())
    command = [sys.executable, "-m", "tlog_scales.cli", "get-leaf", "-c", str(tmp_path / "ledger"), "298"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == leaf(298)
