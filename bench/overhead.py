"""What the gateway adds to a call, measured beside a bare forwarder and the upstream itself, in one run.

Everything is on: authentication, reading, recognizers, decision, durable ledger, ticket, duties, guard.  The gateway (and
the forwarder) has one core, the upstream and the load generator the other.  Each row is measured in turn, round after
round, and the rounds are pooled, so that a slow minute of the machine hits all rows alike.

    .venv/bin/python bench/overhead.py [--seconds 5] [--rounds 3] [--json]
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import load
from rich.console import Console
from rich.table import Table

from caveat.gateway import scripted

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = {"rules": [{"reply": {"answer": {"text": "The committee met on Tuesday and agreed the budget. " * 2}}}]}
TEXT = "Summarise in one sentence: the committee met on Tuesday and agreed the budget for the library. " * 4
SETTINGS = """
[gateway]
address = "127.0.0.1:0"
origin = "localhost/caveat/bench"

[upstream.scripted]
base_url = "{url}"
dialects = ["openai_chat", "anthropic_messages"]
models = {{ "smollm2-135m" = "scripted" }}
identity = "weights:sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""


def body(*, stream: bool) -> bytes:
    value = {"model": "smollm2-135m", "messages": [{"role": "user", "content": TEXT}], "max_tokens": 60}
    return json.dumps({**value, "stream": True} if stream else value).encode()


def pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


def start(stack: ExitStack, core: int, *command: str) -> str:
    """Start a process that prints one line when it is ready; returns the line."""
    process = subprocess.Popen([*pinned(core), *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    assert process.stdout is not None
    return process.stdout.readline().strip()


def gateway(stack: ExitStack, folder: Path, upstream: str, *, learned: bool = False) -> tuple[str, str]:
    """A home with sample terms, its gateway on core 0; the address and a caller's key."""
    home = folder / "home"
    home.mkdir()
    reads = "\n[recognizer]\nlearned = true\n" if learned else ""
    (home / "caveat.toml").write_text(SETTINGS.format(url=upstream) + reads)
    caveat = str(ROOT / ".venv/bin/caveat")
    subprocess.run([caveat, "init", "--sample", "--home", str(home)], check=True, stdout=subprocess.DEVNULL)
    line = ""
    process = subprocess.Popen(
        [*pinned(0), caveat, "serve", "--home", str(home), "--json"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    assert process.stdout is not None
    while line.strip() != "}":
        text = process.stdout.readline()
        line = text
        if '"url"' in text:
            url = text.split('"')[3]
    return url, (home / "keys/sample-caller.key").read_text().strip()


async def measure(
    targets: dict[str, tuple[str, dict[str, str]]], seconds: float, rounds: int
) -> list[dict[str, object]]:
    rows = []
    for stream in (False, True):
        for callers in (1, 16, 64) if not stream else (1,):
            pooled: dict[str, list[load.Run]] = {name: [] for name in targets}
            for _ in range(rounds):
                for name, (url, headers) in targets.items():
                    pooled[name].append(
                        await load.run(url, "/v1/chat/completions", body(stream=stream), headers, callers, seconds)
                    )
            rows += [row(name, runs, stream=stream) for name, runs in pooled.items()]
    return rows


def row(name: str, runs: list[load.Run], *, stream: bool) -> dict[str, object]:
    whole = load.Run(runs[0].callers, sum(r.seconds for r in runs), [s for r in runs for s in r.samples])
    return {
        "target": name,
        "stream": stream,
        "callers": whole.callers,
        "rate": round(whole.rate),
        "p50_ms": round(whole.percentile(50) * 1000, 3),
        "p99_ms": round(whole.percentile(99) * 1000, 3),
        "first_byte_p50_ms": round(whole.percentile(50, "first") * 1000, 3),
        "failed": whole.failed,
    }


def show(rows: list[dict[str, object]]) -> None:
    table = Table(*rows[0], box=None)
    for each in rows:
        table.add_row(*(str(value) for value in each.values()))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--learned", action="store_true", help="read with the learned recognizer too")
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        script = folder / "script.json"
        script.write_text(json.dumps(SCRIPT))
        upstream = start(stack, 1, sys.executable, "-m", scripted.__name__, str(script), "--port", "0").split()[-1]
        floor = start(stack, 0, sys.executable, "bench/forwarder.py", upstream)
        url, key = gateway(stack, folder, upstream, learned=options.learned)
        targets = {
            "upstream alone": (upstream, {}),
            "bare forwarder": (floor, {}),
            "caveat": (url, {"authorization": f"Bearer {key}"}),
        }
        rows = asyncio.run(measure(targets, options.seconds, options.rounds))
    print(json.dumps(rows, indent=2)) if options.json else show(rows)


if __name__ == "__main__":
    main()
