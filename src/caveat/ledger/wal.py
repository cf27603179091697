"""The write-ahead log: where entries are durable first, in segments named by their first index.

    segment  := "CAVWAL1\n" u32 seed, u32 crc32(what precedes), batches, zeros to its end
    batch    := "CVb1" u64 first, u64 at_ms, u32 count, u32 body length, u32 crc     header, 32 bytes
                count * (u32 leaf length, u32 aside length, u32 crc, leaf, aside)      body
                "CVe1" u64 first, u32 count, SHA-256(header and body), u32 crc          footer, 52 bytes

All numbers are big-endian.  Every crc (zlib's CRC-32, over what precedes it in its piece, or over leaf and aside) begins
with the segment's random seed, so that no bytes that a caller sends can pass for a batch.

Rules for reading, because only a batch whose write was synced was ever acknowledged, and batches are written one by one:

- a damaged batch with another one behind it was acknowledged: NotVerified, refuse to go on;
- a damaged last batch whose footer is whole was acknowledged too, unless a whole sector of it is zeros: then the power
  went before it was all written;
- a last batch whose records are whole but whose footer is not is kept: nothing is lost, whoever was told what;
- any other damaged end is what a crash leaves of a batch that nobody was told of: dropped.
"""

import mmap
import re
import struct
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final
from zlib import crc32

from msgspec import Struct

from caveat.errors import NotVerified
from caveat.ledger.log import Entry

SEGMENT_HEADER_BYTES: Final = 16
_SEGMENT: Final = struct.Struct(">8sII")
_HEADER: Final = struct.Struct(">4sQQIII")
_RECORD: Final = struct.Struct(">III")
_FOOTER: Final = struct.Struct(">4sQI32sI")
_MAGIC: Final = b"CAVWAL1\n"
_BEGIN: Final = b"CVb1"
_END: Final = b"CVe1"
_SECTOR: Final = 512

Bytes = bytes | mmap.mmap


class Batch(Struct, frozen=True):
    """Entries written and synced as one; the first has the index `first`.  `digest` names the batch's bytes."""

    first: int
    at_ms: int
    entries: tuple[Entry, ...]
    digest: bytes

    @property
    def end(self) -> int:
        """The index behind its last entry."""
        return self.first + len(self.entries)


def segment_name(first: int) -> str:
    """The file name of the segment that begins with an index."""
    return f"{first:020d}.wal"


def segments(directory: Path) -> list[Path]:
    """The segments that are there, in the order of their indices."""
    return sorted(directory.glob("*.wal"))


def encode_segment_header(seed: int) -> bytes:
    """A segment's first 16 bytes.  0 <= seed < 2**32, drawn anew for each."""
    head = _MAGIC + seed.to_bytes(4, "big")
    return head + crc32(head).to_bytes(4, "big")


def encode_batch(seed: int, first: int, at_ms: int, entries: Sequence[Entry]) -> tuple[bytes, bytes]:
    """A batch's bytes, and the digest in its footer."""
    body = b"".join(
        piece
        for entry in entries
        for piece in (
            _RECORD.pack(len(entry.leaf), len(entry.aside), crc32(entry.aside, crc32(entry.leaf, seed))),
            entry.leaf,
            entry.aside,
        )
    )
    start = struct.pack(">4sQQII", _BEGIN, first, at_ms, len(entries), len(body))
    covered = start + crc32(start, seed).to_bytes(4, "big") + body
    digest = sha256(covered).digest()
    end = struct.pack(">4sQI32s", _END, first, len(entries), digest)
    return covered + end + crc32(end, seed).to_bytes(4, "big"), digest


def batch_bytes(entries: Sequence[Entry]) -> int:
    """How many bytes a batch of these takes."""
    return _HEADER.size + _FOOTER.size + sum(_RECORD.size + len(e.leaf) + len(e.aside) for e in entries)


def read_segment(path: Path) -> Iterator[Batch]:
    """The batches of a segment that is not being written to.  Raises NotVerified by the rules above."""
    yield from (batch for batch, _ in read_from(path, 0))


