"""Handwritten digits: a convolutional classifier of 8 x 8 grey images, its data preparation and its evaluation."""

from __future__ import annotations

from ml_contract.checks import at_least, between
from ml_contract.values import value_object
from ml_contract.workloads.base import Headline, ModelSize, WorkloadOptions

NAME = "digits"
CLASSES = 10
SIDE = 8
"""Pixels of an image's side."""
KERNEL = 3
"""Pixels of a convolution's side."""
POOL = 2
"""Pixels of a side of which the largest goes on, once, after the second convolution."""


@value_object
class Digits(WorkloadOptions):
    """The model: two convolutions, a pool, a hidden layer, the scores; each layer with a bias."""

    kind = NAME
    modules = ("numpy", "onnx", "onnxruntime", "onnxscript", "safetensors", "sklearn", "torchdata")
    headline = Headline(
        figure="accuracy", better="GreaterThan", unit="share of held-out digits recognised",
        baselines={"logistic_regression_accuracy": "logistic regression", "majority_accuracy": "best constant answer"},
    )  # fmt: skip
    channels: int = 32
    """Of the first convolution; the second has twice as many."""
    hidden: int = 128
    """Width of the layer before the scores."""

    def __post_init__(self) -> None:
        for name in ("channels", "hidden"):
            at_least(name, getattr(self, name), 1)

    @property
    def flat(self) -> int:
        """Features of an image after the pool."""
        return 2 * self.channels * (SIDE // POOL) ** 2

    @property
    def convolved(self) -> int:
        """Weights of both convolutions."""
        return KERNEL**2 * self.channels + KERNEL**2 * self.channels * 2 * self.channels

    @property
    def dense(self) -> int:
        """Weights of hidden layer and scores."""
        return self.flat * self.hidden + self.hidden * CLASSES

    @property
    def size(self) -> ModelSize:
        parameters = self.convolved + 3 * self.channels + self.dense + self.hidden + CLASSES
        # The image, what both convolutions give, the pool's choices (indices of 8 bytes) and values, hidden, scores.
        kept = SIDE**2 * (1 + 3 * self.channels) + 3 * self.flat + self.hidden + CLASSES
        return ModelSize(
            parameters=parameters, blocks=1, block_parameters=parameters, hidden=0, heads=0, tokens=1,
            vocabulary=CLASSES, kept=kept,
        )  # fmt: skip

    @property
    def flops_per_sample(self) -> float:
        """Forward and backward of one image: 6 a weight, those of the convolutions at every pixel."""
        return 6 * (self.convolved * SIDE**2 + self.dense)


@value_object
class PrepareOptions:
    """Options of data preparation."""

    heldout_fraction: float = 0.25
    """Share of each digit's images that is held out, by a hash of the seed and each image's number."""
    shard_images: int = 512
    """Images of a shard; the last has fewer."""
    seed: int = 0
    """Of the split."""

    def __post_init__(self) -> None:
        # A hundredth still holds out one image of the rarest digit, of which there are 174.
        between("heldout_fraction", self.heldout_fraction, 0.01, 0.5)
        between("shard_images", self.shard_images, 1, 2**20)
        between("seed", self.seed, 0, 2**32 - 1)


@value_object
class EvaluateOptions:
    """Options of evaluation, which scores every held-out image."""

    batch_size: int = 64
    """Images a forward pass."""

    def __post_init__(self) -> None:
        at_least("batch_size", self.batch_size, 1)
