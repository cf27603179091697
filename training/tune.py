"""Fine-tune the transformer: steady, then falling.  `python -m training.tune --help`

Rules of this file: it may be stopped at any time and goes on from its last checkpoint; every choice follows from the
step's number, so a run that was stopped sees the same batches as one that was not.  The rate stays level for as long as
there is time and falls to nothing over the last steps, so that rows that come late can still be learned.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from caveat.recognize.learned_pieces import Pieces
from caveat.recognize.learned_second import SPEAKS
from training import batches, corpus, pieces
from training.fit import loss_of
from training.measure import auc
from training.mini import Mini

HERE = Path(__file__).parent
RATE, HEAD, WARM = 8e-5, 6e-4, 150
STILL = 2
"""Layers, counted from the pieces, that stay as they came: they know words, and what is learned here is about use."""
READ = 112
"""Pieces of an example that are learned from; a longer one of our own harmful rows is read whole, since its harm may
stand anywhere."""
KEEP = 0.997
"""How much of the running mean of the weights each step keeps."""
LONGEST = 256
"""Pieces that are looked at while it goes on."""
EVERY = 100
"""Steps between checkpoints."""


def _read(e: batches.Example) -> batches.Example:
    whole = e.row.harmful and e.row.source == "written"
    return e if whole else replace(e, ids=e.ids[:READ])


def stream(some: list[batches.Example], first: int) -> Iterator[list[batches.Example]]:
    """Batches without end, epoch after epoch, from the `first` on."""
    epoch, at = 0, 0
    while True:
        chance = np.random.default_rng([17, epoch])
        made = batches.augmented(batches.sampled(some, chance), chance)
        for batch in batches.batches(made, chance):
            if at >= first:
                yield [_read(made[i]) for i in batch]
            at += 1
        epoch += 1


def optimiser(net: Mini) -> torch.optim.AdamW:
    named = [(n, p) for n, p in net.named_parameters() if p.requires_grad]
    head = [p for n, p in named if n.startswith("out")]
    flat = [p for n, p in named if not n.startswith("out") and p.ndim == 1]
    deep = [p for n, p in named if not n.startswith("out") and p.ndim > 1]
    return torch.optim.AdamW(
        [
            {"params": deep, "top": RATE, "weight_decay": 0.02},
            {"params": flat, "top": RATE, "weight_decay": 0.0},
            {"params": head, "top": HEAD, "weight_decay": 0.01},
        ],
        lr=RATE,
    )


def rate_at(step: int, until: int, falling: int) -> float:
    """Share of the top rate: level, then falling to 2 % over the last `falling` steps."""
    left = max(0, until - step)
    return min(1.0, step / WARM) * (1.0 if left >= falling else 0.02 + 0.98 * left / falling)


@torch.no_grad()
def logits(net: Mini, some: list[batches.Example]) -> np.ndarray:
    net.eval()
    made = np.zeros((len(some), net.out.out_features), np.float32)
    for batch in batches.batches(some):
        ids, mask = (side[:, :LONGEST] for side in batches.tensors([some[i] for i in batch]))
        with torch.autocast("cpu", torch.bfloat16):
            made[batch] = net(ids, mask).float().numpy()
    return made


def _look(net: Mini, mean: dict[str, torch.Tensor], some: list[batches.Example]) -> str:
    own = {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(mean)
    made = logits(net, some)[:, 0]
    net.load_state_dict(own)
    bad = np.array([e.row.harmful for e in some])
    ours = np.array([e.row.source == "written" for e in some])
    return f"calibration auc {auc(made[bad & ~ours], made[~bad & ~ours]):.4f}, ours {auc(made[bad & ours], made[~bad & ours]):.4f}"


def tune(
    net: Mini, some: list[batches.Example], held: list[batches.Example], keep: Path, until: int, falling: int
) -> None:
    """Train up to step `until`; `keep` holds the running mean of the weights, `keep`.state everything."""
    state, opt, step = keep.with_suffix(".state"), optimiser(net), 0
    mean = {k: v.detach().clone() for k, v in net.state_dict().items()}
    if state.exists():
        had = torch.load(state)
        net.load_state_dict(had["net"])
        opt.load_state_dict(had["opt"])
        mean, step = had["mean"], had["step"]
    for part in (net.norm, *net.layers[:STILL]):
        part.requires_grad_(requires_grad=False)
    net.places.requires_grad_(requires_grad=False)
    began, shown = time.time(), 0.0
    for batch in stream(some, step):
        if step >= until:
            break
        step += 1
        torch.manual_seed(step)
        net.train()
        for group in opt.param_groups:
            group["lr"] = group["top"] * rate_at(step, until, falling)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(net, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        opt.zero_grad()
        shown = 0.98 * shown + 0.02 * loss.item() if shown else loss.item()
        kept = min(KEEP, (1 + step) / (10 + step))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                mean[name].mul_(kept).add_(value, alpha=1 - kept)
        if step % EVERY == 0 or step == until:
            torch.save(
                {"net": net.state_dict(), "opt": opt.state_dict(), "mean": mean, "step": step},
                state.with_suffix(".new"),
            )
            state.with_suffix(".new").replace(state)
            torch.save(mean, keep)
            seen = _look(net, mean, held) if step % (3 * EVERY) == 0 or step == until else ""
            print(f"step {step}/{until} loss {shown:.4f} {time.time() - began:.0f}s {seen}", flush=True)


def spoken(rows: list[corpus.Row], split: str) -> list[corpus.Row]:
    """Rows of a split in languages that the second reader is asked about."""
    return [r for r in rows if r.split == split and r.lang in SPEAKS]


def held_out(rows: list[corpus.Row], cut: Pieces) -> list[batches.Example]:
    """A part of the calibration split, to see how it goes."""
    chance = np.random.default_rng(3)
    prompts = [r for r in rows if r.kind == "prompt"]
    ours = [r for r in prompts if r.source == "written"]
    rest = [r for r in prompts if r.source != "written"]
    return batches.examples(ours + [rest[i] for i in chance.permutation(len(rest))[:900]], cut)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--data", type=Path, required=True, help="folder with train/ (*.jsonl.gz)")
    ask.add_argument("--keep", type=Path, required=True, help="where the weights are kept")
    ask.add_argument("--until", type=int, required=True, help="last step")
    ask.add_argument("--falling", type=int, default=0, help="steps over which the rate falls at the end")
    ask.add_argument("--threads", type=int, default=1)
    given = ask.parse_args()
    torch.set_num_threads(given.threads)
    names, first = pieces.narrowed()
    cut = Pieces(names)
    rows = corpus.read_public(given.data) + corpus.read_written(HERE / "written")
    some = batches.examples(spoken(rows, "train"), cut)
    held = held_out(spoken(rows, "calibration"), cut)
    tune(Mini(first), some, held, given.keep, given.until, given.falling)


if __name__ == "__main__":
    main()
