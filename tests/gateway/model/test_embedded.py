"""The embedded model as the gateway sees it: started, healthy, started anew when it dies, stopped without a trace."""

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from caveat.errors import Unavailable
from caveat.gateway.model.embedded import Embedded
from caveat.gateway.model.store import SMOLLM2, Step, model_of


@pytest.fixture
def model(model_folder, tmp_path):
    manifest, weights = model_of(model_folder, SMOLLM2.alias)
    return Embedded(manifest, weights, tmp_path / "embedded.log")


async def until(holds):
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_starts_serves_and_stops(model, tmp_path):
    async def main():
        address = await model.start()
        pid = model.pid
        assert address.startswith("http://127.0.0.1:")
        assert await model.healthy()
        await model.stop()
        assert gone(pid)
        assert model.pid == 0
        assert not await model.healthy()

    asyncio.run(main())
    assert (tmp_path / "embedded.log").read_bytes() == b""


def test_dead_process_is_started_anew_and_its_new_address_told(model):
    addresses: list[str] = []
    model.moved = addresses.append

    async def main():
        await model.start()
        first = model.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: model.starts == 2)
        assert model.pid != first
        assert await model.healthy()
        await model.stop()
        assert model.pid == 0

    asyncio.run(main())
    assert len(addresses) == 2
    assert addresses[-1] == model.address


def test_stopped_process_is_not_healthy(model):
    """It runs, but does not answer."""

    async def main():
        await model.start()
        os.kill(model.pid, signal.SIGSTOP)
        await until(lambda: Path(f"/proc/{model.pid}/stat").read_text().split()[2] == "T")
        assert not await model.healthy(timeout_s=0.3)
        await model.stop()

    asyncio.run(main())


def test_two_starts_have_two_keys(model, model_folder, tmp_path):
    other = Embedded(model.manifest, model_folder / SMOLLM2.file, tmp_path / "other.log")
    assert model.key != other.key


def test_steps_are_told(model_folder, tmp_path):
    steps: list[Step] = []
    manifest, weights = model_of(model_folder, SMOLLM2.alias)
    model = Embedded(manifest, weights, tmp_path / "embedded.log", tell=steps.append)

    async def main():
        await model.start()
        await model.stop()

    asyncio.run(main())
    assert [step.says.partition(" after ")[0] for step in steps] == [
        "starting the embedded model smollm2-135m",
        "the embedded model is ready",
    ]


def test_weights_that_cannot_be_loaded_are_told_with_the_log(model, tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_text("not a model")
    broken = Embedded(msgspec.structs.replace(model.manifest, alias="bad"), bad, tmp_path / "bad.log")

    async def main():
        with pytest.raises(Unavailable, match="could not load") as failed:
            await broken.start()
        assert str(tmp_path / "bad.log") in failed.value.hint
        assert broken.pid == 0

    asyncio.run(main())
    assert b"failed to load" in (tmp_path / "bad.log").read_bytes()


def test_log_that_cannot_be_written_is_told(model, model_folder, tmp_path):
    homeless = Embedded(model.manifest, model_folder / SMOLLM2.file, tmp_path / "nowhere/log")
    with pytest.raises(Unavailable, match="nowhere"):
        asyncio.run(homeless.start())


def test_stopping_what_never_started_does_nothing(model):
    asyncio.run(model.stop())
