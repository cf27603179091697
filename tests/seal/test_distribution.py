"""caveat-seal: built from this tree, installed where nothing else is, and run."""

import json
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import httpx
from packaging.requirements import Requirement
from tests.gateway.process import ended
from tests.seal.sealing import BODY, CHAT, make_folder, settings_text, token

from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import says

ROOT = Path(__file__).parents[2]


def needed(names: list[str]) -> set[str]:
    """These distributions and all that they need here, by name."""
    found: set[str] = set()
    while names:
        name = names.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            wanted = [Requirement(text) for text in distribution(name).requires or []]
            names += [r.name for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def copied(names: set[str], into: Path) -> None:
    """Lay those distributions out in another environment, file by file: no registry is asked."""
    for name in names:
        for file in distribution(name).files or []:
            source = Path(str(file.locate()))
            if ".." not in file.parts and source.is_file():
                (into / file).parent.mkdir(parents=True, exist_ok=True)
                (into / file).write_bytes(source.read_bytes())


def test_the_seal_alone_is_built_installed_and_run(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT / "packaging/seal", check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("caveat_seal-*.whl")
    venv.create(tmp_path / "env", with_pip=False)
    (site,) = (tmp_path / "env/lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        metadata = archive.read("caveat_seal-0.1.0.dist-info/METADATA").decode()
        names = archive.namelist()
    assert not any(
        name.startswith(("caveat/gateway", "caveat/cli", "caveat/terms", "caveat/evidence")) for name in names
    )
    requires = [line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    copied(needed([Requirement(text).name for text in requires]), site)
    assert not (site / "typer").exists()
    assert not (site / "cedarpy").exists()
    with scripted.serve(says("hello there")) as model:
        folder = make_folder(tmp_path / "seal", settings_text(model.address))
        process = subprocess.Popen(
            [str(tmp_path / "env/bin/python"), "-I", "-m", "caveat.seal", str(folder)], stdout=subprocess.PIPE
        )
        with ended(process):
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["address"]
            permit = {"caveat-permit": token()}
            reply = httpx.post(address + CHAT, content=BODY, headers=permit, trust_env=False, timeout=60)
            assert (reply.status_code, "caveat-seal-ticket" in reply.headers) == (200, True)
            process.terminate()
            assert process.wait(60) == 0
    imported = subprocess.run(
        [str(tmp_path / "env/bin/python"), "-I", "-c", "import caveat.seal.vllm, caveat.seal.making"], check=False
    )
    assert imported.returncode == 0


def test_its_versions_are_those_of_the_whole():
    whole = (ROOT / "pyproject.toml").read_text()
    for line in (ROOT / "packaging/seal/pyproject.toml").read_text().splitlines():
        if line.startswith(('  "', "version = ")):
            assert line.strip() in whole, line
