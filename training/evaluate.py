"""Measure the shipped weights by the whole path of the product: normalising, all views, windows, whole numbers.

Rules of this file: rows come from the test split and the validate-only sources alone; what is printed is what
docs/recognizer.md and the model's card say; every share bears how many rows it stands on.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from caveat.recognize.card import STEP
from caveat.recognize.learned import CODES, Learned
from caveat.recognize.learned_lines import recognize_lines
from training import calibrate
from training.corpus import ORDINARY, TEST_SOURCES, VALIDATE_ONLY, Row
from training.evade import WAYS
from training.measure import auc, ece, recall_at, wilson

DEFAULT = 500
"""The default threshold, per mille."""
PART = 1024
"""Texts between two words on how far it is."""
COMMON = ("en", "fr", "de", "es")


def drawn(rows: Sequence[Row], most: int) -> list[Row]:
    """At most so many rows of a source, harmful and benign and each language apart; of validate-only sources five times
    as many, of our own ten times.  The draw is the same every time."""
    chance = np.random.default_rng(7)
    taken: Counter = Counter()
    kept = []
    for i in chance.permutation(len(rows)):
        row = rows[i]
        key = (row.source, row.harmful, row.lang)
        taken[key] += 1
        room = most * (5 if row.split == "validate" else 10 if row.source == "written" else 1)
        if taken[key] <= room:
            kept.append(int(i))
    return [rows[i] for i in sorted(kept)]


def answers(learned: Learned, texts: Sequence[str]) -> np.ndarray:
    """Per mille, a row a text, a column a code."""
    made: list[list[int]] = []
    for at in range(0, len(texts), PART):
        lines = recognize_lines(learned, texts[at : at + PART])
        made += [[line["any"], *(line["categories"][c] for c in CODES[1:])] for line in lines]
        if len(texts) > PART:
            print(f"{len(made)} of {len(texts)} texts read", flush=True)
    return np.array(made, np.int64)


def share(hits: np.ndarray) -> dict[str, Any]:
    low, high = wilson(int(hits.sum()), len(hits))
    return {
        "rate": round(float(hits.mean()), 4) if len(hits) else None,
        "low": round(low, 4),
        "high": round(high, 4),
        "rows": len(hits),
    }


class Test:
    """The rows, their answers, and masks over them."""

    def __init__(self, rows: list[Row], made: np.ndarray) -> None:
        self.rows, self.made = rows, made
        self.any = made[:, 0]
        self.harmful = np.array([r.harmful for r in rows])
        self.source = np.array([r.source for r in rows])
        self.lang = np.array([r.lang for r in rows])
        self.prompt = np.array([r.kind == "prompt" for r in rows])
        self.test = np.array([r.split == "test" for r in rows])
        self.written = self.source == "written"

    def report(self) -> dict[str, Any]:
        return {
            "any_by_language": {lang: self._language(lang) for lang in COMMON},
            "any_unseen_sources": self._unseen(),
            "any_validate_only": {s: self._source(s) for s in sorted(VALIDATE_ONLY)},
            "recall_at_2_percent": {c: self._category(k, c) for k, c in enumerate(CODES)},
            "false_alarms_at_500": self._alarms(),
            "twins_at_500": {lang: share(self.any[self._twins(lang)] >= DEFAULT) for lang in ("all", *COMMON)},
            "calibration": self._calibration(),
            "rates": {code: self._rates(k, code) for k, code in enumerate(CODES)},
        }

    def _twins(self, lang: str) -> np.ndarray:
        return self.test & self.written & ~self.harmful & ((self.lang == lang) | (lang == "all"))

    def _language(self, lang: str) -> dict[str, Any]:
        """Unseen sources: test sources (our own families apart) and xsafety's harmful rows against all benign rows."""
        here = (self.lang == lang) & self.prompt & ~self.written
        xsafety = self.source == "xsafety"
        benign = here & self.test & ~self.harmful
        own = here & self.test & self.harmful
        mine = (self.lang == lang) & self.written & self.test
        return {
            "test_split": _ranked(self.any, own, benign),
            "xsafety_harmful_against_test_benign": _ranked(self.any, here & xsafety & self.harmful, benign),
            "xsafety_against_its_own_benign": _ranked(
                self.any, here & xsafety & self.harmful, here & xsafety & ~self.harmful
            ),
            "our_own_held_out": _ranked(self.any, mine & self.harmful, mine & ~self.harmful),
        }

    def _unseen(self) -> dict[str, Any]:
        """Test sources alone: nothing of them, nor of their families, was trained on."""
        here = np.isin(self.source, sorted(TEST_SOURCES)) & self.prompt
        made = {}
        for lang in COMMON:
            mine = here & (self.lang == lang)
            if (mine & ~self.harmful).any() and (mine & self.harmful).any():
                made[lang] = _ranked(self.any, mine & self.harmful, mine & ~self.harmful)
        by = {s: share(self.any[(self.source == s) & self.harmful] >= DEFAULT) for s in sorted(TEST_SOURCES)}
        return {"auc": made, "recall_at_500": {s: one for s, one in by.items() if one["rows"]}}

    def _source(self, source: str) -> dict[str, Any]:
        here = self.source == source
        return {
            **_ranked(self.any, here & self.harmful, here & ~self.harmful),
            "recall_at_500": share(self.any[here & self.harmful] >= DEFAULT),
            "false_alarms_at_500": share(self.any[here & ~self.harmful] >= DEFAULT),
        }

    def _category(self, k: int, code: str) -> dict[str, Any]:
        """Against all benign test rows; a little noise-free tie-break by nothing: ties count as below."""
        benign = self.test & ~self.harmful & self.prompt
        positive = (
            self.test & self.prompt & np.array([r.harmful if code == "any" else code in r.codes for r in self.rows])
        )
        if not positive.any():
            return {"rows": 0}
        _, threshold = recall_at(self.made[positive, k], self.made[benign, k])
        return {
            **share(self.made[positive, k] > threshold),
            "over": int(threshold),
            "at_500": share(self.made[positive, k] >= DEFAULT),
            "ours_at_500": share(self.made[positive & self.written, k] >= DEFAULT),
            "alarms_at_500": share(self.made[benign, k] >= DEFAULT),
        }

    def _rates(self, k: int, code: str) -> dict[str, Any]:
        """For the card: false alarms and misses, per mille, at thresholds recognize/card.STEP apart."""
        benign = self.test & ~self.harmful & self.prompt
        positive = (
            self.test & self.prompt & np.array([r.harmful if code == "any" else code in r.codes for r in self.rows])
        )
        bad, good = self.made[positive, k], self.made[benign, k]
        at = {}
        for threshold in range(0, 1001, STEP):
            alarms = 1000 * float((good >= threshold).mean()) if len(good) else 1000
            misses = 1000 * float((bad < threshold).mean()) if len(bad) else 1000
            at[str(threshold)] = [math.ceil(alarms), math.ceil(misses)]
        return {"harmful": int(positive.sum()), "benign": int(benign.sum()), "at": at}

    def _alarms(self) -> dict[str, Any]:
        made = {}
        benign = self.test & ~self.harmful & ~self.written
        for source in (*ORDINARY, "m_ifeval", "koala_test", "oasst_samples", "bipia"):
            made[source] = share(self.any[benign & (self.source == source)] >= DEFAULT)
        made["ordinary work together"] = share(self.any[benign & np.isin(self.source, ORDINARY)] >= DEFAULT)
        made["every benign test row"] = share(self.any[benign] >= DEFAULT)
        return made

    def _calibration(self) -> dict[str, Any]:
        here = self.test & self.prompt
        rows = [r for r, h in zip(self.rows, here, strict=True) if h]
        w = calibrate.weights(rows, self.harmful[here])
        return {"any": bins(self.any[here], self.harmful[here], w)}


