"""From the fine-tuned transformer to whole numbers: weights to 8 bits a column, tables of exponentials and of the GELU.

Rule of this file: a layer whose sums could leave the range in which float32 counts exactly loses bits until they cannot.
"""

import numpy as np
import torch

from caveat.recognize.learned_mini import MOST
from training.mini import DEPTH_ROOT, LAYERS, Layer, Mini

EXACT = 2**24
SMALL, MIDDLE = 127, 2047
GELU_PER, GELU_REACH = 128, 12
EXP_PER, EXP_REACH = 64, 16


def _whole(name: str, weight: np.ndarray, bias: np.ndarray) -> dict[str, np.ndarray]:
    """weight: outputs x inputs."""
    w = weight.T
    scale = np.maximum(np.abs(w).max(0), 1e-8) / SMALL
    whole = np.rint(w / scale)
    reach = np.abs(whole).sum(0) * SMALL
    over = reach >= EXACT * 0.999
    if over.any():
        scale = np.where(over, scale * reach / (EXACT * 0.99), scale)
        whole = np.rint(w / scale)
    if (np.abs(whole).sum(0) * SMALL).max() >= EXACT:
        raise SystemExit(f"layer `{name}` may sum up too far")
    return {
        f"{name}.w": whole.astype(np.int8),
        f"{name}.scale": scale.astype(np.float32),
        f"{name}.bias": bias.astype(np.float32),
    }


def _block(name: str, layer: Layer) -> dict[str, np.ndarray]:
    data: dict[str, np.ndarray] = {}
    for own in ("qkv", "mixed", "up", "down"):
        dense = getattr(layer, own)
        weight, bias = dense.weight.detach().numpy().copy(), dense.bias.detach().numpy().copy()
        if own == "qkv":  # the root that attention divides by goes into the queries
            width = weight.shape[1]
            weight[:width] /= DEPTH_ROOT
            bias[:width] /= DEPTH_ROOT
        data |= _whole(f"{name}.{own}", weight, bias)
    for own in ("norm1", "norm2"):
        data |= _norm(f"{name}.{own}", getattr(layer, own))
    return data


def _norm(name: str, norm: torch.nn.LayerNorm) -> dict[str, np.ndarray]:
    return {
        f"{name}.gain": norm.weight.detach().numpy().astype(np.float32),
        f"{name}.bias": norm.bias.detach().numpy().astype(np.float32),
    }


def _tables() -> dict[str, np.ndarray]:
    x = torch.arange(-GELU_REACH * GELU_PER, GELU_REACH * GELU_PER + 1, dtype=torch.float64) / GELU_PER
    falls = torch.arange(0, EXP_REACH * EXP_PER + 1, dtype=torch.float64) / EXP_PER
    return {
        "mini.gelu": torch.nn.functional.gelu(x).numpy().astype(np.float32),
        "mini.gelu.per": np.float32(GELU_PER),
        "mini.exp": torch.exp(-falls).numpy().astype(np.float32),
    }


@torch.no_grad()
def whole_numbers(net: Mini, means: float = 1.5) -> dict[str, np.ndarray]:
    """All arrays that recognize/learned_mini.py reads.  `means`: the largest mean activation that is told apart."""
    table = net.table.weight.numpy()
    step = np.maximum(np.abs(table).max(1), 1e-8) / SMALL
    data = {
        "mini.table": np.rint(table / step[:, None]).astype(np.int8),
        "mini.table.step": step.astype(np.float32),
        "mini.places": net.places.detach().numpy()[: MOST + 2].astype(np.float32),
        **_norm("mini.norm", net.norm),
        **_tables(),
    }
    for i in range(LAYERS):
        data |= _block(f"mini.{i}", net.layers[i])
    w = net.out.weight.detach().numpy().T
    scale = np.maximum(np.abs(w).max(0), 1e-8) / MIDDLE
    data |= {
        "mini.out.w": np.rint(w / scale).astype(np.int16),
        "mini.out.scale": scale.astype(np.float32),
        "mini.out.bias": net.out.bias.detach().numpy().astype(np.float32),
        "mini.out.step": np.float32(means * 2 / MIDDLE),
    }
    return data
