"""Witnesses cosign a running gateway's log: ours, and one that nobody here wrote (aics-witness)."""

import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest
from tests.evidence.second import asked_too, verified
from tests.foreign.tools import BIN, NEEDS_FOREIGN, served
from tests.gateway.process import free_port
from tests.gateway.running import eventually

from caveat.cli.main import main
from caveat.evidence.trust import read_trust
from caveat.gateway.checkup.witness import look_at_witnesses
from caveat.gateway.home.directory import open_home
from caveat.gateway.proof.witness_app import Witness
from caveat.keys import read_verify_key
from caveat.ledger.cosigned import newest_of, size_of
from caveat.ledger.reader import LedgerReader
from caveat.ledger.receipt import parse_receipt
from caveat.note import open_note

pytestmark = pytest.mark.timeout(400)
CAVEAT = [sys.executable, "-m", "caveat"]


def caveat(*words: object, code: int = 0) -> str:
    """A command, in this process: what it printed."""
    out = io.StringIO()
    before, sys.argv = sys.argv, ["caveat", *map(str, words)]
    left: object = 0
    try:
        with redirect_stdout(out):
            main()
    except SystemExit as ended:
        left = ended.code or 0
    finally:
        sys.argv = before
    assert left == code, out.getvalue()
    if words[0] == "verify":
        asked_too(code, *words[1:])
    return out.getvalue()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    caveat("init", "--home", tmp_path / "home", "--sample")
    return tmp_path / "home"


def trusted(home: Path, at: Path) -> Path:
    at.unlink(missing_ok=True)
    caveat("evidence", "trust", at, "--home", home)
    return at


def settle(home: Path, name: str, url: str, key: str, port: int) -> None:
    """Name a witness in the settings, and a free port."""
    file = home / "caveat.toml"
    text = file.read_text().partition("[upstream")[0]
    lines = [line for line in text.splitlines() if not line.startswith("address")]
    text = "\n".join(lines).replace("[gateway]", f'[gateway]\naddress = "127.0.0.1:{port}"', 1)
    file.write_text(f'{text}\n[witness.{name}]\nurl = "{url}"\nkey = "{key}"\n')


@contextmanager
def gateway(home: Path) -> Iterator[int]:
    port = int((home / "caveat.toml").read_text().partition("127.0.0.1:")[2].partition('"')[0])
    with served([*CAVEAT, "serve", "--home", str(home)], port, home):
        yield port


def soon(look: Callable[[], object]) -> None:
    eventually(look)


def reached(home: Path, key: str) -> int:
    note = newest_of(home / "ledger", read_verify_key(key))
    return size_of(note) if note else 0


@contextmanager
def ours(tmp_path: Path, home: Path) -> Iterator[tuple[str, str, Path]]:
    """Our witness, that considers the home's log: its address, its key, its directory."""
    directory, port = tmp_path / "office", free_port()
    key = caveat("witness", "init", "office.test", "--dir", directory).strip()
    caveat("witness", "add-log", trusted(home, tmp_path / "trust0.txt"), "--dir", directory)
    with served(
        [*CAVEAT, "witness", "serve", "--dir", str(directory), "--listen", f"127.0.0.1:{port}"], port, tmp_path
    ):
        yield f"http://127.0.0.1:{port}", key, directory


def test_our_witness_cosigns_what_a_gateway_writes(tmp_path: Path, home: Path) -> None:
    """Receipts and bundles bear its line; a trust file that asks for it is met; without it the gateway goes on."""
    with ours(tmp_path, home) as (url, key, _):
        settle(home, "office", url, key, free_port())
        with gateway(home):
            size = LedgerReader(home / "ledger").head().size
            soon(lambda: reached(home, key) >= size)
            receipt = caveat("ledger", "prove", 1, "--home", home)
            opened = open_note(parse_receipt(receipt.encode()).checkpoint, [read_verify_key(key)])
            assert opened.by[0][0].name == "office.test"
            caveat("keys", "new", "anna", "--home", home)
            soon(lambda: reached(home, key) > size)
    bundle, trust = tmp_path / "b.zip", trusted(home, tmp_path / "trust.txt")
    assert "quorum witnesses" in trust.read_text()
    caveat("evidence", "export", bundle, "--home", home)
    report = verified(io.BytesIO(bundle.read_bytes()), read_trust(trust.read_bytes()))
    assert report.verified, report.sentences()
    assert not any("asks for no witness" in limit for limit in report.steps[1].limits)
    made = open_home(home)
    level, says, _ = look_at_witnesses(made, made.settings())
    assert level == "good"
    assert "`office` has cosigned" in says
    caveat("keys", "new", "berta", "--home", home)