def bins(per_mille: np.ndarray, wanted: np.ndarray, w: np.ndarray) -> dict[str, Any]:
    """Reliability in ten bins, weighted as the calibration was, and its expected error."""
    at = np.minimum(per_mille // 100, 9)
    rows = []
    for b in range(10):
        here = at == b
        total = w[here].sum()
        if total:
            said, was = (w[here] * per_mille[here]).sum() / total / 1000, w[here & wanted].sum() / total
            rows.append(
                {
                    "said": round(float(said), 3),
                    "was": round(float(was), 3),
                    "weight": round(float(total), 4),
                    "rows": int(here.sum()),
                }
            )
    error = sum(abs(r["said"] - r["was"]) * r["weight"] for r in rows)
    return {
        "expected_error": round(error, 4),
        "unweighted_error": round(ece(per_mille / 1000, wanted), 4),
        "bins": rows,
    }


def _ranked(any_: np.ndarray, bad: np.ndarray, good: np.ndarray) -> dict[str, Any]:
    value = auc(any_[bad], any_[good])
    return {"auc": None if np.isnan(value) else round(value, 3), "harmful": int(bad.sum()), "benign": int(good.sum())}


def evaded(learned: Learned, rows: list[Row]) -> dict[str, Any]:
    """Recall at the default threshold on plain texts and on their copies."""
    texts = [r.text for r in rows]
    made = {"plain": share(answers(learned, texts)[:, 0] >= DEFAULT)}
    for name, way in WAYS.items():
        made[name] = share(answers(learned, [way(t) for t in texts])[:, 0] >= DEFAULT)
    return made


def uncovered(learned: Learned, texts: dict[str, list[str]]) -> dict[str, Any]:
    """How often `language.uncovered` is said, by language."""
    return {
        lang: share(np.array([not line["covered"] for line in recognize_lines(learned, some)]))
        for lang, some in sorted(texts.items())
    }


def sources(rows: list[Row]) -> list[dict[str, Any]]:
    """What was trained on, for the card."""
    counts: dict[str, Counter] = defaultdict(Counter)
    for row in rows:
        counts[row.source][row.split] += 1
    return [
        {"source": s, **{k: c[k] for k in ("train", "calibration", "test", "validate") if c[k]}}
        for s, c in sorted(counts.items())
    ]


def printed(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=1, ensure_ascii=False)
