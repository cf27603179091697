"""The plots of docs/recognizer.md, as SVG."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "caveat"
from matplotlib import pyplot as plt  # noqa: E402

from training.corpus import CODES  # noqa: E402
from training.evaluate import DEFAULT, Test  # noqa: E402


def _save(path: Path) -> None:
    plt.tight_layout()
    plt.savefig(path, metadata={"Date": None})
    plt.close()


def reliability(report: dict[str, Any], path: Path) -> None:
    made = report["calibration"]["any"]
    plt.figure(figsize=(4.2, 4))
    plt.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    plt.plot([b["said"] for b in made["bins"]], [b["was"] for b in made["bins"]], marker="o", color="#1f4e79")
    plt.xlabel("said (any, share)")
    plt.ylabel("was harmful")
    plt.title(f"Reliability of `any`, expected error {made['expected_error']:.3f}", fontsize=9)
    _save(path)


def alarms(report: dict[str, Any], path: Path) -> None:
    made = report["false_alarms_at_500"]
    names = [n for n in made if made[n]["rows"]]
    rates = [100 * made[n]["rate"] for n in names]
    error = [
        [r - 100 * made[n]["low"] for n, r in zip(names, rates, strict=True)],
        [100 * made[n]["high"] - r for n, r in zip(names, rates, strict=True)],
    ]
    plt.figure(figsize=(6, 3.6))
    plt.barh(names, rates, xerr=error, color="#7a9cc6")
    plt.axvline(1.5, color="#aa3333", linewidth=1)
    plt.xlabel("flagged at 500 per mille, %, with 95 % interval; line: 1.5 %")
    plt.gca().invert_yaxis()
    _save(path)


def curve(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    ends = np.append(np.nonzero(np.diff(scores[order]))[0], len(order) - 1)
    return hits[ends] / positive.sum(), hits[ends] / (ends + 1)


def precision_recall(test: Test, path: Path) -> None:
    """Each category against all benign test rows."""
    benign = test.test & ~test.harmful & test.prompt
    figure, axes = plt.subplots(4, 6, figsize=(11, 7), sharex=True, sharey=True)
    for k, code in enumerate(CODES):
        axis = axes.flat[k]
        positive = (
            test.test & test.prompt & np.array([r.harmful if code == "any" else code in r.codes for r in test.rows])
        )
        axis.set_title(f"{code} ({positive.sum()})", fontsize=8)
        if positive.any():
            here = positive | benign
            axis.plot(*curve(test.made[here, k], positive[here]), color="#1f4e79")
    for axis in axes.flat[len(CODES) :]:
        axis.axis("off")
    axes.flat[0].set_ylim(0, 1.02)
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision, against all benign test rows", fontsize=9)
    _save(path)


def all_of_them(test: Test, report: dict[str, Any], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    reliability(report, folder / "reliability.svg")
    alarms(report, folder / "false-alarms.svg")
    precision_recall(test, folder / "precision-recall.svg")


__all__ = ["DEFAULT", "all_of_them"]
