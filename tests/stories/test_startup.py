"""Starting and stopping, as a newcomer meets them: plain sentences, exit code 3, and a next start that mends things."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from tests.gateway.process import COMMAND, caveat, descendants, ended, environment, served
from tests.gateway.running import HEAD, MODEL, eventually, running, upstream_text

from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import create
from caveat.gateway.model.store import SMOLLM2
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 8}
EMBEDDED = (
    '[gateway]\naddress = "127.0.0.1:0"\norigin = "localhost/caveat/test"\n[upstream.embedded]\nembedded = true\n'
)


@pytest.fixture(scope="module")
def upstream():
    with serve(says("Hello there.")) as made:
        yield made


@pytest.fixture
def home(tmp_path, upstream):
    """A home with sample terms in force, in front of the scripted upstream."""
    text = HEAD + upstream_text(upstream.address)
    with running(tmp_path / "home", text):
        pass
    (tmp_path / "home" / "caveat.toml").write_text(text)
    return tmp_path / "home"


@pytest.fixture
def bare(tmp_path, upstream):
    """Settings in front of the scripted upstream, and nothing else yet."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    (path / "caveat.toml").write_text(HEAD + upstream_text(upstream.address))
    return path


@pytest.fixture
def embedded(tmp_path, model_folder):
    """A home with the real model in it, and nothing served from it yet."""
    home, _ = create(tmp_path / "home", default_text())
    (home.path / "caveat.toml").write_text(EMBEDDED)
    home.models.rmdir()
    home.models.symlink_to(model_folder)
    return home.path


def told(result, *words, code=3):
    """The command failed as it should: with that exit code and a sentence, without a traceback."""
    said = result.stderr.decode()
    assert result.returncode == code, said
    assert "Traceback" not in said
    assert "nobody foresaw" not in said
    for word in words:
        assert word in said
    return said


