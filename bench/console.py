"""How the console does with a full ledger: building its index, first paint of each page, what open consoles cost.

    python bench/console.py index [--calls 500000] [--dir DIR]          build index.sqlite from scratch
    python bench/console.py pages [--calls 500000] [--dir DIR]          time to first byte and first paint of each page
    python bench/console.py open [--seconds 5] [--rounds 3]             calls a second with 0 and with 50 open consoles

A home is made with that many calls of all outcomes (two records each), synthetic but with real salted records in real
tiles (bench/verify.py's), and kept in DIR if one is given, so that the next run need not make it again.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

import load
import overhead

from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import Home, create
from caveat.gateway.home.documents import Documents
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.index.base import drop
from caveat.gateway.index.write import alone, catch_up
from caveat.ledger.log import Entry
from caveat.ledger.reader import LedgerReader
from caveat.ledger.sequencer import open_log
from verify import Log

ORIGIN = "localhost/caveat/bench"
AT_ONCE = 240


class Made(Log):
    """Calls as entries, handed on in batches."""

    def __init__(self, seed: int, begins_ms: int) -> None:
        self.entries: list[Entry] = []
        self.count = 0
        super().__init__(seed)
        self.at_ms = begins_ms

    def add(self, *entries: Entry) -> int:
        self.entries += entries
        self.count += len(entries)
        return self.count - len(entries)


async def fill(home: Home, calls: int) -> None:
    keys, _ = house_keys(home, ORIGIN)
    log = open_log(home.ledger, home.vault, keys)
    documents = Documents(home.control)
    made = Made(1, time.time_ns() // 1_000_000 - calls * 100)
    for document in made.documents.values():
        documents.keep(document)
    for number in range(calls):
        made.call(number)
        if len(made.entries) >= AT_ONCE or number == calls - 1:
            placed = await log.append(tuple(made.entries))
            made.entries.clear()
            if placed[-1].index % 20_000 < AT_ONCE:
                await log.published(placed[-1].index)
                print(f"{placed[-1].index + 1} records", file=sys.stderr)
    await log.close()


def home_of(directory: Path, calls: int) -> Home:
    home, _ = create(directory / f"home-{calls}", default_text(ORIGIN))
    if not (home.ledger / "state").exists():
        asyncio.run(fill(home, calls))
    return home


def build(home: Home) -> dict[str, float]:
    drop(home.index)
    reader = LedgerReader(home.ledger, home.vault)
    began, cpu = time.perf_counter(), time.process_time()
    with alone(home.index) as mine:
        assert mine
        size = catch_up(home.index, reader, lambda seen, size: print(f"{seen} of {size}", file=sys.stderr))
    took = time.perf_counter() - began
    return {
        "records": size,
        "seconds": round(took, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "per_s": round(size / took),
        "mb": home.index.stat().st_size >> 20,
    }


PAGES = (
    "now",
    "calls",
    "calls?outcome=denied",
    "calls?clause=office.work&caller=clerk-7",
    "terms",
    "lifts",
    "ledger",
    "evidence",
    "callers",
)


def pages(home: Home) -> list[dict[str, object]]:
    """Each page five times: the first byte (plain HTTP, after one visit) and the first paint (a fresh browser tab)."""
    settings = home.settings_file.read_text().partition("[upstream")[0].replace("127.0.0.1:8484", "127.0.0.1:0")
    home.settings_file.write_text(settings)
    rows: list[dict[str, object]] = []
    with ExitStack() as stack:
        url = serve(stack, home)
        link = command("console", "link", "--home", str(home.path), "--role", "operator")["url"]
        driver = stack.enter_context(sync_playwright())
        chromium = shutil.which("chromium") or "/usr/bin/chromium"
        tab = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_context().new_page()
        tab.goto(link)
        tab.locator("main button").click()
        tab.wait_for_url("**/console/now")
        cookies = {one["name"]: one["value"] for one in tab.context.cookies()}
        with httpx.Client(base_url=url, cookies=cookies, timeout=60, trust_env=False) as client:
            for page in PAGES:
                bytes_ms, paint_ms = [], []
                for _ in range(6):
                    began = time.perf_counter()
                    reply = client.get(f"/console/{page}", headers={"sec-fetch-dest": "document"})
                    assert reply.status_code == 200, (page, reply.status_code)
                    bytes_ms.append((time.perf_counter() - began) * 1000)
                    tab.goto(f"{url}/console/{page}")
                    paint_ms.append(tab.evaluate(PAINT))
                rows.append(
                    {
                        "page": page,
                        "bytes_ms": median(bytes_ms[1:]),
                        "paint_ms": median(paint_ms[1:]),
                        "most_paint_ms": round(max(paint_ms[1:])),
                    }
                )
    return rows


PAINT = """() => new Promise((done) => { const look = () => { const one = performance.getEntriesByName("first-contentful-paint")[0];
  one ? done(one.startTime) : setTimeout(look, 5); }; look(); })"""


def median(values: list[float]) -> int:
    return round(sorted(values)[len(values) // 2])


def command(*words: str) -> dict[str, Any]:
    out = subprocess.run([sys.executable, "-m", "caveat", *words, "--json"], check=True, capture_output=True).stdout
    told: dict[str, Any] = json.loads(out)
    return told


def serve(stack: ExitStack, home: Home, *core: str) -> str:
    process = subprocess.Popen(
        [*core, sys.executable, "-m", "caveat", "serve", "--home", str(home.path), "--json"], stdout=subprocess.PIPE
    )
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == b"}\n":
            break
    return str(json.loads(b"".join(lines))["url"])


async def opened(
    url: str, cookie: tuple[str, str], many: int, body: bytes, caller: dict[str, str], seconds: float
) -> dict[str, object]:
    """Calls a second by 16 callers while so many consoles follow what happens."""
    got = 0

    async def follow() -> None:
        nonlocal got
        headers = {"cookie": "=".join(cookie), "sec-fetch-dest": "empty"}
        client = httpx.AsyncClient(timeout=None, trust_env=False)
        async with client, client.stream("GET", f"{url}/console/now/events", headers=headers) as stream:
            async for line in stream.aiter_lines():
                got += line.startswith("event:")

    followers = [asyncio.create_task(follow()) for _ in range(many)]
    await asyncio.sleep(2.0 if many else 0.0)
    done = await load.run(url, "/v1/chat/completions", body, caller, 16, seconds)
    for follower in followers:
        follower.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    return {"open": many, "calls_per_s": round(done.rate), "failed": done.failed, "events": got}


def consoles(seconds: float, rounds: int) -> list[dict[str, object]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="caveat-bench-")))
        served = overhead.gateway(stack, folder, overhead.scripted_upstream(stack, folder).url)
        url = served.url
        link = command("console", "link", "--home", str(folder / "home"), "--role", "viewer")["url"]
        with httpx.Client(base_url=url, trust_env=False) as client:
            token = httpx.URL(link).params["link"]
            client.post("/console/login", data={"link": token})
            cookie = next(iter(client.cookies.items()))
        turns = [many for _ in range(rounds) for many in (0, 50)]
        return [
            asyncio.run(opened(url, cookie, many, overhead.body(stream=False), served.headers, seconds))
            for many in turns
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["index", "pages", "open"])
    parser.add_argument("--calls", type=int, default=500_000)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="caveat-bench-") as fresh:
        if options.what == "open":
            print(json.dumps(consoles(options.seconds, options.rounds), indent=1))
            return
        home = home_of(options.dir or Path(fresh), options.calls)
        print(json.dumps({"what": "index", **build(home)} if options.what == "index" else pages(home), indent=1))


if __name__ == "__main__":
    main()
