"""A home is made whole, repaired after an interrupted start, used by one gateway, and never overwritten."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caveat.errors import BadInput, Unavailable
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import FOLDERS, Home, create, home_path, open_home, repair
from caveat.gateway.home.files import PARTIAL
from caveat.gateway.home.settings import read, schema_text

TEXT = default_text()


def modes(path):
    return {p.name: p.stat().st_mode & 0o777 for p in [path, *path.iterdir()] if p.is_dir()}


def test_fresh_home_is_whole_and_its_owners_alone(tmp_path):
    home, mended = create(tmp_path / "a/home", TEXT)
    assert mended == ()
    assert home.settings() == read(TEXT)
    assert set(modes(home.path)) == {"home", *FOLDERS}
    assert set(modes(home.path).values()) == {0o700}
    assert home.settings_file.stat().st_mode & 0o777 == 0o600
    assert (home.path / "caveat.schema.json").read_text() == schema_text()
    assert open_home(home.path).path == home.path


def test_making_it_again_changes_nothing(tmp_path):
    home, _ = create(tmp_path, TEXT)
    home.settings_file.write_text('[gateway]\nname = "mine"\n')
    home.write_key("operator", b"private")
    again, mended = create(tmp_path, TEXT)
    assert mended == ()
    assert again.settings().gateway.name == "mine"
    assert again.read_key("operator") == b"private"


@pytest.mark.parametrize("made", range(len(FOLDERS) + 1))
def test_start_interrupted_anywhere_is_completed(tmp_path, made):
    """Folders come first and the settings last: whatever part of them is there, the next start makes the rest."""
    for name in FOLDERS[:made]:
        (tmp_path / name).mkdir()
    (tmp_path / ".caveat.toml.0a.partial").write_text("half")
    home, mended = create(tmp_path, TEXT)
    assert home.settings() == read(TEXT)
    assert any("settings" in said for said in mended)
    assert set(modes(tmp_path)) == {tmp_path.name, *FOLDERS}
    assert set(modes(tmp_path).values()) == {0o700}
    assert not list(tmp_path.glob("*.partial"))


def test_repair_sweeps_what_was_half_written_and_says_so(tmp_path):
    home, _ = create(tmp_path, TEXT)
    (home.keys / ".operator.00.partial").write_bytes(b"half a key")
    (home.control / "abcd.partial").write_bytes(b"half a document")
    (home.ledger / "wal.partial").write_bytes(b"the ledger's own matter")
    home.vault.rmdir()
    home.models.chmod(0o755)
    mended = repair(home)
    assert len(mended) == 4
    assert home.vault.is_dir()
    assert not list(home.keys.iterdir())
    assert not list(home.control.iterdir())
    assert (home.ledger / "wal.partial").exists()
    assert home.models.stat().st_mode & 0o777 == 0o700
    assert repair(home) == ()


def test_stale_schema_is_renewed(tmp_path):
    home, _ = create(tmp_path, TEXT)
    (home.path / "caveat.schema.json").write_text("{}")
    repair(home)
    assert (home.path / "caveat.schema.json").read_text() == schema_text()


def test_directory_with_other_things_is_not_taken_over(tmp_path):
    (tmp_path / "thesis.txt").write_text("draft")
    with pytest.raises(BadInput, match=r"thesis\.txt") as refused:
        create(tmp_path, TEXT)
    assert "CAVEAT_HOME" in refused.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_file_is_no_home(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(BadInput, match="is a file"):
        create(path, TEXT)


def test_directory_without_settings_is_not_opened(tmp_path):
    with pytest.raises(BadInput, match="no caveat home") as refused:
        open_home(tmp_path)
    assert "caveat init" in refused.value.hint


def test_place_that_cannot_be_written_is_told():
    with pytest.raises(Unavailable) as failed:
        create(Path("/proc/caveat-home"), TEXT)
    assert "/proc/caveat-home" in failed.value.message
    assert failed.value.hint


def test_home_is_where_the_environment_says():
    assert home_path({"CAVEAT_HOME": "/srv/caveat"}) == Path("/srv/caveat")
    assert home_path({"CAVEAT_HOME": "here"}) == Path.cwd() / "here"
    assert home_path({}) == Path.home() / ".caveat"


def test_key_is_kept_once_and_for_its_owner(tmp_path):
    home, _ = create(tmp_path, TEXT)
    path = home.write_key("operator", b"private")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadInput, match="exists"):
        home.write_key("operator", b"another")
    assert home.read_key("operator") == b"private"


def test_key_that_others_could_read_is_refused(tmp_path):
    home, _ = create(tmp_path, TEXT)
    home.write_key("operator", b"private").chmod(0o640)
    with pytest.raises(BadInput, match="read by others") as refused:
        home.read_key("operator")
    assert "chmod 600" in refused.value.hint
    with pytest.raises(BadInput, match="cannot read"):
        home.read_key("nobody")


def test_space_is_checked(tmp_path):
    home, _ = create(tmp_path, TEXT)
    home.check_space(1)
    with pytest.raises(Unavailable, match="MB left") as failed:
        home.check_space(10**9)
    assert failed.value.code == "disk_full"


HOLDER = """
import sys, time
from pathlib import Path
from caveat.gateway.home.directory import Home
with Home(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_gateways_do_not_share_a_home_and_a_killed_one_leaves_it_free(tmp_path):
    home, _ = create(tmp_path, TEXT)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Unavailable, match=f"process {holder.pid}") as failed, home.locked():
            pass
        assert failed.value.code == "home_in_use"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with home.locked():
        assert (tmp_path / "lock").read_text() == str(os.getpid())
    with home.locked():
        pass


def test_paths_touch_no_disk(tmp_path):
    home = Home(tmp_path / "nowhere")
    assert home.index.parent == home.ledger.parent == home.path
    assert not home.path.exists()


def test_what_a_running_gateway_is_about_to_write_is_not_swept_away(tmp_path):
    home, _ = create(tmp_path / "home", default_text())
    partial = home.control / f"half{PARTIAL}"
    partial.write_bytes(b"half")
    with home.locked():
        assert repair(home) == ()
        assert partial.exists()
    assert repair(home) != ()
    assert not partial.exists()
