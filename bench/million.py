"""A bundle of a million records: how long to export, how long and in how much memory to verify.

    python bench/million.py [--records 1000000] [--profiles none,audit] [--receipts 2000] [--processes N] [--keep DIR]

The log of bench/verify.py, kept on disk as a gateway keeps it; export and verification each run in a process of their own,
whose wall clock, processor time and peak memory are told, all processes of verification together.  Making the log takes as long as everything else together.
Receipts are verified one by one at the end.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from caveat.decide.policy import ENGINE
from caveat.evidence.export import Order, Source, export
from caveat.evidence.pool import processes_for
from caveat.evidence.trust import read_trust
from caveat.evidence.verify import verify
from caveat.keys import read_signing_key
from caveat.ledger.checkpoint import LogKeys, log_keys, sign_checkpoint
from caveat.ledger.receipt import Receipt, make_receipt, verify_receipt
from caveat.ledger.tiles import TILE_WIDTH, TreeReader
from caveat.ledger.tree import leaf_hash
from caveat.note import TreeHead
from verify import Log


class Files:
    """The log's files, in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def update(self, files) -> None:
        for name, data in files:
            path = self._directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def get(self, name: str) -> bytes | None:
        path = self._directory / name
        return path.read_bytes() if path.exists() else None


class Asides:
    """What opens records, a file for 256 of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._size = 0
        self._waiting: list[bytes] = []
        directory.mkdir(exist_ok=True)

    def __len__(self) -> int:
        return self._size

    def __iadd__(self, asides):
        for aside in asides:
            self._waiting.append(aside)
            self._size += 1
            if len(self._waiting) == TILE_WIDTH:
                self.flush()
        return self

    def flush(self) -> None:
        n = (self._size - len(self._waiting)) // TILE_WIDTH
        (self._directory / str(n)).write_text(json.dumps([aside.decode() for aside in self._waiting]))
        self._waiting = []


def make(directory: Path, records: int) -> None:
    log = Log.__new__(Log)
    # the fields of Log's own that hold everything in memory, replaced before it begins
    log.files, log.asides = Files(directory), Asides(directory / "asides")
    log.begin(1)
    number = 0
    while len(log.asides) < records:
        log.call(number)
        number += 1
    log.settle()
    log.asides.flush()
    size = len(log.asides)
    head = TreeHead(log.keys.origin, size, TreeReader(log.files.get, size).root())
    (directory / "checkpoint").write_bytes(sign_checkpoint(head, log.keys, log.at_ms // 1000))
    (directory / "keys").write_text("\n".join(key.text for key in log.keys.signing))
    (directory / "documents").mkdir()
    for name, data in log.documents.items():
        (directory / "documents" / name.removeprefix("sha256:")).write_bytes(data)
    logs = [f"log {key.text}" for key in log.keys.verify_keys]
    parties = [f"party {role} {key.verify_key.text}" for role, key in log.parties.items()]
    (directory / "trust").write_text("\n".join([*logs, *parties, "quorum none", ""]))


def keys_of(directory: Path) -> LogKeys:
    return log_keys([read_signing_key(line) for line in (directory / "keys").read_text().split()])


def source_of(directory: Path) -> Source:
    def asides(n: int) -> list[bytes]:
        return [aside.encode() for aside in json.loads((directory / "asides" / str(n)).read_text())]

    def document(name: str) -> bytes:
        return (directory / "documents" / name.removeprefix("sha256:")).read_bytes()

    return Source((directory / "checkpoint").read_bytes(), Files(directory).get, asides, document)


def do_export(directory: Path, profile: str) -> None:
    with (directory / f"{profile}.zip").open("w+b") as file:
        export(source_of(directory), Order(0, None, profile, ENGINE), keys_of(directory).plain, file)


def do_verify(directory: Path, profile: str) -> None:
    """With as many processes as `caveat verify` takes, or as PROCESSES says."""
    processes = int(os.environ.get("PROCESSES", "0")) or None
    with (directory / f"{profile}.zip").open("rb") as file:
        report = verify(file, read_trust((directory / "trust").read_bytes()), processes=processes)
        used = processes_for(report.manifest.to - report.manifest.start, processes, file)
    assert report.verified, report.sentences()
    peaks = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        f"processes that read: {used}; memory in all at most {peaks[0] + peaks[1] * used * (used > 1)} MB", flush=True
    )


STEPS = {"make": make, "export": do_export, "verify": do_verify}


def timed(*words: str) -> dict:
    """A step in a process of its own."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, __file__, "--step", *words])
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, words
    return {
        "wall_s": round(time.monotonic() - started, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": usage.ru_maxrss // 1024,
    }


def receipts(directory: Path, count: int) -> dict:
    source, keys = source_of(directory), keys_of(directory)
    size = int(source.checkpoint.split(b"\n")[1])
    tree = TreeReader(source.read, size)
    made = []
    for i in range(count):
        index = i * size // count
        receipt = make_receipt(Receipt(index, tuple(tree.inclusion(index)), source.checkpoint))
        made.append((receipt, leaf_hash(tree.entry(index))))
    started = time.process_time()
    for receipt, digest in made:
        verify_receipt(receipt, digest, keys.verify_keys, keys.origin)
    return {"receipts": count, "ms_each": round((time.process_time() - started) * 1000 / count, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--profiles", default="none,audit")
    parser.add_argument("--receipts", type=int, default=2_000)
    parser.add_argument(
        "--processes", type=int, default=0, help="that read in verification; 0: one a core, four at most"
    )
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, directory, word = options.step
        STEPS[name](Path(directory), int(word) if name == "make" else word)
        return
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.keep or Path(scratch)
        os.environ["PROCESSES"] = str(options.processes)
        directory.mkdir(exist_ok=True)
        print(f"{options.records} records; python {platform.python_version()}, {os.cpu_count()} cores", flush=True)
        print("make", timed("make", str(directory), str(options.records)), flush=True)
        for profile in options.profiles.split(","):
            for step in ("export", "verify"):
                print(step, profile, timed(step, str(directory), profile), flush=True)
            size = (directory / f"{profile}.zip").stat().st_size
            print("bundle", profile, f"{size / 1e6:.0f} MB", flush=True)
            (directory / f"{profile}.zip").unlink()
        print(receipts(directory, options.receipts), flush=True)


if __name__ == "__main__":
    main()
