"""Where the processor time of a call goes: the gateway under load in this process, sampled as it spends time.

A timer rings as the event loop's thread spends processor time; each ring charges what it has spent since the last one to
the row that the running code belongs to.  So other work on the machine changes little, and nothing is slowed that is
not sampled.  What the ledger's two threads spend is read from the kernel.  Divided by the calls that were answered.

    .venv/bin/python bench/where.py [--seconds 10] [--callers 16] [--stream] [--learned] [--json]
"""

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import load
import overhead
import uvloop
from rich.console import Console
from rich.table import Table

from caveat.gateway.home.directory import Home, open_home
from caveat.gateway.house.house import House
from caveat.gateway.serving.serve import bind, serve, url_of

PERIOD_NS = 1_000_000
SIGEV_THREAD_ID = 4
ROWS = (
    (
        "HTTP from the caller (uvicorn, httptools, our bounds)",
        ("/uvicorn/", "/protocol.py", "/sender.py", "/bodyin.py"),
    ),
    ("HTTP to the model (aiohttp)", ("/aiohttp/", "/yarl/", "/multidict/", "/upstream.py", "/upstream_reply.py")),
    ("HTTP to the model: headers and query", ("/forwarding.py", "/endpoint.py")),
    ("the client's hang-up watched", ("/watch.py", "/winding.py")),
    ("reading the request", ("/wire/openai_chat_request.py", "/wire/asked.py")),
    ("reading the reply", ("/wire/openai_chat_reply.py", "/wire/heard.py")),
    (
        "placing the notice, routing the model's name",
        ("/wire/span.py", "/wire/openai_chat_write.py", "/wire/masked.py"),
    ),
    ("recognizers", ("/recognize/",)),
    ("gathering facts", ("/facts/",)),
    ("deciding (Cedar asked where the facts are new)", ("/decide/decide.py", "/decide/policy.py")),
    ("the guard of the reply", ("/decide/guard.py",)),
    ("records: salts, commitments, canonical JSON", ("/caveat/record.py", "/caveat/record/", "/outcome.py")),
    ("ticket: Ed25519", ("/ledger/receipt.py", "/caveat/note.py")),
    ("handing records to the ledger", ("/ledger/",)),
    ("counters", ("/metrics.py", "/prometheus_client/")),
    (
        "authentication, routes, leases, waivers",
        ("/callers.py", "/routing.py", "/leasing.py", "/lifting.py", "/view.py"),
    ),
    (
        "the spine",
        ("/handle.py", "/opening.py", "/exchange.py", "/settling.py", "/app.py", "/duties.py", "/judging.py"),
    ),
)
"""What a row is called, and the paths of the code that belongs to it; the innermost frame that is in a row says which."""
REST = "the rest: tasks, the event loop"


class Event(ctypes.Structure):
    """`struct sigevent` of Linux, for a signal to one thread."""

    _fields_ = (("value", ctypes.c_void_p), ("signo", ctypes.c_int), ("notify", ctypes.c_int), ("tid", ctypes.c_int),
                ("_rest", ctypes.c_int * 11))  # fmt: skip


