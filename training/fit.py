"""Fit the network: two stages, the second with our own rows beside the public ones."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from training.batches import Example, augmented, batches, sampled, tensors
from training.net import Net

ANY_WEIGHT = 4.0
BENIGN_WEIGHT = 1.4
"""False alarms cost more than misses."""


def loss_of(net: Net, some: list[Example]) -> torch.Tensor:
    ids, mask = tensors(some)
    logits = net(ids, mask).float()
    wanted = torch.from_numpy(np.stack([e.wanted for e in some]))
    known = torch.from_numpy(np.stack([e.mask for e in some]))
    weight = torch.tensor([e.weight * (1 if e.row.harmful else BENIGN_WEIGHT) for e in some])
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * known
    each = torch.cat([each[:, :1] * ANY_WEIGHT, each[:, 1:]], 1).sum(1)
    return (each * weight).sum() / weight.sum()


def _stream(some: list[Example], chance: np.random.Generator) -> Iterator[list[Example]]:
    """Batches without end, epoch after epoch."""
    while True:
        made = augmented(sampled(some, chance), chance)
        for batch in batches(made, chance):
            yield [made[i] for i in batch]


def fit(net: Net, some: list[Example], *, steps: int, rate: float, seed: int, keep: Path) -> None:
    """AdamW, one warm-up and a cosine over `steps`; the mean of the last third's weights is kept."""
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    heads = [p for n, p in net.named_parameters() if n.startswith("out") and p.requires_grad]
    body = [p for n, p in net.named_parameters() if not n.startswith("out") and p.requires_grad]
    opt = torch.optim.AdamW([{"params": body, "lr": rate}, {"params": heads, "lr": rate * 5}], weight_decay=0.01)
    mean, taken, began, shown = None, 0, time.time(), 0.0
    for step, batch in enumerate(islice(_stream(some, chance), steps), 1):
        factor = min(1, step / 100) * (0.5 + 0.5 * np.cos(np.pi * step / steps))
        for group, top in zip(opt.param_groups, (rate, rate * 5), strict=True):
            group["lr"] = top * factor
        net.train()
        loss = loss_of(net, batch)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        shown = 0.98 * shown + 0.02 * loss.item() if shown else loss.item()
        if step > 0.67 * steps and step % 5 == 0:
            now = {k: v.detach().clone() for k, v in net.state_dict().items()}
            taken += 1
            mean = now if mean is None else {k: mean[k] + (now[k] - mean[k]) / taken for k in now}
        if step % 100 == 0:
            print(f"step {step}/{steps} loss {shown:.4f} {time.time() - began:.0f}s", flush=True)
    if mean is not None:
        net.load_state_dict(mean)
    torch.save(net.state_dict(), keep)
    print(f"{keep.name}: {steps} steps, {time.time() - began:.0f} s")


@torch.no_grad()
def scores(net: Net, some: list[Example]) -> np.ndarray:
    """Logits, a row each."""
    net.eval()
    made = np.zeros((len(some), net.out.out_features), np.float32)
    for batch in batches(some):
        ids, mask = tensors([some[i] for i in batch])
        made[batch] = net(ids, mask).numpy()
    return made
