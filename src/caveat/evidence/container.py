"""The zip around a bundle: exactly one way to write it, and a reader that takes nothing else.

Rules of this file: members are stored, not compressed, so nothing can grow on reading; names ascend, so none comes
twice; dates, modes and every other field of the zip have one value each.  The reader works out what each header must be
and compares bytes: there is no field left for a message, a path trick, a link or an overlap, and each changed byte of the
container shows.  Other tools (unzip, Python's zipfile) read it like any zip (PKWARE APPNOTE 6.3.10, sections 4.3.7,
4.3.12, 4.3.16), without the 64-bit extension: at most 65,534 members and 4 GiB, larger ranges go into several bundles.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from msgspec import Struct

from caveat.errors import BadInput, NotVerified

MAX_MEMBERS: Final = 0xFFFE
MAX_OFFSET: Final = 0xFFFF_FFFE
MAX_NAME: Final = 120
_PIECE: Final = 1 << 16

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_NEEDS: Final = 20
_MADE_BY: Final = 3 << 8 | _NEEDS
_DATE: Final = 0x0021
"""1980-01-01, the first day that a zip knows; its time is 0."""
_MODE: Final = 0o100644 << 16

_NAME: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*")


class Member(Struct, frozen=True):
    """One file in the zip: where its local header begins and what its content must be."""

    name: str
    offset: int
    size: int
    crc: int

    @property
    def end(self) -> int:
        """Where the next member begins."""
        return self.offset + _LOCAL.size + len(self.name) + self.size

    def local(self) -> bytes:
        """The header before its content."""
        name = self.name.encode("ascii")
        fields = (_NEEDS, 0, 0, 0, _DATE, self.crc, self.size, self.size, len(name), 0)
        return _LOCAL.pack(b"PK\x03\x04", *fields) + name

    def central(self) -> bytes:
        """Its line in the directory at the end."""
        name = self.name.encode("ascii")
        sizes = (self.crc, self.size, self.size, len(name), 0, 0)
        fields = (_MADE_BY, _NEEDS, 0, 0, 0, _DATE, *sizes, 0, 0, _MODE, self.offset)
        return _CENTRAL.pack(b"PK\x01\x02", *fields) + name


def _ending(count: int, size: int, offset: int) -> bytes:
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)


class Writer:
    """Writes a bundle to a binary file that can seek, member by member in ascending order of names."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._start = out.tell()
        self._members: list[Member] = []

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """One member, streamed.  Raises BadInput where the bundle would grow over what a plain zip can hold."""
        if not _NAME.fullmatch(name) or len(name) > MAX_NAME or (self._members and self._members[-1].name >= name):
            raise ValueError(name)
        offset = self._members[-1].end if self._members else 0
        self._out.write(Member(name, offset, 0, 0).local())
        size = crc = 0
        for piece in pieces:
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if offset + size > MAX_OFFSET - (1 << 24):
                raise _too_large()
            self._out.write(piece)
        member = Member(name, offset, size, crc)
        self._out.seek(self._start + offset)
        self._out.write(member.local())
        self._out.seek(self._start + member.end)
        self._members.append(member)
        if len(self._members) > MAX_MEMBERS:
            raise _too_large()

    def close(self) -> None:
        """Write the directory.  The file itself stays open: it is its opener's."""
        directory = b"".join(member.central() for member in self._members)
        offset = self._members[-1].end if self._members else 0
        self._out.write(directory + _ending(len(self._members), len(directory), offset))


def _too_large() -> BadInput:
    return BadInput(
        "the range does not fit into one bundle of 65,534 files and 4 GiB",
        hint="export it in several bundles: each names the checkpoint of the one before",
    )


