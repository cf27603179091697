"""How fast recorded calls are decided again under other terms.

    python bench/replay.py [--calls 100000] [--processes 2] [--json]
    python bench/replay.py --disk [--calls 1000000] [--keep HOME]

Calls of all outcomes under the sample terms are made first, in memory (bench/verify.py's: a hundred callers, lengths and
times that hardly repeat), each with its real salted records: one opened, one settled.  Then they are replayed under the
same terms with thresholds and a ceiling moved, in one process or in several that each take a part of them.  Every
commitment that is used is checked, every changed decision confirmed by Cedar.  `for_a_million_s` is the wall time scaled
to 1,000,000 calls; reading a ledger from disk is not in it.

With `--disk` the same calls are appended to the ledger of a real home, and what is timed is the command that people type,
`caveat terms replay`, in a process of its own: start, the terms on record, every hash on the way to the checkpoint's root,
the vault, the decisions, Cedar's confirmation, the statement.  Making the ledger takes longer than replaying it.  Files that
were just written are in the system's memory: that a disk is slower than that is not in the figure.
"""

import argparse
import asyncio
import gc
import itertools
import json
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from caveat.decide.policy import Policy
from caveat.errors import Unavailable
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import Home, create
from caveat.gateway.house.founding import found, found_sample
from caveat.gateway.house.house import House
from caveat.gateway.serving.startup import open_house
from caveat.ledger.log import Entry
from caveat.talks.draft import read_draft
from caveat.talks.impact import Tally
from caveat.talks.replay import Span, replay
from caveat.terms.document import Terms
from verify import Log

CHANGES = ((b"default: 500", b"default: 700"), (b"context.labelRank <= 4", b"context.labelRank < 1"))


class Given:
    """What forked processes share: made once, before they begin."""

    log: "Recorded"
    after: Terms


class Recorded(Log):
    """Calls as entries, without a tree."""

    def __init__(self, seed: int) -> None:
        self.entries: list[Entry] = []
        super().__init__(seed)
        self.entries.clear()

    def add(self, *entries: Entry) -> int:
        self.entries += entries
        return len(self.entries) - len(entries)


def part(span: Span) -> Tally:
    listed = ((index, Given.log.entries[index]) for index in range(span.first, len(Given.log.entries)))
    return replay(listed, Given.after, {Given.log.policy.terms.digest: Given.log.draft}, span)


def cpu_s() -> float:
    """Processor time of this process and of those that it waited for: what a busy machine does not change."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def changed_yaml(yaml: bytes) -> bytes:
    for old, new in CHANGES:
        yaml = yaml.replace(old, new)
    return yaml


async def written(made: Home, calls: int, seed: int) -> bytes:
    """A home's ledger full of calls; the sample terms' text, changed."""
    async with open_house(made, made.settings(), serving=False) as house:
        await found(house, made)
        await found_sample(house, made)
        log = Recorded(seed)
        terms = next(iter(house.view.register.terms.values()))
        log.policy, log.draft = Policy(terms), terms.draft
        for number in range(calls):
            log.call(number)
            if len(log.entries) >= 256 or number == calls - 1:
                await appended(house, tuple(log.entries))
                log.entries.clear()
        await house.log.published(house.log.size - 1)
        return changed_yaml(terms.draft.yaml)


async def appended(house: House, entries: tuple[Entry, ...]) -> None:
    """Append once the ledger takes it: it refuses where its checkpoints lag behind."""
    while True:
        try:
            await house.log.append(entries)
        except Unavailable as error:
            if error.code != "overloaded":
                raise
            await asyncio.sleep(0.2)
        else:
            return


def on_disk(options: argparse.Namespace, directory: Path) -> dict:
    made, _ = create(directory, default_text(origin="localhost/bench"))
    started = time.perf_counter()
    yaml = asyncio.run(written(made, options.calls, options.seed))
    making = time.perf_counter() - started
    (directory.parent / "after.yaml").write_bytes(yaml)
    command = [
        sys.executable,
        "-m",
        "caveat",
        "terms",
        "replay",
        str(directory.parent / "after.yaml"),
        "--home",
        str(directory),
        "--json",
    ]
    started, used = time.perf_counter(), cpu_s()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    wall, used = time.perf_counter() - started, cpu_s() - used
    impact = json.loads(done.stdout)
    return {
        "making_the_ledger_s": round(making, 1),
        "calls": impact["calls"],
        "wall_s": round(wall, 2),
        "cpu_s": round(used, 2),
        "for_a_million_s": round(wall * 1e6 / impact["calls"], 1),
        "for_a_million_cpu_s": round(used * 1e6 / impact["calls"], 1),
        "changed": impact["changed"],
        "cannot": impact["cannot"],
        "confirmed_by_cedar": impact["confirmed"],
        "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


def show(result: dict, *, as_json: bool) -> None:
    result["machine"] = {"python": platform.python_version(), "cpu": platform.machine(), "cores": os.cpu_count()}
    print(json.dumps(result, indent=2) if as_json else "\n".join(f"{k}: {v}" for k, v in result.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--disk", action="store_true")
    parser.add_argument("--keep", type=Path, help="with --disk: where to make the home, which then stays")
    options = parser.parse_args()
    if options.disk:
        with tempfile.TemporaryDirectory() as scratch:
            show(on_disk(options, options.keep or Path(scratch) / "home"), as_json=options.json)
        return
    Given.log = Recorded(options.seed)
    for number in range(options.calls):
        Given.log.call(number)
    Given.after = Terms(read_draft(changed_yaml(Given.log.draft.yaml)), "sha256:" + "0" * 64, ())
    many, size = options.processes, len(Given.log.entries)
    edges = [size * place // many for place in range(many + 1)]
    spans = [Span(first, last, 0, 2**52) for first, last in itertools.pairwise(edges)]
    gc.freeze()  # the log in memory is the benchmark's own; a replay reads it from disk, piece by piece
    started, used = time.perf_counter(), cpu_s()
    if many == 1:
        parts = [part(spans[0])]
    else:
        with multiprocessing.get_context("fork").Pool(many) as pool:
            parts = pool.map(part, spans)
    wall, used = time.perf_counter() - started, cpu_s() - used
    for one in parts[1:]:
        parts[0].add(one)
    whole = parts[0]
    result = {
        "calls": whole.calls,
        "processes": many,
        "wall_s": round(wall, 2),
        "cpu_s": round(used, 2),
        "for_a_million_s": round(wall * 1e6 / whole.calls, 1),
        "for_a_million_cpu_s": round(used * 1e6 / whole.calls, 1),
        "changed": dict(whole.kinds),
        "cannot": dict(whole.reasons),
        "confirmed_by_cedar": whole.confirmed,
    }
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
