"""How fast the learned recognizer reads, on one core: `python bench/recognize.py [--rows FILE.jsonl]`.

Texts are our own training rows (training/written), repeated and joined to the lengths that are asked for; with
`--rows` those of a JSONL file (`{"text": ...}`).  Printed: loading, memory, texts a second at 64 tokens, 512 tokens and
on the rows as they are, p50 and p99.  A token here is one of the model's word
pieces.  Whole path: normalising, every view, windows, calibration.

Each set is shown by who settled its texts, too: phrases alone; the first reader, which held the text to be clear (`any` below
`second.low` of the weights in every window) or which alone reads the language; or both readers.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402
import json  # noqa: E402
import resource  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

WRITTEN = Path(__file__).parent.parent / "training" / "written"


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def texts(path: Path | None) -> list[str]:
    files = [path] if path else sorted(WRITTEN.glob("*.jsonl"))
    return [json.loads(line)["text"] for file in files for line in file.read_text("utf-8").splitlines()]


def of_length(size: int, all_texts: list[str], words: Any) -> list[str]:
    """Stretches of `size` pieces from all over the rows, 200 at most."""
    text = " ".join(" ".join(all_texts).split())
    _, starts, _ = words.cut(text.lower())
    return [text[starts[at] : starts[at + size]] for at in range(0, len(starts) - size, max(1, len(starts) // 200))]


class Watched:
    """The second reader, and whether it was asked."""

    def __init__(self, second: Any) -> None:
        self._second, self.low, self.table = second, second.low, second.table
        self.asked = False

    def reads(self, low: str) -> bool:
        return bool(self._second.reads(low))

    def __call__(self, texts: list[str], first: Any) -> Any:
        self.asked = True
        return self._second(texts, first)


def settled_by(learned: Any, some: list[str], look: Any) -> dict[str, list[str]]:
    """Who settled each text."""
    found: dict[str, list[str]] = {"phrases": [], "the first reader": [], "both readers": []}
    watched = learned._second = Watched(learned._second)  # noqa: SLF001 - the bench looks inside
    for text in some:
        watched.asked = False
        harm = [s for view in look(text).views for s in learned.look(view, "user") if s.category == "any"]
        found["both readers" if watched.asked else "the first reader" if harm else "phrases"].append(text)
    learned._second = watched._second  # noqa: SLF001
    return found


def timed(name: str, some: list[str], ask: Callable[[str], object]) -> None:
    """Rate, p50 and p99 by processor time, which other work on the machine changes little; the same by the clock."""
    spent: list[float] = []
    clock: list[float] = []
    for text in some:
        began, at = time.process_time(), time.perf_counter()
        ask(text)
        spent.append(1000 * (time.process_time() - began))
        clock.append(1000 * (time.perf_counter() - at))
    rate = 1000 * len(some) / sum(spent)
    print(f"{name} ({len(some)}): {rate:.0f} texts a core second; {at_most(spent)}; by the clock {at_most(clock)}")


def at_most(times: list[float]) -> str:
    times.sort()
    p50, p99 = (times[int(len(times) * share)] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--rows", type=Path)
    given = ask.parse_args()
    from caveat.recognize.learned import shipped  # noqa: PLC0415
    from caveat.recognize.learned_lines import recognize_lines  # noqa: PLC0415
    from caveat.recognize.normalise import Look  # noqa: PLC0415

    before = peak_mb()
    began = time.perf_counter()
    learned = shipped()
    loaded = time.perf_counter() - began
    recognize_lines(learned, ["warm up"])
    mixed = texts(given.rows)
    recognize_lines(learned, mixed[:64])
    print(f"load {loaded * 1000:.0f} ms; memory added {peak_mb() - before:.0f} MB")

    def one(text: str) -> object:
        return [learned.look(view, "user") for view in Look(text).views]

    sixty = of_length(64, mixed, learned.words)
    timed("64 tokens", sixty, one)
    for who, some in settled_by(learned, sixty, Look).items():
        if some:
            timed(f"64 tokens, settled by {who}", some, one)
    timed("512 tokens", of_length(512, mixed, learned.words), one)
    timed("mixed set, one at a time", mixed, one)
    shares = {who: len(some) / len(mixed) for who, some in settled_by(learned, mixed, Look).items()}
    print("mixed set, settled by", ", by ".join(f"{who} {share:.0%}" for who, share in shares.items()))
    spent = time.process_time()
    recognize_lines(learned, mixed)
    print(f"mixed set, in batches: {len(mixed) / (time.process_time() - spent):.0f} texts a core second")
    began = time.perf_counter()
    one(" ".join(mixed)[:100_000])
    print(f"a document of 100,000 characters: {time.perf_counter() - began:.2f} s; peak memory {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()
