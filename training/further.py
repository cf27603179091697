"""A first reader from the mean of two versions' weights, trained further or not: `python -m training.further --help`.

Two networks that were trained on from the same one lie near each other, and the mean of their weights keeps what both
know.  It is made float again from the whole numbers that shipped, trained further where steps are asked for, made whole
with phrases that are fitted anew, and put beside the second reader of the newer version, whose numbers stay as they are.

Rules of this file: what is kept follows from the two files, the rows and the seed; of several shares the smallest whose loss
of `any` (choose.by_language, which is printed) lies within both.SLACK of the least is taken.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from caveat.recognize.learned_words import Words
from training import batches, both, corpus, export, train
from training.fit import fit
from training.net import Net
from training.thaw import thaw

HERE = Path(__file__).parent
RATE, SEED = 3e-4, 51
OWN = 2
"""Times that our own rows come in an epoch here."""
SECOND = ("mini.", "second.")


def mean_of(one: Net, other: Net, share: float) -> Net:
    """The first one, its weights `share` of the way to the other's."""
    mine, yours = one.state_dict(), other.state_dict()
    one.load_state_dict({k: v.lerp(yours[k], share) if v.is_floating_point() else v for k, v in mine.items()})
    return one


def further(work: Path, rows: list[corpus.Row], older: Path, newer: Path, share: float, steps: int, seed: int) -> bytes:
    """The new file's bytes; the float network is kept in `work`."""
    vocabulary, use = train.made_words(work)
    cut = train.cutter(vocabulary)
    net = mean_of(thaw(Net(vocabulary, use), older), thaw(Net(vocabulary, use), newer), share)
    if not (work / "net.pt").exists():
        if steps:
            batches.OWN = OWN
            some = batches.examples([r for r in rows if r.split == "train"], cut)
            fit(net, some, steps=steps, rate=RATE, seed=seed, keep=work / "net.pt")
        else:
            torch.save(net.state_dict(), work / "net.pt")
    net.load_state_dict(torch.load(work / "net.pt"))
    data = train.first_reader(net, vocabulary, rows)
    with np.load(newer, allow_pickle=False) as had:
        data |= {name: had[name] for name in had.files if name.startswith(SECOND)}
    names = bytes(data["mini.pieces"]).decode("utf-8").split("\n")
    data |= both.together(data, names, Words(vocabulary["pieces"], data["scores"].tolist()), train.calibrating(rows))
    export.write(work / "learned.npz", data)
    return (work / "learned.npz").read_bytes()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--data", type=Path, required=True, help="folder with train/ and validate-only/ (*.jsonl.gz)")
    ask.add_argument("--work", type=Path, required=True, help="where stages are kept")
    ask.add_argument("--older", type=Path, required=True, help="learned.npz of one version")
    ask.add_argument("--newer", type=Path, required=True, help="learned.npz of the other, whose second reader is kept")
    ask.add_argument("--share", type=float, default=0.75, help="how far the mean lies from the older to the newer")
    ask.add_argument("--steps", type=int, default=0, help="0: the mean alone")
    ask.add_argument("--seed", type=int, default=SEED, help="of the steps")
    given = ask.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rows = corpus.read_public(given.data) + corpus.read_written(HERE / "written")
    weights = further(given.work, rows, given.older, given.newer, given.share, given.steps, given.seed)
    print(f"{given.work / 'learned.npz'}: {len(weights)} bytes")


if __name__ == "__main__":
    main()
