"""Fit the linear model over runs of pieces, and find how loudly it should speak beside the network."""

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.linear_model import SGDClassifier

from caveat.recognize.learned_phrases import BUCKETS, runs, within
from caveat.recognize.learned_words import Words
from training.batches import OWN, WINDOW, examples
from training.corpus import Row

TOP = 2047


def _matrix(texts: list[list[int]]) -> sp.csr_matrix:
    found = [within(runs(ids), 0, len(ids)) for ids in texts]
    sizes = np.array([len(f) for f in found])
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
    return sp.csr_matrix((values, np.concatenate(found), np.r_[0, np.cumsum(sizes)]), shape=(len(texts), BUCKETS))


def fitted(rows: list[Row], cut: Words, seed: int) -> tuple[np.ndarray, float, float]:
    """Whole weights, the size of their unit, and the shift."""
    some = examples(rows, cut)
    wanted = np.array([e.row.harmful for e in some])
    weight = np.array([min(3.0, e.weight * (OWN if e.row.source == "written" else 1)) for e in some])
    model = SGDClassifier(loss="log_loss", alpha=3e-6, max_iter=6, tol=None, average=True, random_state=seed)
    model.fit(_matrix([e.ids[:WINDOW] for e in some]), wanted, sample_weight=weight)
    weights = model.coef_[0]
    unit = float(np.abs(weights).max() / TOP)
    return np.rint(weights / unit).astype(np.int16), unit, float(model.intercept_[0])


def loudness(network: np.ndarray, linear: np.ndarray, positive: np.ndarray, w: np.ndarray) -> float:
    """How many times its own logit the linear model adds, so that both together are likeliest on the calibration split."""
    sign = np.where(positive, 1.0, -1.0)

    def cost(at: np.ndarray) -> float:
        return float((w * np.logaddexp(0, -sign * (at[0] * network + at[1] * linear + at[2]))).sum())

    a, b, _ = minimize(cost, np.array([1.0, 0.5, 0.0]), method="Nelder-Mead", options={"maxiter": 800}).x
    return float(np.clip(b / max(a, 1e-3), 0, 2))
