"""From the trained network to whole numbers: steps of activations measured on training rows, weights to 8 bits.

Rule of this file: a layer whose sums could leave the range in which float32 counts exactly is refused.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.batches import Example, batches, tensors
from training.net import Net

EXACT = 2**24
SMALL, MIDDLE, TABLE = 127, 2047, 127
KEPT = 0.9998
"""Share of a layer's activations that are not cut off, where the range is narrow."""


class Watch:
    """The largest magnitudes that enter a module, over all calls."""

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {}

    def on(self, module: nn.Module, name: str, share: float) -> None:
        module.register_forward_pre_hook(lambda _, given: self._see(name, given[0], share))

    def _see(self, name: str, x: torch.Tensor, share: float) -> None:
        flat = x.detach().abs().flatten()
        at = min(len(flat) - 1, int(share * len(flat)))
        self.seen.setdefault(name, []).append(float(torch.kthvalue(flat, at + 1).values))

    def most(self, name: str) -> float:
        """A typical batch's largest: one odd batch does not widen the steps of all."""
        return float(np.quantile(self.seen[name], 0.9))


def _layers(net: Net) -> Iterator[tuple[str, nn.Linear, int]]:
    yield "wide", net.wide, TABLE
    yield "project", net.project, TABLE
    for i, (one, two) in enumerate(zip(net.first, net.second, strict=True)):
        yield f"first.{i}", one, SMALL
        yield f"second.{i}", two, SMALL
    for name in ("summary", "d0", "d1", "p1", "out"):
        yield name, getattr(net, name), MIDDLE


@torch.no_grad()
def ranges(net: Net, some: list[Example]) -> Watch:
    watch = Watch()
    net.eval()
    for name, layer, most in _layers(net):
        watch.on(layer, name, KEPT if most == SMALL else 1.0)
    watch.on(net.norm, "norm", 0.99999)
    watch.on(net.features, "features", 0.99999)
    net.features.register_forward_hook(lambda _, __, out: watch._see("pooled", out, 0.99999))
    net.summary.register_forward_hook(lambda _, __, out: watch._see("length", out, 1.0))
    for batch in batches(some):
        net(*tensors([some[i] for i in batch]))
    return watch


def _whole(name: str, layer: nn.Linear, most: int, step: float) -> dict[str, np.ndarray]:
    w = layer.weight.detach().numpy().T
    wide = name == "out" or name in ("summary", "d0", "d1", "p1")
    top = 2047 if wide else 127
    scale = np.maximum(np.abs(w).max(0), 1e-8) / top
    whole = np.rint(w / scale)
    reach = np.abs(whole).sum(0).max() * most
    if reach >= (2**53 if wide else EXACT):
        raise SystemExit(f"layer `{name}` may sum up to {reach:.0f}")
    return {
        f"{name}.w": whole.astype(np.int16 if wide else np.int8),
        f"{name}.scale": scale.astype(np.float32),
        f"{name}.bias": layer.bias.detach().numpy().astype(np.float32),
        f"{name}.step": np.float32(step),
    }


def whole_numbers(net: Net, some: list[Example]) -> dict[str, np.ndarray]:
    """All arrays that recognize/learned_net.py reads."""
    watch = ranges(net, some)
    data = {"table": net.table.weight.detach().numpy().astype(np.int8)}
    for name, layer, most in _layers(net):
        step = (
            1.0
            if most == TABLE and name in ("wide", "project")
            else watch.most(name) * (1.0 if most == SMALL else 1.5) / most
        )
        data |= _whole(name, layer, most, step)
    for name in ("norm", "features"):
        norm = getattr(net, name)
        data[f"{name}.step"] = np.float32(watch.most(name) * 1.2 / MIDDLE)
        data[f"{name}.gain"] = norm.weight.detach().numpy().astype(np.float32)
        data[f"{name}.bias"] = norm.bias.detach().numpy().astype(np.float32)
    data["pooled.step"] = np.float32(watch.most("pooled") * 1.2 / MIDDLE)
    data["length.step"] = np.float32(watch.most("length") * 1.5 / MIDDLE)
    return data


def write(path: Path, data: dict[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **data)
