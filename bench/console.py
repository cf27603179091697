"""How the console does with a full ledger: building its index, first paint of each page, what open consoles cost.

    python bench/console.py index [--calls 500000] [--dir DIR]          build index.sqlite from scratch
    python bench/console.py pages [--calls 500000] [--dir DIR]          time to first byte and first paint of each page

A home is made with that many calls of all outcomes (two records each), synthetic but with real salted records in real
tiles (bench/verify.py's), and kept in DIR if one is given, so that the next run need not make it again.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from caveat.gateway.defaults import default_text
from caveat.gateway.documents import Documents
from caveat.gateway.founding import house_keys
from caveat.gateway.home import Home, create
from caveat.gateway.index_base import drop
from caveat.gateway.index_write import alone, catch_up
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
    began = time.perf_counter()
    with alone(home.index) as mine:
        assert mine
        size = catch_up(home.index, reader, lambda seen, size: print(f"{seen} of {size}", file=sys.stderr))
    took = time.perf_counter() - began
    return {
        "records": size,
        "seconds": round(took, 1),
        "per_s": round(size / took),
        "mb": home.index.stat().st_size >> 20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["index"])
    parser.add_argument("--calls", type=int, default=500_000)
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="caveat-bench-") as fresh:
        home = home_of(options.dir or Path(fresh), options.calls)
        print(json.dumps({"what": "index", **build(home)}))


if __name__ == "__main__":
    main()
