"""How fast recorded calls are decided again under other terms.

    python bench/replay.py [--calls 100000] [--processes 2] [--json]

Calls of all outcomes under the sample terms are made first, in memory (bench/verify.py's: a hundred callers, lengths and
times that hardly repeat), each with its real salted records: one opened, one settled.  Then they are replayed under the
same terms with thresholds and a ceiling moved, in one process or in several that each take a part of them.  Every
commitment that is used is checked, every changed decision confirmed by Cedar.  `for_a_million_s` is the wall time scaled
to 1,000,000 calls; reading a ledger from disk is not in it.
"""

import argparse
import gc
import itertools
import json
import multiprocessing
import os
import platform
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    Given.log = Recorded(options.seed)
    for number in range(options.calls):
        Given.log.call(number)
    yaml = Given.log.draft.yaml
    for old, new in CHANGES:
        yaml = yaml.replace(old, new)
    Given.after = Terms(read_draft(yaml), "sha256:" + "0" * 64, ())
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
        "machine": {"python": platform.python_version(), "cpu": platform.machine(), "cores": os.cpu_count()},
    }
    print(json.dumps(result, indent=2) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
