"""Rows -> windows of pieces -> batches.

Rules of this file: text goes through the recognizer's own folding and cutting, so the network is trained on what it
will see; one seeded generator makes every choice.
"""

import re
from dataclasses import dataclass

import numpy as np
import torch

from caveat.recognize.fold import fold
from caveat.recognize.learned_words import FIRST, LAST, Words
from caveat.recognize.view import lower
from training.corpus import CODES, Row

WINDOW = 160
"""Pieces of a window, its two ends not counted."""
CAP = 1500
"""A source's rows beyond as many (harmful and benign apart) share the weight of as many."""
OWN = 3
"""Times that each of our own rows comes in an epoch, buried and thinned anew each time."""
BATCH_PIECES = 2560
BURIED = 0.25
"""Share of short texts that are put between others."""
BORDERLINE = frozenset(
    [
        "ifeval",
        "banking77",
        "certified_safe_prompts",
        "coconot_pref",
        "cyberseceval_mitre_frr",
        "cyberseceval_frr_multilingual",
        "labsafety",
        "rbr_gold",
        "trustllm",
        "llm_warden",
        "deepset_injection_train",
    ]
)
"""Sources whose benign rows look like harm: they weigh double."""
NOISY = frozenset(["davidson", "surge_toxicity", "hatemoji_build", "toxigen_prompts", "gptfuzz_responses"])
"""Posts and replies, not requests: half weight."""

_PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass
class Example:
    ids: list[int]
    wanted: np.ndarray
    mask: np.ndarray
    weight: float
    row: Row


def ready(text: str) -> str:
    """What the recognizer looks at: the plain view in lower case."""
    return lower(fold(text)[0])


def targets(row: Row) -> tuple[np.ndarray, np.ndarray]:
    wanted = np.array([row.harmful, *(c in row.codes for c in CODES[1:])], np.float32)
    mask = np.array([1, *(c not in row.masked for c in CODES[1:])], np.float32)
    return wanted, mask


def _weights(rows: list[Row]) -> list[float]:
    counts: dict[tuple[str, bool], int] = {}
    for row in rows:
        counts[row.source, row.harmful] = counts.get((row.source, row.harmful), 0) + 1
    made = []
    for row in rows:
        weight = 1.0 if row.source == "written" else min(1.0, CAP / counts[row.source, row.harmful])
        weight *= 2.0 if not row.harmful and row.source in BORDERLINE else 1.0
        weight *= 0.5 if row.source in NOISY else 1.0
        weight *= 2.0 if row.harmful and row.lang != "en" else 1.0
        made.append(weight)
    return made


def room(row: Row) -> int:
    """Pieces of a row that are looked at: a harmful row's label holds for its beginning more often than for its rest,
    but our own long rows were written to be harmful in their middle, and benign text is benign throughout."""
    return 400 if row.source == "written" else WINDOW if row.harmful else 800


def examples(rows: list[Row], words: Words) -> list[Example]:
    """One a row; rows without a known piece are left out."""
    made = []
    for row, weight in zip(rows, _weights(rows), strict=True):
        ids, _, _ = words.cut(ready(row.text[: room(row) * 8]))
        if ids:
            made.append(Example(ids[: room(row)], *targets(row), weight, row))
    return made


def sampled(some: list[Example], chance: np.random.Generator) -> list[Example]:
    """One epoch: a row of weight under 1 comes as often as that, with weight 1; our own come OWN times."""
    kept = [e for e in some if e.weight >= 1 or chance.random() < e.weight]
    kept += [e for e in some if e.row.source == "written"] * (OWN - 1)
    return [Example(e.ids, e.wanted, e.mask, max(1.0, e.weight), e.row) for e in kept]


def _company(benign: list[Example], chance: np.random.Generator) -> list[int]:
    """A stretch of some benign text, now and then nothing."""
    ids = benign[chance.integers(len(benign))].ids
    size = int(chance.integers(0, 60))
    start = int(chance.integers(max(1, len(ids) - size)))
    return ids[start : start + size]


def augmented(some: list[Example], chance: np.random.Generator) -> list[Example]:
    """Pieces dropped at random; now and then stretches of other benign texts before and after; of a long benign text
    one window anywhere."""
    benign = [e for e in some if not e.row.harmful]
    made = []
    for e in some:
        ids = e.ids
        if not e.row.harmful and len(ids) > WINDOW:
            start = int(chance.integers(len(ids) - WINDOW // 2))
            ids = ids[start : start + WINDOW]
        if chance.random() < BURIED and len(ids) < WINDOW // 2:
            ids = _company(benign, chance) + ids + _company(benign, chance)
        keep = chance.random(len(ids)) > (0.08 if chance.random() < 0.5 else 0.0)
        kept = [i for i, k in zip(ids, keep, strict=True) if k] or ids
        made.append(Example(kept, e.wanted, e.mask, e.weight, e.row))
    return made


def batches(some: list[Example], chance: np.random.Generator | None = None) -> list[list[int]]:
    """Indexes of examples of like length, at most BATCH_PIECES pieces a batch."""
    jitter = chance.random(len(some)) * 8 if chance is not None else np.zeros(len(some))
    order = np.argsort([len(e.ids) for e in some] + jitter, kind="stable")
    made: list[list[int]] = [[]]
    for i in order:
        if (len(made[-1]) + 1) * (len(some[i].ids) + 2) > BATCH_PIECES:
            made.append([])
        made[-1].append(int(i))
    if chance is not None:
        chance.shuffle(made)
    return made


def tensors(some: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    size = max(len(e.ids) for e in some) + 2
    ids = np.zeros((len(some), size), np.int64)
    mask = np.zeros((len(some), size), np.float32)
    for k, e in enumerate(some):
        ids[k, : len(e.ids) + 2] = [FIRST, *e.ids, LAST]
        mask[k, : len(e.ids) + 2] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
