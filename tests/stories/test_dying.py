"""kill -9 at each write of an approval, a grant, a release, a use, a sweep: the old state or the new one, and then it works."""

import io
import random
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cli.conftest import Ran
from tests.gateway.running import HEAD, running, upstream_text
from tests.stories.persons import asked, carried, chat, granted, send, shown, staffed, terms_with

from caveat.cli.main import main
from caveat.gateway.home.bodies import Bodies
from caveat.gateway.home.directory import open_home
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.house.past import read_past
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.ledger.fsck import fsck
from caveat.ledger.reader import LedgerReader
from caveat.waivers.signed import read_request

ORIGIN = "localhost/caveat/test"
TOOLS = [{"type": "function", "function": {"name": "send_message", "parameters": {"type": "object"}}}]
KEPT = """
- id: calls.kept
  title: {en: Kept, fr: Gardé}
  says: {en: Calls are kept for a day., fr: Les appels sont gardés un jour.}
  effect: oblige
  when: "true"
  duties: [log.full, retain.days: 1]
"""


def verb(*words):
    """A verb of the command line, run in this process: the stage is set for all tests of this file."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before, sys.argv = sys.argv, ["caveat", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as left:
        code = int(left.code or 0)
    finally:
        sys.argv = before
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A home with everything ready to be done, and the files for it."""
    folder = tmp_path_factory.mktemp("dying")
    with serve(says("Hello there.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(folder / "home", text) as gateway:
            gateway.adopt(terms_with(KEPT))
            office = staffed(folder, verb, gateway, upstream)
            granted(office, uses=1)
            waiver = carried(office, asked(office), "anna", "ben")
            hold = send(office, chat("Send a note.", tools=TOOLS)).headers["x-caveat-call"]
            send(office, chat("Hello."))
            file, _ = shown(office, hold)
            office.do("hold", "approve", file, "--key", folder / "anna" / "key")
            (folder / "home" / "caveat.toml").write_text(text)
    yield SimpleNamespace(folder=folder, home=folder / "home", waiver=waiver, hold=hold, file=file)


def dies(home: Path, act: str, file: Path, number: int) -> int:
    """How many writes the act took, 0 where it was killed at that one."""
    command = [sys.executable, "-m", "tests.stories.dying", str(home), act, str(file), str(number)]
    done = subprocess.run(command, capture_output=True, timeout=240, check=False)
    if done.returncode == -signal.SIGKILL:
        return 0
    assert done.returncode == 0, done.stderr.decode()
    return int(done.stdout)


def state(home: Path):
    """What the ledger says, once it is found sound."""
    made = open_home(home)
    keys, vault_key = house_keys(made, ORIGIN)
    assert fsck(made.ledger, keys.verify_keys, made.vault).findings == ()
    past = read_past(LedgerReader(made.ledger, made.vault), Documents(made.control))
    return past.register, past.spent, Bodies(made.vault / "bodies", vault_key)


def copied(stage, to: Path) -> Path:
    shutil.copytree(stage.home, to)
    (to / "lock").unlink(missing_ok=True)
    return to


def _granted(stage, home):
    return read_request(stage.waiver.read_bytes()).id in state(home)[0].waivers


def _released(stage, home):
    return stage.hold in state(home)[0].approvals


def _used(stage, home):
    """The one use of the first waiver."""
    _, spent, _ = state(home)
    assert sum(n for id_, n in spent.items() if id_.startswith("w-")) <= 1
    return any(id_.startswith("w-") and n for id_, n in spent.items())


def _swept(stage, home):
    """Both bodies of the call are there, or are gone and that is on record."""
    _, _, bodies = state(home)
    left = [call for which in ("request", "reply", "held") for call in bodies.kept(which)]
    told = b"bodies.destroyed" in b"".join(path.read_bytes() for path in (home / "ledger").rglob("*") if path.is_file())
    assert told or len(left) == 3
    return not left


ACTS = {
    "grant": (_granted, "waiver"),
    "release": (_released, "file"),
    "use": (_used, "waiver"),
    "sweep": (_swept, "waiver"),
}


def killed_at(stage, tmp_path, act, number):
    """Killed at that write: old or new; done again it is new."""
    is_new, which = ACTS[act]
    home = copied(stage, tmp_path / f"{act}-{number}")
    file = getattr(stage, which)
    count = dies(home, act, file, number)
    new = is_new(stage, home)
    if count:
        assert new
    elif not new:
        assert dies(home, act, file, 0) > 0
        assert is_new(stage, home)
    shutil.rmtree(home)
    return count


@pytest.mark.timeout(600)
@pytest.mark.parametrize("act", ACTS)
def test_killed_at_a_few_writes(stage, tmp_path, act):
    home = copied(stage, tmp_path / "whole")
    whole = dies(home, act, getattr(stage, ACTS[act][1]), 0)
    assert whole > 3
    for number in sorted(random.Random(7).sample(range(1, whole + 1), 2)):
        killed_at(stage, tmp_path, act, number)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("act", ACTS)
def test_killed_at_each_write(stage, tmp_path, act, slow_rounds):
    number, step = 1, slow_rounds(5, 1)
    while not killed_at(stage, tmp_path, act, number):
        number += step


@pytest.mark.timeout(600)
def test_an_approval_that_dies_leaves_the_file_as_it_was_or_signed(stage, tmp_path):
    plain = stage.folder / "carl" / stage.waiver.name
    for number in range(1, 100):
        file = tmp_path / "w.json"
        shutil.copy(plain, file)
        count = dies(stage.folder / "anna" / "key", "approve", file, number)
        signatures = read_request(file.read_bytes()).sealed.signatures
        assert len(signatures) in ((1,) if count else (0, 1))
        if count:
            break
    else:
        pytest.fail("it never came to its end")
