"""Two convolutions, a pool and two dense layers, for images of 8 x 8 pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.digits import CLASSES, KERNEL, POOL, Digits
from training_code.workloads.digits.data import INK


class Layers(nn.Module):
    """All that learns; the one unit that FSDP shards and gathers."""

    def __init__(self, options: Digits) -> None:
        super().__init__()
        channels = options.channels
        self.first = nn.Conv2d(1, channels, KERNEL, padding="same")
        self.second = nn.Conv2d(channels, 2 * channels, KERNEL, padding="same")
        self.hidden = nn.Linear(options.flat, options.hidden)
        self.scores = nn.Linear(options.hidden, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """[batch, 1, side, side] to [batch, classes]."""
        seen = F.relu(self.second(F.relu(self.first(images))))
        return self.scores(F.relu(self.hidden(F.max_pool2d(seen, POOL).flatten(1))))


class DigitsModel(nn.Module):
    """Pixels in, a score for each digit out."""

    def __init__(self, options: Digits) -> None:
        super().__init__()
        self.layers = Layers(options)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, float of shape [batch, 10], from pixels of 0 to 16, uint8 of shape [batch, 8, 8]."""
        return self.layers(pixels[:, None].to(self.layers.first.weight.dtype) / INK)