class Archive:
    """Reads a bundle from a binary file that can seek.  Raises NotVerified for anything that Writer would not write."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members = {member.name: member for member in _directory(file)}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    @property
    def names(self) -> frozenset[str]:
        """All members' names."""
        return frozenset(self._members)

    def read(self, name: str, limit: int) -> bytes:
        """A member's whole content, of at most `limit` bytes."""
        if self._member(name).size > limit:
            raise _refused(f"`{name}` has more than {limit} bytes")
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member's content piece by piece; its checksum is known to hold only once the last piece was taken."""
        member = self._member(name)
        header = member.local()
        self._file.seek(member.offset)
        if self._file.read(len(header)) != header:
            raise _refused(f"the header of `{name}` is not what it must be")
        at, left, crc = member.offset + len(header), member.size, 0
        while left:
            self._file.seek(at)
            piece = self._file.read(min(left, _PIECE))
            if not piece:
                raise _refused("the file ends too soon")
            at, left, crc = at + len(piece), left - len(piece), zlib.crc32(piece, crc)
            yield piece
        if crc != member.crc:
            raise _refused(f"the checksum of `{name}` does not hold")

    def read_at(self, name: str, at: int, size: int) -> bytes:
        """`size` bytes of a member from `at` on; its checksum is not looked at."""
        member = self._member(name)
        if not 0 <= at <= at + size <= member.size:
            raise _refused(f"`{name}` is shorter than {at + size} bytes")
        self._file.seek(member.offset + len(member.local()) + at)
        data = self._file.read(size)
        if len(data) != size:
            raise _refused("the file ends too soon")
        return data

    def lines(self, name: str, limit: int) -> Iterator[bytes]:
        """A member's lines without their newlines, each of at most `limit` bytes; the last must end with one too."""
        rest = b""
        for piece in self.pieces(name):
            *whole, rest = (rest + piece).split(b"\n")
            if max(map(len, whole), default=0) > limit or len(rest) > limit:
                raise _refused(f"`{name}` has a line of more than {limit} bytes")
            yield from whole
        if rest:
            raise _refused(f"the last line of `{name}` has no end")

    def _member(self, name: str) -> Member:
        if name not in self._members:
            raise _refused(f"`{name}` is missing")
        return self._members[name]


def _directory(file: BinaryIO) -> Iterator[Member]:
    """The members in order.  Each line of the directory must be the very bytes that we would have written."""
    total = file.seek(0, 2)
    if total < _END.size:
        raise _refused("it is too short to be a zip")
    file.seek(total - _END.size)
    signature, _, _, _, count, size, start, _ = _END.unpack(file.read(_END.size))
    if signature != b"PK\x05\x06" or start + size + _END.size != total:
        raise _refused("it does not end as a zip must, or was cut off")
    if count > MAX_MEMBERS or size > count * (_CENTRAL.size + MAX_NAME):
        raise _refused("its directory is too large")
    file.seek(total - _END.size)
    if file.read(_END.size) != _ending(count, size, start):
        raise _refused("its last bytes are not what they must be")
    file.seek(start)
    yield from _read_directory(file.read(size), count, start)


def _read_directory(directory: bytes, count: int, start: int) -> Iterator[Member]:
    at = offset = 0
    last = ""
    for _ in range(count):
        member = _read_central(directory, at)
        if member.offset != offset or member.name <= last:
            raise _refused("its files are not one behind the other in the order of their names")
        yield member
        at, offset, last = at + _CENTRAL.size + len(member.name), member.end, member.name
    if at != len(directory) or offset != start:
        raise _refused("there are bytes in it that belong to no file")


def _read_central(directory: bytes, at: int) -> Member:
    if at + _CENTRAL.size > len(directory):
        raise _refused("its directory is cut off")
    fields = _CENTRAL.unpack_from(directory, at)
    crc, size, length, offset = fields[7], fields[8], fields[10], fields[16]
    line = directory[at : at + _CENTRAL.size + length]
    name = line[_CENTRAL.size :].decode("latin-1")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise _refused("a file in it has a name that no bundle has")
    member = Member(name, offset, size, crc)
    if member.central() != line:
        raise _refused(f"the directory's line for `{name}` is not what it must be (compressed, linked, dated?)")
    return member


def _refused(why: str) -> NotVerified:
    return NotVerified(f"the file is not a bundle: {why}", step="bundle")
