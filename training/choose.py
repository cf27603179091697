"""What the calibration split chooses once the weights are made: thresholds a category, and how categories are calibrated.

Rules of this file: no row of the test split or of a validate-only source is looked at; sources weigh alike; a choice is
a rule, so that a run with other weights makes it anew.  Which windows the second reader is asked about both.py chooses,
how wide they are buried.py.
"""

from collections.abc import Sequence

import numpy as np

from training import calibrate
from training.corpus import CODES, Row, share

ALARMS = 0.005
"""Share of benign calibration rows, sources weighing alike, that may reach a category's threshold."""
THRESHOLDS = range(150, 501, 50)


def thresholds(rows: Sequence[Row], made: np.ndarray) -> dict[str, int]:
    """For each category the lowest of THRESHOLDS that at most ALARMS of the benign rows reach; the highest where none
    does.  `any` is not chosen: its threshold is the default."""
    some = [i for i, row in enumerate(rows) if not row.harmful]
    w = calibrate.weights([rows[i] for i in some], np.zeros(len(some), bool))
    made = made[some]
    chosen = {}
    for k, code in enumerate(CODES[1:], 1):
        fit = (t for t in THRESHOLDS if w[made[:, k] >= t].sum() / w.sum() <= ALARMS)
        chosen[code] = next(fit, THRESHOLDS[-1])
    return chosen


def ways(rows: list[Row], logits: np.ndarray) -> dict[str, float]:
    """Mean log loss of the categories, each half of the families judged by maps fitted on the other: as a chance of their
    own that is capped at that of harm (calibrate.py), and as a chance given harm times that of harm."""
    half = np.array([share(f"half/{row.source}/{row.family}") < 50 for row in rows])
    lost: dict[str, list[float]] = {"own, capped": [], "given harm": []}
    for judged in (half, ~half):
        fit = [row for row, out in zip(rows, judged, strict=True) if not out]
        rest = [row for row, out in zip(rows, judged, strict=True) if out]
        own, other = logits[~judged], logits[judged]
        harm = _chance(other[:, 0], *calibrate.fitted("any", fit, own[:, 0]))
        for k, code in enumerate(CODES[1:], 1):
            shown = calibrate._positive(code, rest)
            if min(calibrate._positive(code, fit).sum(), shown.sum()) < calibrate.THIN // 2:
                continue
            capped = np.minimum(harm, _chance(other[:, k], *calibrate.fitted(code, fit, own[:, k])))
            given = harm * _chance(other[:, k], *_given_harm(code, fit, own[:, k]))
            for name, chance in (("own, capped", capped), ("given harm", given)):
                lost[name].append(calibrate.loss(1000 * chance, shown, calibrate.mix(code, rest)))
    return {name: round(float(np.mean(some)), 4) for name, some in lost.items()}


def by_language(rows: list[Row], logits: np.ndarray) -> dict[str, float]:
    """Mean log loss of `any`, languages weighing alike, and of each language: each half of the families judged by the map
    fitted on the other.  Of two first readers the one that loses less, all languages together, is the better one."""
    half = np.array([share(f"half/{row.source}/{row.family}") < 50 for row in rows])
    harmful = np.array([row.harmful for row in rows])
    w = calibrate.alike(rows, harmful, calibrate.weights(rows, harmful))
    chance = np.zeros(len(rows))
    for judged in (half, ~half):
        at = calibrate.platt(logits[~judged], harmful[~judged], w[~judged] / w[~judged].sum())
        chance[judged] = _chance(logits[judged], *at)
    lang = np.array([row.lang for row in rows])
    parts = {"all": np.ones(len(rows), bool), **{code: lang == code for code in calibrate.LANGUAGES}}
    return {
        name: round(calibrate.loss(1000 * chance[here], harmful[here], w[here]), 4)
        for name, here in parts.items()
        if here.any()
    }


def _chance(logits: np.ndarray, slope: float, shift: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(slope * logits + shift)))


def _given_harm(code: str, rows: list[Row], logits: np.ndarray) -> tuple[float, float]:
    some = np.array([row.harmful for row in rows]) & calibrate._known(code, rows)
    shown = calibrate._positive(code, rows)[some]
    w = calibrate.weights([row for row, keep in zip(rows, some, strict=True) if keep], shown, calibrate.CATEGORY_SHARE)
    return calibrate.platt(logits[some], shown, w)
