"""From logits to chances: Platt's logistic map a category, fitted on the calibration split, kept as whole numbers.

Rules of this file: sources count alike (a source's harmful and its benign rows weigh at most as much as CAP rows),
and harmful rows weigh SHARE of all.  A chance is right for a stream of such a mix; where harm is rarer, 700 per mille
means less than seven times in ten.
"""

from collections import Counter

import numpy as np
from scipy.optimize import minimize

from training.corpus import CODES, Row

CAP, SHARE = 120, 0.25
PER_STEP, STEPS = 16, 12 * 16
"""The table has an entry for each 1/16 of a logit, -12 <= logit <= 12."""


def weights(rows: list[Row], positive: np.ndarray, share: float = SHARE) -> np.ndarray:
    counts = Counter((row.source, bool(p)) for row, p in zip(rows, positive, strict=True))
    w = np.array([min(1.0, CAP / counts[row.source, bool(p)]) for row, p in zip(rows, positive, strict=True)])
    for side, part in ((positive, share), (~positive, 1 - share)):
        w[side] *= part / max(w[side].sum(), 1e-9)
    return w


def platt(logits: np.ndarray, positive: np.ndarray, w: np.ndarray) -> tuple[float, float]:
    """Slope > 0 and shift of the likeliest logistic map, drawn a little towards slope 1."""
    sign = np.where(positive, 1.0, -1.0)

    def cost(at: np.ndarray) -> float:
        slope = np.exp(at[0])
        return float((w * np.logaddexp(0, -sign * (slope * logits + at[1]))).sum() + 0.002 * at[0] ** 2)

    found = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"maxiter": 800, "xatol": 1e-4, "fatol": 1e-8})
    return float(np.exp(found.x[0])), float(found.x[1])


def table(rows: list[Row], logits: np.ndarray) -> np.ndarray:
    """Per mille, a row a code, a column a step of the logit."""
    grid = np.arange(-STEPS, STEPS + 1) / PER_STEP
    made = []
    for k, code in enumerate(CODES):
        known = np.array([code == "any" or code not in row.masked for row in rows])
        positive = np.array([row.harmful if code == "any" else code in row.codes for row in rows])[known]
        some = [row for row, keep in zip(rows, known, strict=True) if keep]
        share = SHARE if code == "any" else 0.06
        slope, shift = platt(logits[known, k], positive, weights(some, positive, share))
        print(f"{code}: {positive.sum()} of {len(some)}, slope {slope:.2f}, shift {shift:.2f}")
        made.append(np.rint(1000 / (1 + np.exp(-(slope * grid + shift)))))
    return np.array(made, np.int16)