def read_from(path: Path, at: int) -> Iterator[tuple[Batch, int]]:
    """The same from an offset on (0: the first batch), each with the offset behind it."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _batches(path.name, data, at)


def _batches(name: str, data: Bytes, at: int) -> Iterator[tuple[Batch, int]]:
    seed = _seed(name, data)
    if seed is None:
        return
    at = max(at, SEGMENT_HEADER_BYTES)
    while found := _batch(data, at, seed) or _looked_again(name, data, at, seed):
        yield found
        at = found[1]


def _batch(data: Bytes, at: int, seed: int) -> tuple[Batch, int] | None:
    """The batch at an offset and the offset behind it; None where there is none, or not a whole one."""
    header = _header(data, at, seed)
    if header is None:
        return None
    first, at_ms, count, length = header
    body = at + _HEADER.size
    end = body + length
    entries = _entries(data[body:end], count, seed) if end <= len(data) else None
    if entries is None:
        return None
    footer = _footer(data, end, seed)
    digest = sha256(data[at:end]).digest()
    if footer is None and _any_batch(data, end, seed):
        return None
    if footer is not None and footer != (first, count, digest):
        return None
    return Batch(first, at_ms, entries, digest), end + _FOOTER.size


def _looked_again(name: str, data: Bytes, at: int, seed: int) -> tuple[Batch, int] | None:
    """The same where no whole batch was seen, but something stands behind it: one who writes meanwhile ends a batch before
    the next begins.  Raises NotVerified where it is not whole even so."""
    if not _goes_on(data, at, seed):
        return None
    found = _batch(data, at, seed)
    if found is None:
        raise NotVerified(f"`wal/{name}` is damaged at byte {at}: entries that were acknowledged are lost", step="wal")
    return found


def _goes_on(data: Bytes, at: int, seed: int) -> bool:
    """Whether anything behind the last whole batch was acknowledged: another batch, or this one's end without a hole."""
    if _any_batch(data, at + 1, seed):
        return True
    end = _find_footer(data, at, seed)
    return end >= 0 and not _has_hole(data, at, end)


def _seed(name: str, data: Bytes) -> int | None:
    """The segment's seed; None for one whose making was cut short, before anything was written to it."""
    head = data[:SEGMENT_HEADER_BYTES]
    if len(head) == SEGMENT_HEADER_BYTES:
        magic, seed, crc = _SEGMENT.unpack(head)
        if magic == _MAGIC and crc == crc32(head[:-4]):
            return int(seed)
    if any(data[SEGMENT_HEADER_BYTES:].lstrip(b"\0")[:1]):
        raise NotVerified(f"`wal/{name}` is damaged: its header does not hold", step="wal")
    return None


def _header(data: Bytes, at: int, seed: int) -> tuple[int, int, int, int] | None:
    piece = data[at : at + _HEADER.size]
    if len(piece) < _HEADER.size:
        return None
    magic, first, at_ms, count, length, crc = _HEADER.unpack(piece)
    return (first, at_ms, count, length) if magic == _BEGIN and crc == crc32(piece[:-4], seed) else None


def _footer(data: Bytes, at: int, seed: int) -> tuple[int, int, bytes] | None:
    piece = data[at : at + _FOOTER.size]
    if len(piece) < _FOOTER.size:
        return None
    magic, first, count, digest, crc = _FOOTER.unpack(piece)
    return (first, count, digest) if magic == _END and crc == crc32(piece[:-4], seed) else None


def _entries(body: bytes, count: int, seed: int) -> tuple[Entry, ...] | None:
    entries: list[Entry] = []
    at = 0
    while at + _RECORD.size <= len(body):
        leaf_length, aside_length, crc = _RECORD.unpack_from(body, at)
        middle = at + _RECORD.size + leaf_length
        leaf, aside = body[at + _RECORD.size : middle], body[middle : middle + aside_length]
        if crc != crc32(aside, crc32(leaf, seed)):
            return None
        entries.append(Entry(leaf, aside))
        at = middle + aside_length
    return tuple(entries) if at == len(body) and len(entries) == count else None


def _any_batch(data: Bytes, at: int, seed: int) -> bool:
    """Whether a batch begins anywhere from an offset on."""
    return any(_header(data, found, seed) is not None for found in _places(data, _BEGIN, at))


def _find_footer(data: Bytes, at: int, seed: int) -> int:
    """Where the next footer begins from an offset on, -1 where there is none."""
    return next((found for found in _places(data, _END, at) if _footer(data, found, seed) is not None), -1)


def _places(data: Bytes, mark: bytes, at: int) -> Iterator[int]:
    """Where the mark stands, from an offset on.  Not `mmap.find`, which reads behind a mapping that fills its pages and dies
    there before Python 3.11.5 (gh-105235)."""
    return (found.start() for found in re.compile(re.escape(mark)).finditer(data, at))


def _has_hole(data: Bytes, at: int, end: int) -> bool:
    """Whether a whole sector between two offsets was never written."""
    zeros = bytes(_SECTOR)
    first = -(-at // _SECTOR) * _SECTOR
    return any(data[i : i + _SECTOR] == zeros for i in range(first, end - _SECTOR + 1, _SECTOR))
