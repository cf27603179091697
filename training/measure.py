"""What the numbers mean: ranking, recall at few false alarms with its interval, calibration error."""

import numpy as np


def auc(good: np.ndarray, bad: np.ndarray) -> float:
    """How often a harmful text scores above a benign one; ties count half."""
    if not len(good) or not len(bad):
        return float("nan")
    every = np.concatenate([good, bad])
    _, inverse, counts = np.unique(every, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[: len(good)].sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(bad)))


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    z, p = 1.96, hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * np.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def recall_at(positives: np.ndarray, negatives: np.ndarray, alarms: float = 0.02) -> tuple[float, float]:
    """Share of positives over the lowest threshold that at most `alarms` of the negatives exceed; the threshold."""
    over = int(np.floor(alarms * len(negatives)))
    threshold = float(np.sort(negatives)[::-1][over]) if over < len(negatives) else -np.inf
    return float((positives > threshold).mean()), threshold


def ece(chance: np.ndarray, wanted: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error, equally wide bins."""
    at = np.minimum((chance * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(chance[at == b].mean() - wanted[at == b].mean()) * (at == b).mean()
            for b in range(bins)
            if (at == b).any()
        )
    )
