"""The float network again from the whole numbers that ship, to train it further: what was rounded stays rounded.

Version 1's float weights were not kept; version 2's network began here.
"""

from pathlib import Path

import numpy as np
import torch

from training.export import _layers
from training.net import Net

SHIPPED = Path(__file__).parent.parent / "src" / "caveat" / "recognize" / "data" / "learned.npz"


def thaw(net: Net, path: Path = SHIPPED) -> Net:
    """Put the file's weights into the network."""
    with np.load(path, allow_pickle=False) as data:
        net.table.weight.data = torch.tensor(data["table"].astype(np.float32))
        for name, layer, _ in _layers(net):
            layer.weight.data = torch.tensor((data[f"{name}.w"] * data[f"{name}.scale"]).T.astype(np.float32))
            layer.bias.data = torch.tensor(data[f"{name}.bias"])
        for name in ("norm", "features"):
            norm = getattr(net, name)
            norm.weight.data, norm.bias.data = torch.tensor(data[f"{name}.gain"]), torch.tensor(data[f"{name}.bias"])
    return net
