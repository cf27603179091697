"""What all tests share: a failed test's open sockets do not fail the next one."""

import shutil
import subprocess
import sys
from pathlib import Path

STORY = """
import gc, socket

def test_that_leaves_a_socket_open():
    wire = socket.socket()
    def closed():
        assert wire is None
    closed()

def test_that_comes_next():
    pass

def test_that_comes_after():
    gc.collect()
"""


def test_a_failure_is_told_once(tmp_path):
    """Without our conftest, the socket's warning fails the last test, which has nothing to do with it."""
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_story.py").write_text(STORY)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "1 failed, 2 passed" in done.stdout, done.stdout
