"""How narrow a narrow window, and how many looks: `python -m training.buried --data FOLDER`.

English rows of the calibration split alone, with the weights that ship: harmful ones and benign ones, by themselves and
between two paragraphs of other benign calibration rows, and long benign ones.  For each shape, number of looks and margin
the chances are fitted anew; printed is what reaches 500, and what of the harmful rows lies above the threshold that 3 % of
the benign texts exceed.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from caveat.recognize.learned import NARROW
from caveat.recognize.learned_second import superseded
from caveat.recognize.learned_words import Words
from training import calibrate, corpus
from training.both import Both, Read

SHAPES, LOOKED, MARGINS = ((48, 24), (32, 16), (24, 8)), (1, 2), (0.0, 0.5, 1.0)
SHORT, LONG = range(40, 400), range(700, 4000)
"""Characters of rows that are buried, and of those that are long."""
LOW, ALARMS = 0.1, 0.03
HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "src" / "caveat" / "recognize" / "data" / "learned.npz"


def texts(rows: list[corpus.Row]) -> tuple[list[str], list[str]]:
    """Texts, and what each is: `plain`, `buried` or `long`, `+` where it is harmful."""
    chance = np.random.default_rng(4)
    company = [r.text for r in rows if not r.harmful and r.source != "written" and 300 < len(r.text) < 900]
    made, kinds = [], []
    for row in _some(rows, chance, SHORT, 25, 100):
        sign = "+" if row.harmful else "-"
        before, after = (company[i] for i in chance.integers(len(company), size=2))
        made += [row.text, f"{before} {row.text} {after}"]
        kinds += ["plain" + sign, "buried" + sign]
    long = _some([r for r in rows if not r.harmful], chance, LONG, 50, 50)
    return made + [r.text for r in long], kinds + ["long-"] * len(long)


def _some(rows: list[corpus.Row], chance: np.random.Generator, length: range, most: int, ours: int) -> list[corpus.Row]:
    taken: Counter[tuple[str, bool]] = Counter()
    made = []
    for i in chance.permutation(len(rows)):
        row = rows[i]
        taken[row.source, row.harmful] += len(row.text) in length
        if len(row.text) in length and taken[row.source, row.harmful] <= (ours if row.source == "written" else most):
            made.append(row)
    return made


def chances(reads: list[Read], share: float, margin: float, harmful: np.ndarray) -> np.ndarray:
    """Of `any`, with both readers' chances fitted to these texts."""
    w = np.where(harmful, calibrate.SHARE / harmful.sum(), (1 - calibrate.SHARE) / (~harmful).sum())
    first = [r.first[:, 0] - margin * r.narrow for r in reads]
    both = [r.second[:, 0] + share * r.first[r.looked, 0] - margin * r.narrow[r.looked] for r in reads]
    own = calibrate.platt(np.array([x.max() for x in first]), harmful, w)
    again = calibrate.platt(np.array([x.max() for x in both]), harmful, w)
    made = []
    for read, one, two in zip(reads, first, both, strict=True):
        chance = _chance(one, own)
        if chance.max() >= LOW:
            chance[superseded(read.windows, read.looked)] = 0
            chance[read.looked] = _chance(two, again)
        made.append(chance.max())
    return np.array(made)


def _chance(logits: np.ndarray, at: tuple[float, float]) -> np.ndarray:
    return 1 / (1 + np.exp(-(at[0] * logits + at[1])))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--data", type=Path, required=True, help="folder with train/ (*.jsonl.gz)")
    ask.add_argument("--weights", type=Path, default=WEIGHTS)
    given = ask.parse_args()
    data = dict(np.load(given.weights, allow_pickle=False))
    names, pieces = (bytes(data[name]).decode().split("\n") for name in ("mini.pieces", "pieces"))
    cut = Words(pieces, data["scores"].tolist())
    rows = corpus.read_public(given.data) + corpus.read_written(HERE / "written")
    rows = [r for r in rows if r.split == "calibration" and r.kind == "prompt" and r.lang == "en"]
    made, kinds = texts(rows)
    kind = np.array(kinds)
    harmful = np.array([k.endswith("+") for k in kinds])
    print(dict(Counter(kinds)))
    for shape in SHAPES:
        for looks in LOOKED:
            reads = Both(data, names, cut, made, shape, looks).reads
            for margin in MARGINS:
                any_ = chances(reads, float(data["second.share"][0]), margin, harmful)
                over = np.quantile(any_[~harmful], 1 - ALARMS)
                at = " ".join(f"{k} {(any_[kind == k] >= 0.5).mean():.3f}" for k in sorted(set(kinds)))
                few = " ".join(f"{k} {(any_[kind == k] > over).mean():.3f}" for k in ("plain+", "buried+"))
                mark = " *" if shape == NARROW else ""
                print(
                    f"{shape} looks {looks} margin {margin}: at 500 {at}; at 3 % false alarms {few}{mark}", flush=True
                )


if __name__ == "__main__":
    main()
