"""The zip around a bundle: one way to write it, and nothing else is read."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import members, packed

from caveat.errors import BadInput, NotVerified
from caveat.evidence.container import MAX_MEMBERS, Archive, Writer

FILES = {"checkpoint": b"a note\n", "control/0a1b": b"{}", "tile/0/x001/234.p/7": bytes(224), "z": b""}
SAMPLE = packed(FILES)


def opened(data: bytes) -> dict[str, bytes]:
    archive = Archive(io.BytesIO(data))
    return {name: archive.read(name, 1 << 20) for name in archive.names}


def test_what_is_written_is_read() -> None:
    assert opened(SAMPLE) == FILES
    assert opened(packed({})) == {}


def test_other_tools_read_it() -> None:
    assert members(SAMPLE) == FILES
    with zipfile.ZipFile(io.BytesIO(SAMPLE)) as archive:
        assert archive.testzip() is None
        info = archive.infolist()[0]
    assert (info.date_time, info.compress_type, info.external_attr >> 16) == ((1980, 1, 1, 0, 0, 0), 0, 0o100644)


NAMES = st.from_regex(r"[a-z0-9]{1,9}(/[a-z0-9]{1,9}){0,3}", fullmatch=True)


@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=12))
def test_any_files_come_back(files: dict[str, bytes]) -> None:
    assert opened(packed(files)) == members(packed(files)) == files


def test_pieces_make_the_same_file_as_the_whole() -> None:
    out = io.BytesIO()
    writer = Writer(out)
    writer.add("a", (b"ab", b"", b"cd"))
    writer.close()
    assert out.getvalue() == packed({"a": b"abcd"})


def test_a_bundle_may_stand_behind_other_bytes_of_its_file() -> None:
    """The writer counts from where the file stood."""
    out = io.BytesIO(b"before")
    out.seek(6)
    writer = Writer(out)
    writer.add("a", (b"x",))
    writer.close()
    assert out.getvalue() == b"before" + packed({"a": b"x"})


def test_each_changed_bit_shows() -> None:
    for at in range(len(SAMPLE)):
        for bit in (1, 0x80):
            broken = bytearray(SAMPLE)
            broken[at] ^= bit
            with pytest.raises(NotVerified):
                opened(bytes(broken))


def test_each_cut_shows() -> None:
    for at in range(len(SAMPLE)):
        with pytest.raises(NotVerified):
            opened(SAMPLE[:at])
        with pytest.raises(NotVerified):
            opened(SAMPLE[at + 1 :])


def zipped(fill: Callable[[zipfile.ZipFile], object], **options: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:  # type: ignore[call-overload]
        fill(archive)
    return out.getvalue()


def named(name: str, **fields: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o100644 << 16
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def with_comment(archive: zipfile.ZipFile) -> None:
    archive.comment = b"hello"


def backwards(archive: zipfile.ZipFile) -> None:
    for name in "ba":
        archive.writestr(named(name), b"")


def spoofed(count: int, size: int, offset: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, offset, 0)


HOSTILE: dict[str, bytes] = {
    "not a zip": b"x" * 100,
    "a bomb": zipped(lambda z: z.writestr(named("a", compress_type=8), bytes(50_000_000))),
    "compressed": zipped(lambda z: z.writestr(named("a", compress_type=8), b"a")),
    "a path upward": zipped(lambda z: z.writestr(named("../a"), b"a")),
    "a path upward inside": zipped(lambda z: z.writestr(named("tile/../../a"), b"a")),
    "a path from the root": zipped(lambda z: z.writestr(named("/etc/passwd"), b"a")),
    "a path of another system": zipped(lambda z: z.writestr(named("c:\\a"), b"a")),
    "a directory": zipped(lambda z: z.writestr(named("tile/"), b"")),
    "a link": zipped(lambda z: z.writestr(named("a", external_attr=(stat.S_IFLNK | 0o777) << 16), b"/etc/passwd")),
    "a program": zipped(lambda z: z.writestr(named("a", external_attr=0o100755 << 16), b"a")),
    "a date": zipped(lambda z: z.writestr(named("a", date_time=(2026, 1, 1, 0, 0, 0)), b"a")),
    "an extra field": zipped(lambda z: z.writestr(named("a", extra=b"\xfe\xca\x02\x00hi"), b"a")),
    "a file's comment": zipped(lambda z: z.writestr(named("a", comment=b"hi"), b"a")),
    "a comment": zipped(with_comment),
    "another order": zipped(backwards),
    "an upper-case name": zipped(lambda z: z.writestr(named("A"), b"a")),
    "a long name": zipped(lambda z: z.writestr(named("a" * 121), b"a")),
    "a name to try patterns on": zipped(lambda z: z.writestr(named("a" * 30_000 + "!"), b"a")),
    "bytes before": b"x" + SAMPLE,
    "bytes behind": SAMPLE + b"x",
    "a directory larger than the file": spoofed(3, 0xFFFF_FFFF, 0),
    "more files than there is room for": spoofed(0xFFFF, 0, 0),
    "files that are not there": spoofed(9, 0, 0),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused() -> None:
    def fill(archive: zipfile.ZipFile) -> None:
        archive.writestr(named("a"), b"a")
        archive.writestr(named("a"), b"b")

    with pytest.raises(NotVerified):
        opened(zipped(fill))


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_no_writer_of_ours_makes_is_refused(data: bytes) -> None:
    with pytest.raises(NotVerified):
        opened(data)


def test_overlapping_files_are_refused() -> None:
    """Two lines of the directory that name the same bytes (the shape of the best known bombs)."""
    one = packed({"a": b"x" * 64})
    line = one[-22 - 47 : -22]
    twice = line + line.replace(b"a", b"b")
    with pytest.raises(NotVerified):
        opened(one[: -22 - 47] + twice + spoofed(2, len(twice), 31 + 64))


def test_limits_hold_before_anything_is_read() -> None:
    archive = Archive(io.BytesIO(packed({"a": b"12345\n123\n", "b": b"12"})))
    with pytest.raises(NotVerified):
        archive.read("a", 9)
    with pytest.raises(NotVerified):
        archive.read("c", 9)
    assert list(archive.lines("a", 5)) == [b"12345", b"123"]
    with pytest.raises(NotVerified):
        list(archive.lines("a", 4))
    with pytest.raises(NotVerified):
        list(archive.lines("b", 4))


def test_a_line_without_end_is_not_collected() -> None:
    """A member that is one long line is refused after its first piece."""
    archive = Archive(io.BytesIO(packed({"a": b"x" * (5 << 20)})))
    with pytest.raises(NotVerified):
        list(archive.lines("a", 1 << 20))


@pytest.mark.parametrize("name", ["../a", "A", "", "a//b", "a/", "/a", "a b", "a" * 121, "é"])
def test_the_writer_takes_no_other_name(name: str) -> None:
    with pytest.raises(ValueError):
        packed({name: b""})


def test_the_writer_wants_ascending_names() -> None:
    writer = Writer(io.BytesIO())
    writer.add("b", ())
    for name in ("a", "b"):
        with pytest.raises(ValueError):
            writer.add(name, ())


class Sink(io.BytesIO):
    """Takes any number of bytes and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = 0) -> int:
        self._at = at
        return at

    def write(self, data: object) -> int:
        self._at += len(data)  # type: ignore[arg-type]
        return len(data)  # type: ignore[arg-type]


def test_what_does_not_fit_into_a_plain_zip_is_refused() -> None:
    piece = bytes(1 << 24)
    with pytest.raises(BadInput):
        Writer(Sink()).add("a", (piece for _ in range(257)))
    writer = Writer(Sink())
    with pytest.raises(BadInput):
        for number in range(MAX_MEMBERS + 1):
            writer.add(f"{number:06d}", ())
