"""From logits to chances: Platt's logistic map a category, fitted on the calibration split, kept as whole numbers.

Rules of this file: sources count alike (a source's harmful and its benign rows weigh at most as much as CAP rows),
and harmful rows weigh SHARE of all, of which a category's weigh CATEGORY_SHARE.  A chance is right for a stream of such a
mix; where harm is rarer, 700 per mille means less than seven times in ten.  A category's map is fitted on all rows whose
labels settle it, and the recognizer never says more for a category than for any harm.  (As a chance given harm, times that
of harm, it lost more on held-out families: choose.py.)
"""

from collections import Counter

import numpy as np
from scipy.optimize import minimize

from training.corpus import CODES, Row

CAP, SHARE, CATEGORY_SHARE = 120, 0.2, 0.2
THIN = 30
LANGUAGES = ("en", "fr", "de", "es")
PER_STEP, STEPS = 16, 12 * 16
"""The table has an entry for each 1/16 of a logit, -12 <= logit <= 12."""


def weights(rows: list[Row], positive: np.ndarray, share: float = SHARE) -> np.ndarray:
    counts = Counter((row.source, bool(p)) for row, p in zip(rows, positive, strict=True))
    w = np.array([min(1.0, CAP / counts[row.source, bool(p)]) for row, p in zip(rows, positive, strict=True)])
    for side, part in ((positive, share), (~positive, 1 - share)):
        w[side] *= part / max(w[side].sum(), 1e-9)
    return w


def alike(rows: list[Row], positive: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The same weights, LANGUAGES alike on either side; what is in none of them counts as the first."""
    lang = np.array([row.lang if row.lang in LANGUAGES else LANGUAGES[0] for row in rows])
    made = w.copy()
    for side in (positive, ~positive):
        shares = {here: w[side & (lang == here)].sum() for here in LANGUAGES}
        for here, share in shares.items():
            made[side & (lang == here)] *= w[side].sum() / len(LANGUAGES) / max(share, 1e-9)
    return made


def platt(logits: np.ndarray, positive: np.ndarray, w: np.ndarray) -> tuple[float, float]:
    """Slope > 0 and shift of the likeliest logistic map, drawn a little towards slope 1."""
    sign = np.where(positive, 1.0, -1.0)

    def cost(at: np.ndarray) -> float:
        slope = np.exp(at[0])
        return float((w * np.logaddexp(0, -sign * (slope * logits + at[1]))).sum() + 0.002 * at[0] ** 2)

    found = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"maxiter": 800, "xatol": 1e-4, "fatol": 1e-8})
    return float(np.exp(found.x[0])), float(found.x[1])


def loss(per_mille: np.ndarray, positive: np.ndarray, w: np.ndarray) -> float:
    """Mean log loss of chances, kept half a per mille away from certainty."""
    chance = np.clip(per_mille / 1000, 0.0005, 0.9995)
    return float(-(w * np.log(np.where(positive, chance, 1 - chance))).sum() / w.sum())


def _known(code: str, rows: list[Row]) -> np.ndarray:
    return np.array([code == "any" or code not in row.masked for row in rows])


def _positive(code: str, rows: list[Row]) -> np.ndarray:
    return np.array([row.harmful if code == "any" else code in row.codes for row in rows])


def mix(code: str, rows: list[Row]) -> np.ndarray:
    """Weights of rows in the mix that chances are right for; 0 where the label does not settle the code."""
    known, shown = _known(code, rows), _positive(code, rows)
    harmful = np.array([row.harmful for row in rows])
    if code == "any":
        return weights(rows, harmful)
    w = weights(rows, shown) * known
    sides = ((shown, CATEGORY_SHARE * SHARE), (harmful & ~shown, (1 - CATEGORY_SHARE) * SHARE), (~harmful, 1 - SHARE))
    for side, part in sides:
        w[side] *= part / max(w[side].sum(), 1e-9)
    return w


def fitted(code: str, rows: list[Row], logits: np.ndarray) -> tuple[float, float]:
    """The map of a code: slope and shift."""
    return platt(logits, _positive(code, rows), mix(code, rows))


def table(rows: list[Row], logits: np.ndarray) -> np.ndarray:
    """Per mille, a row a code, a column a step of the logit.  Codes with fewer than THIN harmful rows in the
    calibration split are fitted together: one map for all of them."""
    grid = np.arange(-STEPS, STEPS + 1) / PER_STEP
    counts = {code: int(_positive(code, rows).sum()) for code in CODES}
    maps = {code: fitted(code, rows, logits[:, k]) for k, code in enumerate(CODES) if counts[code] >= THIN}
    thin = [k for k, code in enumerate(CODES) if counts[code] < THIN]
    parts = [(_positive(CODES[k], rows), logits[:, k], mix(CODES[k], rows)) for k in thin if counts[CODES[k]]]
    positive, every, w = (np.concatenate(side) for side in zip(*parts, strict=True))
    shared = platt(every, positive, w)
    for code in CODES:
        slope, shift = maps.get(code, shared)
        print(
            f"{code}: {counts[code]} harmful, slope {slope:.2f}, shift {shift:.2f}{'' if code in maps else ', shared'}"
        )
    chosen = [maps.get(code, shared) for code in CODES]
    return np.array([np.rint(1000 / (1 + np.exp(-(slope * grid + shift)))) for slope, shift in chosen], np.int16)
