"""What the seal adds to a call, measured beside a bare forwarder and the model's server itself, in one run.

Everything is on: the permit is checked over the exact body, the number durable before the request goes on, the reply
digested and measured, the ticket signed and durable before the reply ends.  Permits are issued before each round, for each is
used once.  Seal and forwarder have one core, the scripted model and the load the other; rows are measured in turn, round
after round, and the rounds are pooled.

    .venv/bin/python bench/seal.py [--calls 300] [--rounds 5] [--callers 1 16] [--json]
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import aiohttp
from msgspec.structs import replace
from overhead import SCRIPT, body, pinned, show, start

from caveat.gateway.scripted import server as scripted
from caveat.keys import SigningKey, new_signing_key
from caveat.seal.making import Wanted, make_seal
from caveat.seal.permit import NO_RECORDS, Permit, body_digest, issue

ROOT = Path(__file__).resolve().parent.parent
PATH = "/v1/chat/completions"
MODEL = "weights:sha256:" + "00" * 32


class Permits:
    """Fresh permits for one body."""

    def __init__(self, key: SigningKey, seal: str, data: bytes) -> None:
        self._key = key
        self._claims = Permit(
            iss=key.name, aud=seal, iat=0, exp=0, jti="0" * 32, htm="POST", htp=PATH, dig=body_digest(data), mdl=MODEL,
            trm="bench@1 sha256:00", cls=("office.work",), dut=(), max=60, chk=NO_RECORDS,
        )  # fmt: skip

    def fresh(self) -> dict[str, str]:
        now = int(time.time())
        return {
            "caveat-permit": issue(replace(self._claims, iat=now, exp=now + 60, jti=secrets.token_hex(16)), self._key)
        }


def seal(stack: ExitStack, folder: Path, model: str, permits: SigningKey) -> tuple[str, str]:
    """A seal before the model, on core 0; its address and name."""
    key = make_seal(folder / "seal", Wanted("bench.example/seal", MODEL, model, [permits.verify_key.text],
                                            [new_signing_key("bench.example/log").verify_key.text]))  # fmt: skip
    settings = folder / "seal/seal.toml"
    settings.write_text(settings.read_text().replace("127.0.0.1:8585", "127.0.0.1:0"))
    command = [*pinned(0), sys.executable, "-m", "caveat.seal", str(folder / "seal")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    assert process.stdout is not None
    return json.loads(process.stdout.readline())["address"], key.name


async def round_of(session, url: str, data: bytes, headers: list[dict[str, str]], callers: int) -> list[float]:
    """Seconds of each call."""
    took: list[float] = []

    async def caller(mine: list[dict[str, str]]) -> None:
        for each in mine:
            began = time.perf_counter()
            async with session.post(url + PATH, data=data, headers=each) as reply:
                await reply.read()
                assert reply.status == 200, (reply.status, await reply.text())
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(caller(headers[n::callers]) for n in range(callers)))
    return took


async def measure(targets, permits, options) -> list[dict[str, object]]:
    rows = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"content-type": "application/json"}) as session:
        for stream in (False, True):
            data = body(stream=stream)
            issued = permits(data)
            for callers in options.callers:
                pooled: dict[str, list[float]] = {name: [] for name in targets}
                walls = dict.fromkeys(targets, 0.0)
                for turn in range(options.rounds + 1):
                    for name, url in targets.items():
                        headers = [issued.fresh() if name == "seal" else {} for _ in range(options.calls)]
                        began = time.perf_counter()
                        took = await round_of(session, url, data, headers, callers)
                        if turn:  # the first warms up
                            pooled[name] += took
                            walls[name] += time.perf_counter() - began
                rows += [row(name, pooled, walls[name], callers, stream=stream) for name in targets]
    return rows


def row(name, pooled, wall: float, callers: int, *, stream: bool) -> dict[str, object]:
    took, base = pooled[name], pooled["model alone"]
    return {
        "target": name,
        "stream": stream,
        "callers": callers,
        "rate": round(len(took) / wall),
        "p50_ms": round(statistics.median(took) * 1000, 3),
        "p99_ms": round(statistics.quantiles(took, n=100)[98] * 1000, 3),
        "added_p50_ms": round((statistics.median(took) - statistics.median(base)) * 1000, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="calls of each target in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "script.json").write_text(json.dumps(SCRIPT))
        command = (sys.executable, "-m", scripted.__name__, str(folder / "script.json"), "--port", "0")
        model = start(stack, 1, *command)[0]
        key = new_signing_key("bench.permits")
        address, name = seal(stack, folder, model, key)
        floor = start(stack, 0, sys.executable, "bench/forwarder.py", model)[0]
        targets = {"model alone": model, "bare forwarder": floor, "seal": address}
        with contextlib.suppress(KeyboardInterrupt):
            rows = asyncio.run(measure(targets, lambda data: Permits(key, name, data), options))
            print(json.dumps(rows, indent=2)) if options.json else show(rows)


if __name__ == "__main__":
    main()
