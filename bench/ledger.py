"""How fast the ledger takes records, with every sync it promises.

    python bench/ledger.py [--callers 1,16,64,256] [--seconds 5] [--witnesses 0] [--dir DIR] [--json]

One process, one event loop; each caller appends a 900-byte leaf with a 600-byte aside, waits until it is durable, and
goes on.  Checkpoints are published once a second meanwhile.  The floor, measured in the same run on the same disk, is a
bare loop of one write and one fdatasync, of as many records at once as there are callers.  At the end the whole ledger is
checked (fsck) and that is timed too.  With `--witnesses N`, so many of our own witnesses, each a process, are asked to
cosign every checkpoint meanwhile, as a gateway asks them; how far each came is told.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from caveat.errors import Unavailable
from caveat.gateway.home.directory import Home
from caveat.gateway.home.tables import Settings, WitnessSettings
from caveat.gateway.proof.witness_app import Witness
from caveat.gateway.proof.witnessing import witnessing
from caveat.ledger.checkpoint import LogKeys, new_log_keys
from caveat.ledger.fsck import fsck
from caveat.ledger.log import Entry
from caveat.ledger.sequencer import Sequencer, open_log

LEAF_BYTES, ASIDE_BYTES = 900, 600
TARGET_PER_S, TARGET_P99_MS, TARGET_CALLERS = 5_000, 25.0, 64


def summary(kind: str, callers: int, times_s: list[float], took_s: float, records: int) -> dict[str, float | str]:
    ordered = sorted(times_s)
    return {
        "what": kind,
        "callers": callers,
        "per_s": round(records / took_s),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 2),
        "max_ms": round(ordered[-1] * 1000, 2),
    }


def floor(directory: Path, callers: int, seconds: float) -> dict[str, float | str]:
    data = os.urandom((LEAF_BYTES + ASIDE_BYTES) * callers)
    path = directory / "floor"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    times: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        before = time.perf_counter()
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        times.append(time.perf_counter() - before)
    took = time.perf_counter() - began
    os.close(descriptor)
    path.unlink()
    return summary("write and fdatasync alone", callers, times, took, len(times) * callers)


async def appends(log: Sequencer, callers: int, seconds: float) -> dict[str, float | str]:
    times: list[float] = []
    refused = 0
    entry = Entry(os.urandom(LEAF_BYTES // 2).hex().encode(), os.urandom(ASIDE_BYTES))
    began = time.perf_counter()

    async def call() -> None:
        nonlocal refused
        while (before := time.perf_counter()) - began < seconds:
            try:
                await log.append((entry,))
                times.append(time.perf_counter() - before)
            except Unavailable:
                refused += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(call() for _ in range(callers)))
    took = time.perf_counter() - began
    return {**summary("ledger append", callers, times, took, len(times)), "refused": refused}


@contextmanager
def witnesses(directory: Path, count: int, keys: LogKeys) -> Iterator[dict[str, WitnessSettings]]:
    """Witnesses of our own, each in a process; what a gateway's settings would say of them."""
    found, processes = {}, []
    for number in range(count):
        place = directory / f"witness{number}"
        witness = Witness.make(place, f"w{number}.example.com")
        witness.add_log(list(keys.verify_keys))
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = ["witness", "serve", "--dir", str(place), "--listen", f"127.0.0.1:{port}"]
        processes.append(subprocess.Popen([sys.executable, "-m", "caveat", *words], stderr=subprocess.DEVNULL))
        found[f"w{number}"] = WitnessSettings(f"http://127.0.0.1:{port}", witness.key.verify_key.text)
    try:
        time.sleep(3 if count else 0)
        yield found
    finally:
        for process in processes:
            process.terminate()
            process.wait()


async def measure(directory: Path, callers: list[int], seconds: float, count: int) -> list[dict[str, float | str]]:
    keys = new_log_keys("bench.example.com/log")
    with witnesses(directory, count, keys) as asked:
        return await with_witnesses(directory, keys, callers, seconds, Settings(witness=asked))


async def with_witnesses(directory, keys, callers, seconds, settings) -> list[dict[str, float | str]]:
    rows: list[dict[str, float | str]] = []
    log = open_log(directory / "ledger", directory / "vault", keys)
    async with witnessing(Home(directory), settings, print) as asking:
        rows += await all_appends(directory, log, callers, seconds)
        if settings.witness:
            await asyncio.sleep(2)
        for name, standing in asking.standing.items():
            rows.append(
                {"what": f"cosigned by {name}", "callers": 1, "records": standing.size, "trouble": standing.trouble}
            )
    await log.close()
    rows.append(checked(directory, keys))
    return rows


async def all_appends(directory, log, callers, seconds) -> list[dict[str, float | str]]:
    rows: list[dict[str, float | str]] = []
    for count in callers:
        rows.append(floor(directory, count, min(seconds, 2.0)))
        rows.append(await appends(log, count, seconds))
        if log.size:
            await log.published(log.size - 1)
    return rows


def checked(directory: Path, keys: LogKeys) -> dict[str, float | str]:
    began = time.perf_counter()
    report = fsck(directory / "ledger", keys.verify_keys, directory / "vault")
    took = time.perf_counter() - began
    if not report.clean:
        sys.exit(f"the ledger is not sound: {report.findings[:3]}")
    return {"what": "fsck", "callers": 1, "per_s": round(report.published / took), "records": report.published}


def table(rows: list[dict[str, float | str]]) -> str:
    names = ["what", "callers", "per_s", "p50_ms", "p99_ms", "max_ms", "records"]
    lines = ["| " + " | ".join(names) + " |", "| " + " | ".join("---" for _ in names) + " |"]
    lines += ["| " + " | ".join(f"{row.get(name, '')}" for name in names) + " |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", default="1,16,64,256", help="how many at once, comma-separated")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each")
    parser.add_argument("--witnesses", type=int, default=0, help="how many witnesses cosign meanwhile")
    parser.add_argument("--dir", type=Path, help="where to write; its disk is what is measured")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="caveat-bench-") as directory:
        rows = asyncio.run(
            measure(Path(directory), [int(n) for n in args.callers.split(",")], args.seconds, args.witnesses)
        )
    goal = next((r for r in rows if r["what"] == "ledger append" and r["callers"] == TARGET_CALLERS), None)
    kept = goal is None or (float(goal["per_s"]) >= TARGET_PER_S and float(goal["p99_ms"]) < TARGET_P99_MS)
    if args.json:
        machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        print(json.dumps({**machine, "rows": rows, "target_kept": kept}, indent=1))
    else:
        print(table(rows))
        print(
            f"target ({TARGET_PER_S} a second and p99 under {TARGET_P99_MS} ms at 64 callers): {'kept' if kept else 'MISSED'}"
        )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
