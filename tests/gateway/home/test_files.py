"""A file is written whole or not at all, and trouble with the disk is told in plain words."""

import errno
import os

import pytest

from caveat.errors import BadInput, Unavailable
from caveat.gateway.home.files import disk_trouble, write_once, write_whole


def test_write_whole_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"one")
    write_whole(path, b"two", mode=0o644)
    assert path.read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_files_are_for_their_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        write_whole(tmp_path / "a", b"")
        write_once(tmp_path / "b", b"")
    finally:
        os.umask(before)
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {0o600}


def test_write_once_never_writes_over(tmp_path):
    path = tmp_path / "key"
    write_once(path, b"first")
    with pytest.raises(BadInput, match="exists"):
        write_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


TROUBLE = {
    "full": (errno.ENOSPC, "disk_full", "free some space"),
    "quota": (errno.EDQUOT, "disk_full", "free some space"),
    "not ours": (errno.EACCES, "not_writable", "CAVEAT_HOME"),
    "read only": (errno.EROFS, "not_writable", "CAVEAT_HOME"),
    "broken": (errno.EIO, "unavailable", "check the disk"),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_has_a_code_and_a_hint(tmp_path, case):
    number, code, hint = TROUBLE[case]
    with pytest.raises(Unavailable, match="file") as failed, disk_trouble(tmp_path / "file"):
        raise OSError(number, os.strerror(number))
    assert failed.value.code == code
    assert hint in failed.value.hint


def test_missing_folder_is_trouble(tmp_path):
    with pytest.raises(Unavailable, match="cannot be used"):
        write_whole(tmp_path / "nowhere/file", b"")


def test_error_of_ours_passes_through(tmp_path):
    with pytest.raises(BadInput), disk_trouble(tmp_path):
        raise BadInput("as it was")
