"""The network as it is trained (float, torch): USE's n-gram encoder on a narrower table, and our own outputs.

recognize/learned_net.py computes the same in integers; export.py turns one into the other.
"""

import numpy as np
import torch
from torch import nn

from training.corpus import CODES

ORDERS = ((2, 0), (3, 1), (5, 2))
"""N-gram length and how many tokens of it lie to the left."""
BRANCH, FEATURES, SUMMARY, HIDDEN = 256, 1280, 512, 320
EPS = 1e-6


class Net(nn.Module):
    def __init__(self, words: dict, use: dict) -> None:
        super().__init__()
        table = torch.tensor(words["vectors"])
        self.scale = nn.Parameter(table.abs().max() / 127, requires_grad=False)
        self.table = nn.Embedding.from_pretrained(torch.round(table / self.scale), freeze=True)
        back, mean = torch.tensor(words["back"]), torch.tensor(words["mean"])
        self.wide = nn.Linear(table.shape[1], 512)
        self.wide.weight.data, self.wide.bias.data = (back * self.scale).T.contiguous(), mean.clone()
        proj = torch.tensor(np.concatenate([use[f"proj{n}"] for n, _ in ORDERS], 1))
        bias = torch.tensor(np.concatenate([use[f"proj_b{n}"] for n, _ in ORDERS]))
        self.project = nn.Linear(table.shape[1], 768)
        self.project.weight.data = (back @ proj * self.scale).T.contiguous()
        self.project.bias.data = mean @ proj + bias
        self.norm = nn.LayerNorm(768, EPS)
        self.norm.weight.data = torch.tensor(np.concatenate([use[f"ln_g{n}"] for n, _ in ORDERS]))
        self.norm.bias.data = torch.tensor(np.concatenate([use[f"ln_b{n}"] for n, _ in ORDERS]))
        self.first = nn.ModuleList(_linear(use[f"w1_{n}"], use[f"b1_{n}"]) for n, _ in ORDERS)
        self.second = nn.ModuleList(_linear(use[f"w2_{n}"], use[f"b2_{n}"]) for n, _ in ORDERS)
        self.features = nn.LayerNorm(FEATURES, EPS)
        self.features.weight.data, self.features.bias.data = torch.tensor(use["ln_g"]), torch.tensor(use["ln_b"])
        self.summary = _linear(use["cnn_W"], use["cnn_b"])
        self.d0, self.d1, self.p1 = (_linear(use[k], np.zeros(use[k].shape[1], np.float32)) for k in ("d0", "d1", "p1"))
        self.out = nn.Linear(SUMMARY + HIDDEN, len(CODES))
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.constant_(self.out.bias, -2.0)
        self.drop = nn.Dropout(0.15)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        e = self.table(ids)
        m = mask[..., None]
        x = self._normed(self.project(e))
        branches = []
        for i, (order, left) in enumerate(ORDERS):
            xs = x[..., i * BRANCH : (i + 1) * BRANCH] * m
            h = (xs + torch.relu(self.first[i](_around(xs, order, left)))) * m
            branches.append(h + torch.relu(self.second[i](_around(h, order, left))))
        f = self.features(torch.cat([self.wide(e), *branches], -1)) * m
        count = mask.sum(1, keepdim=True)
        mean = (self.summary(self.drop(f.sum(1) / count))) * torch.sqrt(count)
        mean = mean / torch.sqrt(mean.square().mean(1, keepdim=True) + EPS)
        y = torch.relu(self.p1(mean) + self.d1(torch.relu(self.d0(mean))))
        return self.out(self.drop(torch.cat([mean, y], 1)))

    def _normed(self, x: torch.Tensor) -> torch.Tensor:
        """Normed over all three branches together, as USE does."""
        return self.norm(x)


def _linear(w: np.ndarray, b: np.ndarray) -> nn.Linear:
    made = nn.Linear(*w.shape)
    made.weight.data, made.bias.data = torch.tensor(w.T.copy()), torch.tensor(b)
    return made


def _around(x: torch.Tensor, order: int, left: int) -> torch.Tensor:
    """Each token with its neighbours side by side; zeros beyond the ends."""
    padded = nn.functional.pad(x, (0, 0, left, order - 1 - left))
    size = x.shape[1]
    return torch.cat([padded[:, k : k + size] for k in range(order)], -1)
