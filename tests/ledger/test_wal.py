"""The WAL: what a crash cuts off is dropped, what rots is refused, and nothing acknowledged is ever lost in silence."""

import mmap
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import NotVerified
from caveat.ledger.log import Entry
from caveat.ledger.wal import encode_batch, encode_segment_header, read_from, read_segment, segment_name

SEED = 0x5EED
BATCHES = [
    [Entry(b"a" * 30, b"aside"), Entry(b"b")],
    [Entry(b"c" * 700)],
    [Entry(b"d", b"D" * 900), Entry(b"e" * 300), Entry(b"f")],
]


def segment(batches, room=8192):
    """A segment's bytes, and the offset behind each batch."""
    data, ends, first = encode_segment_header(SEED), [], 0
    for entries in batches:
        data += encode_batch(SEED, first, 1000 + first, entries)[0]
        first += len(entries)
        ends.append(len(data))
    return data.ljust(room, b"\0"), ends


def read(tmp_path, data):
    path = tmp_path / segment_name(0)
    path.write_bytes(data)
    return [list(batch.entries) for batch in read_segment(path)]


WHOLE, ENDS = segment(BATCHES)


def test_batches_survive(tmp_path):
    assert read(tmp_path, WHOLE) == BATCHES
    assert read(tmp_path, WHOLE[: ENDS[-1]]) == BATCHES
    assert [b.at_ms for b in read_segment(tmp_path / segment_name(0))] == [1000, 1002, 1003]


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_segment_may_fill_its_pages(tmp_path, pages):
    """Of which the last batch is followed by nothing, or by too little for another."""
    for room in range(40):
        space = pages * mmap.PAGESIZE - room - segment([[Entry(b"")]], 0)[1][-1]
        data, ends = segment([[Entry(b"x" * space)]], pages * mmap.PAGESIZE)
        assert (len(data), ends[-1]) == (pages * mmap.PAGESIZE, len(data) - room)
        assert len(read(tmp_path, data)) == 1


@given(
    st.lists(st.lists(st.builds(Entry, st.binary(min_size=1, max_size=90), st.binary(max_size=90)), min_size=1)),
    st.integers(0, 600),
)
def test_any_batches_survive(tmp_path_factory, batches, room):
    data, _ = segment(batches, 0)
    assert read(tmp_path_factory.mktemp("wal"), data + bytes(room)) == batches


@pytest.mark.parametrize("filled", [b"", b"\0"])
def test_a_write_cut_off_anywhere_loses_only_what_nobody_was_told(tmp_path, filled):
    """Cut at every byte, with and without zeros behind it."""
    for cut in range(16, ENDS[-1]):
        kept = read(tmp_path, WHOLE[:cut] + filled * (len(WHOLE) - cut))
        whole = sum(end <= cut for end in ENDS)
        assert kept in (BATCHES[:whole], BATCHES[: whole + 1])
        assert kept == BATCHES[:whole] or cut >= ENDS[whole] - 52, "only a cut footer may leave its batch readable"


def test_a_sector_that_was_not_written_before_the_power_went_is_a_cut_off_write(tmp_path):
    """The last batch's footer reached the disk before its middle: nobody was told."""
    first = -(-ENDS[1] // 512) * 512
    data = WHOLE[:first] + bytes(512) + WHOLE[first + 512 :]
    assert first + 512 < ENDS[2] - 52
    assert read(tmp_path, data) == BATCHES[:2]


def test_the_same_in_an_earlier_batch_is_damage(tmp_path):
    data, _ = segment([[Entry(b"x" * 3000)], [Entry(b"y")]])
    with pytest.raises(NotVerified):
        read(tmp_path, data[:1024] + bytes(512) + data[1536:])


def test_no_flipped_bit_loses_an_acknowledged_entry_in_silence(tmp_path):
    """Each byte of the segment in turn: either reading refuses, or every entry is still there."""
    rng = random.Random(2)
    for at in range(ENDS[-1]):
        bad = bytearray(WHOLE)
        bad[at] ^= 1 << rng.randrange(8)
        try:
            assert read(tmp_path, bytes(bad)) == BATCHES
        except NotVerified:
            continue
        assert at >= ENDS[-1] - 52 or at < 16, "only the last footer, which covers nothing else, may be mended"


def test_a_segment_whose_making_was_cut_short_is_empty(tmp_path):
    for data in (b"", bytes(8192), WHOLE[:9] + bytes(8000)):
        assert read(tmp_path, data) == []


def test_a_rotten_segment_header_is_damage(tmp_path):
    with pytest.raises(NotVerified):
        read(tmp_path, b"X" + WHOLE[1:])


def test_bytes_that_a_caller_sends_cannot_pass_for_a_batch(tmp_path):
    """A whole batch inside an aside, made without the segment's seed, does not make a cut-off write look like damage."""
    fake = encode_batch(SEED + 1, 9, 9, [Entry(b"fake")])[0]
    data, ends = segment([[Entry(b"a")], [Entry(b"b", fake * 3)]])
    for cut in range(ends[0], ends[1] - 52):
        assert read(tmp_path, data[:cut]) == [[Entry(b"a")]]
    true = encode_batch(SEED, 9, 9, [Entry(b"true")])[0]
    data, ends = segment([[Entry(b"a")], [Entry(b"b", true)]])
    with pytest.raises(NotVerified):
        read(tmp_path, data[: ends[1] - 53])


WRITER = """
import os, sys
from pathlib import Path
from caveat.ledger.log import Entry
from caveat.ledger.wal import encode_batch, encode_segment_header
file = os.open(sys.argv[1], os.O_RDWR)
at = os.pwrite(file, encode_segment_header(7), 0)
for first in range(int(sys.argv[2])):
    at += os.pwrite(file, encode_batch(7, first, 1, [Entry(b"x" * (first * 37 % 5000))])[0], at)
"""


def test_who_reads_while_another_writes_sees_no_damage(tmp_path):
    """A batch that is written between two looks of a reader is no lost one."""
    path, many = tmp_path / segment_name(0), 6000
    path.write_bytes(bytes(many * 3200))
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(many)]) as writer:
        seen, at, ended = 0, 0, False
        while not ended:
            ended = writer.poll() is not None
            for batch, behind in read_from(path, at):
                assert batch.first == seen
                seen, at = seen + 1, behind
    assert seen == many
