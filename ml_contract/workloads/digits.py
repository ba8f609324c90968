"""Handwritten digits: a small convolutional classifier of 8 x 8 grey images."""

from __future__ import annotations

from dataclasses import dataclass

from ml_contract.checks import at_least
from ml_contract.workloads.base import ModelSize, WorkloadOptions

NAME = "digits"
CLASSES = 10
SIDE = 8
"""Pixels of an image's side."""


@dataclass(frozen=True, kw_only=True)
class Digits(WorkloadOptions):
    """The model."""

    kind = NAME
    modules = ("numpy", "onnx", "onnxruntime", "onnxscript", "safetensors", "sklearn", "torchdata")
    channels: int = 32
    """Of the first convolution; the second has twice as many."""
    hidden: int = 128
    """Width of the layer before the scores."""

    def __post_init__(self) -> None:
        for name in ("channels", "hidden"):
            at_least(name, getattr(self, name), 1)

    @property
    def size(self) -> ModelSize:
        first, second = 9 * self.channels + self.channels, 18 * self.channels**2 + 2 * self.channels
        flat = 2 * self.channels * (SIDE // 2) ** 2
        head = flat * self.hidden + self.hidden + self.hidden * CLASSES + CLASSES
        return ModelSize(
            parameters=first + second + head, blocks=1, block_parameters=first + second + head, hidden=0, heads=0,
            tokens=1, vocabulary=CLASSES,
        )  # fmt: skip