def test_a_restored_backup_gets_no_cosignature(tmp_path: Path, home: Path) -> None:
    """Yesterday's copy of the home is put back: the witness, and then `verify` for who asks for it, refuse."""
    with ours(tmp_path, home) as (url, key, directory):
        settle(home, "office", url, key, free_port())
        shutil.copytree(home, tmp_path / "backup")
        with gateway(home):
            caveat("keys", "new", "anna", "--home", home)
            soon(lambda: reached(home, key) >= LedgerReader(home / "ledger").size())
        cosigned = Witness(directory).newest(open_home(home).settings().gateway.origin)
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "backup", home)
        with gateway(home):
            for name in ("berta", "carla", "dora"):
                caveat("keys", "new", name, "--home", home)
        assert reached(home, key) == 0
        (tmp_path / "last").write_bytes(cosigned)
        caveat("evidence", "export", tmp_path / "b.zip", "--home", home)
        trust = trusted(home, tmp_path / "trust.txt")
        said = caveat("verify", tmp_path / "b.zip", "--trust", trust, "--last", tmp_path / "last", code=1)
        assert "has not cosigned it" in " ".join(said.split())


def test_the_vendor_as_a_witness_by_hand(tmp_path: Path, home: Path) -> None:
    """At the end of a one-way link: it keeps the last checkpoint, cosigns the next bundle's, and refuses a fork."""
    directory = tmp_path / "vendor"
    key = caveat("witness", "init", "labs.test/witness", "--dir", directory).strip()
    caveat("witness", "add-log", trusted(home, tmp_path / "trust.txt"), "--dir", directory)
    shutil.copytree(home, tmp_path / "backup")
    first, second, fork = (tmp_path / name for name in ("1.zip", "2.zip", "fork.zip"))
    caveat("evidence", "export", first, "--home", home, "--receiver", "vendor")
    caveat("witness", "cosign", first, tmp_path / "1.cosigned", "--dir", directory)
    caveat("keys", "new", "anna", "--home", home)
    caveat("evidence", "export", second, "--home", home, "--receiver", "vendor")
    caveat("witness", "cosign", second, tmp_path / "2.cosigned", "--dir", directory)
    file = home / "caveat.toml"
    file.write_text(file.read_text() + f'\n[witness.vendor]\nkey = "{key}"\n')
    assert "first" in caveat("ledger", "witnessed", tmp_path / "2.cosigned", "--home", home)
    receipt = parse_receipt(caveat("ledger", "prove", 1, "--home", home).encode())
    assert open_note(receipt.checkpoint, [read_verify_key(key)]).by
    for name in ("berta", "carla", "dora", "emma"):
        caveat("keys", "new", name, "--home", tmp_path / "backup")
    caveat("evidence", "export", fork, "--home", tmp_path / "backup")
    caveat("witness", "cosign", fork, tmp_path / "x", "--dir", directory, code=1)
    caveat("witness", "cosign", first, tmp_path / "y", "--dir", directory, code=1)
    assert not (tmp_path / "x").exists()


@NEEDS_FOREIGN
def test_a_witness_that_nobody_here_wrote(tmp_path: Path, home: Path) -> None:
    """aics-witness cosigns the log, also after it was asked from a size that it does not know any more (409)."""
    port, directory = free_port(), tmp_path / "aics"
    directory.mkdir()
    config = directory / "witness.json"
    tool = str(BIN / "aics-witness")
    made = [tool, "init", "--config", str(config), "--name", "foreign.test/w1", "--listen", f"127.0.0.1:{port}"]
    subprocess.run(made, check=True, capture_output=True)
    shown = subprocess.run([tool, "status", "--config", str(config)], check=True, capture_output=True, text=True).stdout
    key = next(
        word for word in shown.replace('"', " ").replace(",", " ").split() if word.startswith("foreign.test/w1+")
    )
    settings = open_home(home).settings()
    log = next(
        line.split()[1] for line in trusted(home, tmp_path / "t").read_text().splitlines() if line.startswith("log")
    )
    add = [tool, "add-log", "--config", str(config), "--origin", settings.gateway.origin, "--vkey", log]
    subprocess.run(add, check=True, capture_output=True)
    settle(home, "foreign", f"http://127.0.0.1:{port}", key, free_port())
    with served([tool, "serve", "--config", str(config)], port, directory), gateway(home):
        soon(lambda: reached(home, key) >= LedgerReader(home / "ledger").head().size)
        shutil.rmtree(home / "ledger" / "cosigned")
        caveat("keys", "new", "anna", "--home", home)
        soon(lambda: reached(home, key) >= LedgerReader(home / "ledger").size())
    caveat("evidence", "export", tmp_path / "b.zip", "--home", home)
    caveat("verify", tmp_path / "b.zip", "--trust", trusted(home, tmp_path / "trust.txt"))
