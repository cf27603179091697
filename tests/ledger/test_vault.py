"""The vault: asides come back, destroyed ones never."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import NotVerified
from caveat.ledger.vault import Vault, read_aside, read_asides


@given(st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=150), min_size=1, max_size=6))
def test_asides_come_back_however_they_came(tmp_path_factory, runs):
    directory = tmp_path_factory.mktemp("vault")
    vault, first = Vault(directory), 0
    for run in runs:
        vault.append(first, run)
        first += len(run)
    wanted = [aside for run in runs for aside in run]
    assert [read_aside(directory, i) for i in range(first + 3)] == [*wanted, b"", b"", b""]
    listed = [aside for n in range(-(-first // 256)) for aside in (read_asides(directory, n) + [b""] * 256)[:256]]
    assert listed[:first] == wanted


def test_an_aside_on_its_way_to_the_file_is_waited_for(tmp_path):
    """A reader beside the writer sees it whole, wherever in it the file ended at first."""
    for cut in (1, 4, 5, 8):
        path = tmp_path / "000"
        path.write_bytes(b"\0\0\0\x01a" + b"\0\0\0\x05later"[:cut])

        def finish(path=path, cut=cut):
            with path.open("ab") as file:
                file.write(b"\0\0\0\x05later"[cut:])

        writing = threading.Timer(0.03, finish)
        writing.start()
        try:
            assert read_asides(tmp_path, 0) == [b"a", b"later"]
        finally:
            writing.join()


def test_reading_beside_a_writer_never_stumbles(tmp_path):
    vault, done = Vault(tmp_path), threading.Event()

    def write():
        for first in range(0, 250, 5):
            vault.append(first, [bytes([first]) * 30_000] * 5)
        done.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    seen = 0
    while not done.is_set():
        asides = read_asides(tmp_path, 0)
        assert all(len(aside) == 30_000 for aside in asides)
        assert seen <= len(asides)
        seen = len(asides)
    writer.join()
    assert len(read_asides(tmp_path, 0)) == 250


def test_writing_again_after_a_crash_is_harmless(tmp_path):
    """A cut-off tail, and entries that were written but not published, give way to the same ones."""
    vault = Vault(tmp_path)
    vault.append(0, [b"a", b"b"])
    vault.append(2, [b"cut", b"off"])
    with (tmp_path / "000").open("ab") as file:
        file.write(b"\0\0\0\x09half")
    vault.append(2, [b"c", b"d", b"e"])
    assert read_asides(tmp_path, 0) == [b"a", b"b", b"c", b"d", b"e"]


def test_what_is_forgotten_is_in_no_file(tmp_path):
    vault = Vault(tmp_path)
    vault.append(254, [b"first secret", b"second secret", b"third secret"])
    vault.forget(255)
    vault.forget(255)
    vault.forget(9999)
    assert [read_aside(tmp_path, i) for i in (254, 255, 256)] == [b"first secret", b"", b"third secret"]
    assert not any(b"second secret" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_only_the_owner_can_read_it(tmp_path):
    vault = Vault(tmp_path / "vault")
    vault.append(0, [b"secret"])
    assert (tmp_path / "vault").stat().st_mode & 0o077 == 0
    assert (tmp_path / "vault/000").stat().st_mode & 0o077 == 0


def test_nothing_is_written_where_there_is_nothing(tmp_path):
    Vault(tmp_path).append(0, [b""] * 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]


@pytest.mark.parametrize("data", [b"\0\0", b"\0\0\0\x05abc", bytes(4 * 257)])
def test_damaged_files_are_not_verified(tmp_path, data):
    (tmp_path / "000").write_bytes(data)
    with pytest.raises(NotVerified):
        read_asides(tmp_path, 0)