class Every(ctypes.Structure):
    """`struct itimerspec`: period, then first ring, each in seconds and nanoseconds."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


class Sampler:
    """Charges the main thread's processor time to rows: a timer on that thread's own clock rings, so what other threads do
    meanwhile is not charged to where this one waits for them."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._rows: dict[str, str | None] = {}
        self._last = 0.0
        self._timer = ctypes.c_void_p()
        self._libc = ctypes.CDLL(None, use_errno=True)

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._ring)
        self._last = time.thread_time()
        event = Event(None, signal.SIGPROF, SIGEV_THREAD_ID, threading.get_native_id())
        made = self._libc.timer_create(time.CLOCK_THREAD_CPUTIME_ID, ctypes.byref(event), ctypes.byref(self._timer))
        assert made == 0, os.strerror(ctypes.get_errno())
        self._libc.timer_settime(self._timer, 0, ctypes.byref(Every(0, PERIOD_NS, 0, PERIOD_NS)), None)

    def stop(self) -> None:
        self._libc.timer_settime(self._timer, 0, ctypes.byref(Every(0, 0, 0, 0)), None)

    def _ring(self, _number: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        while frame is not None and self._row(frame.f_code.co_filename) is None:
            frame = frame.f_back
        row = self._row(frame.f_code.co_filename) if frame is not None else None
        self.spent[row or REST] += now - self._last  # type: ignore[assignment]  # seconds
        self._last = now

    def _row(self, path: str) -> str | None:
        if path not in self._rows:
            self._rows[path] = next((name for name, ours in ROWS if any(one in path for one in ours)), None)
        return self._rows[path]


def threads() -> dict[str, float]:
    """Processor seconds of each thread of this process, by what it is for."""
    ticks = os.sysconf("SC_CLK_TCK")
    found: Counter[str] = Counter()
    names = {str(one.native_id): one.name for one in threading.enumerate()}
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[names.get(task.name, "others")] += (int(fields[11]) + int(fields[12])) / ticks  # type: ignore[assignment]
    return dict(found)


async def profile(home: Home, options: argparse.Namespace) -> dict[str, object]:
    """Serve the home while a load generator in a process of its own calls; what came of it."""
    found: dict[str, object] = {}
    settings = home.settings()
    listener = bind(settings)
    sampler = Sampler()

    async def drive(house: House) -> None:
        await asyncio.sleep(1.0)
        for warm in (True, False):
            before, decided = threads(), house.log.size
            if not warm:
                sampler.start()
            await run_load(url_of(listener), home, options, 1.0 if warm else options.seconds)
        sampler.stop()
        after, calls = threads(), (house.log.size - decided) / 2
        found["calls"] = round(calls)
        found["event_loop_us"] = {n: round(s / calls * 1e6, 1) for n, s in sampler.spent.most_common()}
        rest = {n: round((s - before.get(n, 0.0)) / calls * 1e6, 1) for n, s in after.items()}
        found["thread_us"] = dict(sorted(rest.items()))
        os.kill(os.getpid(), signal.SIGTERM)

    tasks: list[asyncio.Task[None]] = []

    async def prepare(house: House) -> None:
        tasks.append(asyncio.create_task(drive(house)))

    await serve(home, settings, listener, prepare, lambda _: None)
    await asyncio.gather(*tasks)
    return found


async def run_load(url: str, home: Home, options: argparse.Namespace, seconds: float) -> None:
    command = [*overhead.pinned(1), sys.executable, __file__, "--load", url, str(home.path), "--seconds", str(seconds)]
    command += ["--callers", str(options.callers), *(["--stream"] if options.stream else [])]
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise SystemExit("the load generator failed")


def show(found: dict[str, object]) -> None:
    table = Table("of the event loop's thread", "us a call", "per cent", box=None)
    rows: dict[str, float] = found["event_loop_us"]  # type: ignore[assignment]
    whole = sum(rows.values())
    for name, us in rows.items():
        table.add_row(name, f"{us:.0f}", f"{100 * us / whole:.0f}")
    table.add_row("together", f"{whole:.0f}", "100")
    Console().print(table)
    Console().print(f"by thread, us a call: {found['thread_us']}; {found['calls']} calls")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--learned", action="store_true", help="read with the learned recognizer too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--load", nargs=2, metavar=("URL", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        url, home = options.load
        body, headers = overhead.body(stream=options.stream), overhead.bearer(Path(home))
        made = asyncio.run(load.run(url, "/v1/chat/completions", body, headers, options.callers, options.seconds))
        sys.exit(1 if made.failed or not made.samples else 0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = overhead.scripted_upstream(stack, folder)
        home = overhead.make_home(folder, upstream.url, learned=options.learned)
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(0, {0})
        found = uvloop.run(profile(open_home(home), options))
    print(json.dumps(found, indent=2)) if options.json else show(found)


if __name__ == "__main__":
    main()