def test_a_port_in_use(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for verb in ("serve", "up"):
            told(caveat(verb, "--home", home, "--port", port), f"127.0.0.1:{port} is in use", "address")
    with served(home, "--port", port) as gateway:
        assert gateway.url.endswith(port)


def test_a_port_that_only_root_may_have_or_none(home):
    (home / "caveat.toml").write_text((home / "caveat.toml").read_text().replace("127.0.0.1:0", "203.0.113.1:8484"))
    told(caveat("serve", "--home", home), "cannot be had")


def test_a_home_in_use(home):
    with served(home) as first:
        for verb in ("serve", "up"):
            told(caveat(verb, "--home", home), "in use", str(first.process.pid))
        assert httpx.get(f"{first.url}/readyz", timeout=60).status_code == 200


def test_no_home(tmp_path):
    told(caveat("serve", "--home", tmp_path / "nothing"), "no caveat home", "caveat init", code=2)
    assert not (tmp_path / "nothing").exists()


def test_a_directory_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Anna")
    told(caveat("up", "--home", tmp_path), "letter.txt", code=2)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_settings_that_do_not_fit(home):
    (home / "caveat.toml").write_text("[gateway]\nadress = 1\n")
    told(caveat("serve", "--home", home), "`gateway.adress`", "did you mean `gateway.address`?", code=2)


@pytest.mark.parametrize("gone", ["keys/log", "control", "ledger/state", "ledger/tile"])
def test_a_home_that_has_lost_a_part_says_so(home, gone):
    """What cannot be mended is told, and nothing is signed over it; with the part put back, it goes on."""
    path, kept = home / gone, home.parent / "kept apart"
    path.rename(kept)
    told(caveat("serve", "--home", home), code=1)
    if path.is_dir():
        shutil.rmtree(path)
    kept.replace(path)
    with served(home) as gateway:
        assert gateway.told["ready"]


def test_a_start_that_was_killed_is_completed_by_the_next(bare):
    """`caveat up` on a fresh home, killed at random moments; then once more, to its end."""
    rng = random.Random(7)
    for _ in range(4):
        process = subprocess.Popen(
            [*COMMAND, "up", "--home", str(bare)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        with ended(process):
            until = time.monotonic() + 1.0 + rng.random() * 1.5
            while time.monotonic() < until and process.poll() is None:
                time.sleep(0.01)
    with served(bare, verb="up") as gateway:
        headers = {"x-api-key": gateway.told["key"]}
        reply = httpx.post(f"{gateway.url}/v1/chat/completions", json=ASK, headers=headers, timeout=60)
        assert reply.status_code == 200
        assert reply.headers["x-caveat-terms"] == "institutional-use@1"
        assert gateway.stop() == 0
    result = caveat("ledger", "fsck", "--home", bare)
    assert (result.returncode, b"clean" in result.stdout) == (0, True)


@pytest.mark.parametrize("left", [["keys"], ["lock", "control", "caveat.schema.json"]])
def test_a_home_made_by_halves(tmp_path, upstream, left):
    home, _ = create(tmp_path / "home", default_text("localhost/caveat/test"))
    for path in home.path.iterdir():
        if path.name not in left:
            path.rmdir() if path.is_dir() else path.unlink()
    (home.path / "keys").mkdir(exist_ok=True)
    (home.path / "keys" / "log.partial").write_text("half a key")
    result = caveat("init", "--home", home.path, "--sample")
    assert result.returncode == 0
    assert b"repaired" in result.stderr
    assert caveat("ledger", "fsck", "--home", home.path).returncode == 0


def test_init_twice_changes_nothing(tmp_path):
    home = tmp_path / "home"
    assert caveat("init", "--home", home, "--sample").returncode == 0
    before = {p: p.read_bytes() for p in (home / "keys").iterdir()}
    assert caveat("init", "--home", home, "--sample").returncode == 0
    assert {p: p.read_bytes() for p in (home / "keys").iterdir()} == before


def test_sample_parties_are_not_served_to_other_machines(tmp_path, upstream):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    text = HEAD + upstream_text(upstream.address)
    (home / "caveat.toml").write_text(text.replace("127.0.0.1:0", "0.0.0.0:0"))
    told(caveat("up", "--home", home), "sample parties", code=2)
    assert caveat("init", "--home", home, "--sample").returncode == 0
    said = told(caveat("serve", "--home", home), "example-labs.sample", "127.0.0.1", code=1)
    assert "sample" in said


# --- the disk ---


def mounted(folder, size):
    """Whether a small disk of its own could be had at the folder."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 64 MB; where none may be mounted, one on the ordinary disk."""
    folder = tmp_path / "disk"
    is_mounted = mounted(folder, "64m")
    yield folder
    if is_mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Write until nothing more fits; on a large disk not at all.  Whether it was filled."""
    if os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize > 2**27:
        return False
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    return True


def test_a_full_disk(small_disk, upstream):
    """Where no small disk may be had, a limit above any disk's free space does the same by the settings."""
    home = small_disk / "home"
    home.mkdir(mode=0o700)
    text = HEAD + upstream_text(upstream.address)
    (home / "caveat.toml").write_text(text)
    if not fill(small_disk):
        (home / "caveat.toml").write_text(text.replace("min_free_mb = 1", "min_free_mb = 1000000000"))
    told(caveat("up", "--home", home), "space")
    (small_disk / "filler").unlink(missing_ok=True)
    (home / "caveat.toml").write_text(text)
    with served(home, verb="up") as gateway:
        headers = {"x-api-key": gateway.told["key"]}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=60) as client:

            def asked():
                return client.post("/v1/chat/completions", json=ASK)

            assert asked().status_code == 200
            if fill(small_disk):
                reply = asked()
                assert (reply.status_code, reply.json()["error"]["code"]) == (503, "ledger_unavailable")
                eventually(lambda: client.get("/readyz").status_code == 503)
                (small_disk / "filler").unlink()
                eventually(lambda: asked().status_code == 200)
        assert gateway.stop() == 0
    assert caveat("ledger", "fsck", "--home", home).returncode == 0


# --- the embedded model ---


def test_no_model_and_no_registry(tmp_path):
    """Nothing to fetch from: a sentence that names the way out."""
    home, _ = create(tmp_path / "home", default_text())
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_NO_INDEX": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_CONFIG_FILE": "/dev/null",
        "UV_INDEX_URL": "http://127.0.0.1:9/simple",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    result = caveat("up", "--home", home.path, "--port", "0", timeout=240, env=nowhere)
    told(result, "models pull --from")


def test_weights_that_are_others_are_not_started(embedded, tmp_path):
    folder = embedded / "models"
    real = folder.resolve()
    folder.unlink()
    folder.mkdir()
    for path in real.iterdir():
        if path.suffix == ".json":
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / SMOLLM2.file).write_bytes(b"GGUF" + bytes(1000))
    env = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "HOME": str(tmp_path),
    }
    result = caveat("serve", "--home", embedded, timeout=240, env=env)
    assert result.returncode in {1, 3}
    assert "Traceback" not in result.stderr.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_every_process_ends_with_the_gateway(embedded, number):
    """However the gateway ends, the model's process does not outlive it."""
    with served(embedded, verb="up") as gateway:
        reply = httpx.post(
            f"{gateway.url}/v1/chat/completions", json=ASK, headers={"x-api-key": gateway.told["key"]}, timeout=60
        )
        assert reply.status_code == 200
        children = gateway.children()
        assert children
        code = gateway.stop(number)
        assert code == (-9 if number == signal.SIGKILL else 0)
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
        assert "Traceback" not in gateway.errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [1.5, 2.5])
def test_a_signal_in_the_midst_of_a_start(embedded, number, after):
    process = subprocess.Popen(
        [*COMMAND, "up", "--home", str(embedded)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with ended(process):
        time.sleep(after)
        children = descendants(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert b"Traceback" not in said
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_a_signal_while_calls_run_lets_them_end(home, upstream):
    with served(home) as gateway:
        key = (home / "keys" / "sample-caller.key").read_text().strip()
        with httpx.stream("GET", f"{gateway.url}/livez", timeout=60):
            pass
        reply = httpx.post(f"{gateway.url}/v1/chat/completions", json=ASK, headers={"x-api-key": key}, timeout=60)
        assert reply.status_code == 200
        assert gateway.stop(signal.SIGINT) == 0
        assert "stopped" in gateway.errors
