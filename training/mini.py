"""The transformer as it is trained (float, torch): all-MiniLM-L6-v2 with our own outputs.

recognize/learned_mini.py computes the same in whole numbers; export_mini.py turns one into the other.
"""

import numpy as np
import torch
from torch import nn

from training.corpus import CODES

WIDTH, HEADS, INNER, LAYERS = 384, 12, 1536, 6
DEPTH_ROOT = (WIDTH / HEADS) ** 0.5
EPS = 1e-12


class Layer(nn.Module):
    """Attention, then a wide layer, each added to what came in and normed (BERT's order)."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.qkv, self.mixed = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, EPS), nn.LayerNorm(WIDTH, EPS)
        self.drop = nn.Dropout(drop)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        many, size, _ = x.shape
        q, k, v = self.qkv(x).view(many, size, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        mixed = self.mixed(mixed.transpose(1, 2).reshape(many, size, WIDTH))
        x = self.norm1(x + self.drop(mixed))
        return self.norm2(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class Mini(nn.Module):
    """Logits, a row a window.  The table of pieces stays as it came: words that training did not see keep the meaning
    that they had."""

    def __init__(self, first: dict[str, np.ndarray], drop: float = 0.1) -> None:
        super().__init__()
        self.table = nn.Embedding.from_pretrained(_of(first, "embeddings.word_embeddings.weight"), freeze=True)
        places = (
            _of(first, "embeddings.position_embeddings.weight")
            + _of(first, "embeddings.token_type_embeddings.weight")[0]
        )
        self.places = nn.Parameter(places)
        self.norm = nn.LayerNorm(WIDTH, EPS)
        _norm(self.norm, first, "embeddings.LayerNorm")
        self.layers = nn.ModuleList(_layer(first, f"encoder.layer.{i}", drop) for i in range(LAYERS))
        self.out = nn.Linear(WIDTH, len(CODES))
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.constant_(self.out.bias, -2.0)
        self.drop = nn.Dropout(drop)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.drop(self.norm(self.table(ids) + self.places[: ids.shape[1]]))
        seen = (mask[:, None, None, :] > 0).expand(-1, 1, ids.shape[1], -1)
        for layer in self.layers:
            x = layer(x, seen)
        x = x.float() * mask[..., None]
        return self.out(self.drop(x.sum(1) / mask.sum(1, keepdim=True)))


def _of(first: dict[str, np.ndarray], name: str) -> torch.Tensor:
    return torch.tensor(first[name])


def _linear(layer: nn.Linear, first: dict[str, np.ndarray], *names: str) -> None:
    layer.weight.data = torch.cat([_of(first, f"{name}.weight") for name in names])
    layer.bias.data = torch.cat([_of(first, f"{name}.bias") for name in names])


def _norm(norm: nn.LayerNorm, first: dict[str, np.ndarray], name: str) -> None:
    norm.weight.data, norm.bias.data = _of(first, f"{name}.weight"), _of(first, f"{name}.bias")


def _layer(first: dict[str, np.ndarray], name: str, drop: float) -> Layer:
    made = Layer(drop)
    own = f"{name}.attention.self"
    _linear(made.qkv, first, f"{own}.query", f"{own}.key", f"{own}.value")
    _linear(made.mixed, first, f"{name}.attention.output.dense")
    _linear(made.up, first, f"{name}.intermediate.dense")
    _linear(made.down, first, f"{name}.output.dense")
    _norm(made.norm1, first, f"{name}.attention.output.LayerNorm")
    _norm(made.norm2, first, f"{name}.output.LayerNorm")
    return made
