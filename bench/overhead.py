"""What the gateway adds to a call, measured beside a bare forwarder and the upstream itself, in one run.

Everything is on: authentication, reading, recognizers, decision, durable ledger, ticket, duties, guard.  The gateway (and
the forwarder) has one core, the upstream and the load generator the other.  Each row is measured in turn, round after
round, and the rounds are pooled, so that a slow minute of the machine hits all rows alike.  `cpu_us` is the processor time
that the process which answers spent on a call, all its threads together: other work on the machine changes it little.

    .venv/bin/python bench/overhead.py [--seconds 5] [--rounds 3] [--callers 1 16 64] [--learned] [--json]

`--learned` adds a second gateway that reads with the learned recognizer too, so one run shows both.
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
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from caveat.gateway.scripted import server as scripted

ROOT = Path(__file__).resolve().parent.parent
CAVEAT = str(ROOT / ".venv/bin/caveat")
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


class Target(Struct, frozen=True):
    """Who is called: address, headers, and the process that answers."""

    name: str
    url: str
    pid: int
    headers: dict[str, str] = {}

    def spent_us(self) -> float:
        """The processor time of the process since it began, in microseconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6


class Measured(Struct, frozen=True):
    """One run of one target, and the processor time that it spent."""

    run: load.Run
    spent_us: float


def body(*, stream: bool) -> bytes:
    value = {"model": "smollm2-135m", "messages": [{"role": "user", "content": TEXT}], "max_tokens": 60}
    return json.dumps({**value, "stream": True} if stream else value).encode()


def pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


def start(stack: ExitStack, core: int, *command: str) -> tuple[str, int]:
    """Start a process that prints one line when it is ready; the line's last word, and the process."""
    process = subprocess.Popen([*pinned(core), *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    assert process.stdout is not None
    return process.stdout.readline().split()[-1], process.pid


def scripted_upstream(stack: ExitStack, folder: Path) -> Target:
    """The scripted upstream on core 1."""
    script = folder / "script.json"
    script.write_text(json.dumps(SCRIPT))
    return Target(
        "upstream alone", *start(stack, 1, sys.executable, "-m", scripted.__name__, str(script), "--port", "0")
    )


def make_home(folder: Path, upstream: str, *, learned: bool = False) -> Path:
    """A home with sample terms, whose model is that upstream."""
    home = folder / ("learned" if learned else "home")
    home.mkdir(mode=0o700)
    reads = "\n[recognizer]\nlearned = true\n" if learned else ""
    (home / "caveat.toml").write_text(SETTINGS.format(url=upstream) + reads)
    made = [CAVEAT, "init", "--sample", "--home", str(home)]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return home


def bearer(home: Path) -> dict[str, str]:
    """The headers of a call by the sample caller."""
    return {"authorization": f"Bearer {(home / 'keys/sample-caller.key').read_text().strip()}"}


def gateway(stack: ExitStack, folder: Path, upstream: str, *, learned: bool = False) -> Target:
    """The gateway of such a home on core 0."""
    home = make_home(folder, upstream, learned=learned)
    command = [*pinned(0), CAVEAT, "serve", "--home", str(home), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    assert process.stdout is not None
    said = ""
    while not said.endswith("\n}\n"):
        said += process.stdout.readline()
    name = "caveat, learned recognizer" if learned else "caveat"
    return Target(name, json.loads(said)["url"], process.pid, bearer(home))


async def measure(targets: list[Target], options: argparse.Namespace) -> list[dict[str, object]]:
    rows = []
    for stream in (False, True):
        for callers in options.callers if not stream else (1,):
            pooled: dict[str, list[Measured]] = {target.name: [] for target in targets}
            for _ in range(options.rounds):
                for target in targets:
                    pooled[target.name].append(await once(target, callers, options.seconds, stream=stream))
            rows += [row(name, many, stream=stream) for name, many in pooled.items()]
    return rows


async def once(target: Target, callers: int, seconds: float, *, stream: bool) -> Measured:
    before = target.spent_us()
    run = await load.run(target.url, "/v1/chat/completions", body(stream=stream), target.headers, callers, seconds)
    return Measured(run, target.spent_us() - before)


def row(name: str, many: list[Measured], *, stream: bool) -> dict[str, object]:
    runs = [one.run for one in many]
    whole = load.Run(
        runs[0].callers, sum(r.seconds for r in runs), [s for r in runs for s in r.samples], sum(r.made for r in runs)
    )
    return {
        "target": name,
        "stream": stream,
        "callers": whole.callers,
        "rate": round(whole.rate),
        "p50_ms": round(whole.percentile(50) * 1000, 3),
        "p99_ms": round(whole.percentile(99) * 1000, 3),
        "first_byte_p50_ms": round(whole.percentile(50, "first") * 1000, 3),
        "cpu_us": round(sum(one.spent_us for one in many) / max(1, whole.made)),
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
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--learned", action="store_true", help="add a gateway that reads with the learned recognizer too"
    )
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = scripted_upstream(stack, folder)
        floor = Target("bare forwarder", *start(stack, 0, sys.executable, "bench/forwarder.py", upstream.url))
        targets = [upstream, floor, gateway(stack, folder, upstream.url)]
        if options.learned:
            targets.append(gateway(stack, folder, upstream.url, learned=True))
        rows = asyncio.run(measure(targets, options))
    print(json.dumps(rows, indent=2)) if options.json else show(rows)


if __name__ == "__main__":
    main()
