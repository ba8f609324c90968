"""The byte-level language model: its hyperparameters and the options of its data preparation and evaluation."""

from __future__ import annotations

from ml_contract.checks import at_least, between, multiple
from ml_contract.errors import reject
from ml_contract.training.layout import Layout
from ml_contract.values import value_object
from ml_contract.workloads.base import BITS_PER_BYTE, ModelSize, WorkloadOptions

NAME = "bytes_lm"
VOCABULARY = 256
"""A token is a byte."""


@value_object
class BytesLm(WorkloadOptions):
    """The model and its samples. The defaults have 0.38 million parameters, which suit two hosts of a CPU core each."""

    kind = NAME
    modules = ("numpy", "onnx", "onnxruntime", "onnxscript", "safetensors", "torchdata")
    headline = BITS_PER_BYTE
    divisible = frozenset({"tensor", "context", "pipeline"})
    dimension: int = 96
    """Width of the residual stream, a multiple of ``heads``."""
    layers: int = 3
    heads: int = 3
    """Attention heads; ``dimension / heads`` is even, for rotary embedding."""
    sequence_length: int = 128
    """Tokens a sample, which are bytes."""

    def __post_init__(self) -> None:
        for name in ("dimension", "layers", "heads", "sequence_length"):
            at_least(name, getattr(self, name), 1)
        multiple("dimension", self.dimension, self.heads, "heads")
        multiple("dimension / heads", self.dimension // self.heads, 2, "2, for rotary embedding")

    @property
    def inner(self) -> int:
        """Width of the feed-forward layers: 8/3 of ``dimension``, rounded up to a multiple of 16."""
        return (8 * self.dimension // 3 + 15) // 16 * 16

    @property
    def size(self) -> ModelSize:
        block = 4 * self.dimension**2 + 3 * self.dimension * self.inner + 2 * self.dimension
        return ModelSize(
            parameters=self.layers * block + 2 * VOCABULARY * self.dimension + self.dimension,
            looked_up=VOCABULARY * self.dimension,
            blocks=self.layers, block_parameters=block, hidden=self.dimension, heads=self.heads,
            tokens=self.sequence_length, vocabulary=VOCABULARY,
        )  # fmt: skip

    def check_layout(self, layout: Layout, *, parts: int) -> None:
        super().check_layout(layout, parts=parts)
        if self.inner % layout.tensor:
            reject("strategy.tensor", layout.tensor, f"it must divide the feed-forward layers' width ({self.inner})",
                   "Give a divisor.")  # fmt: skip


@value_object
class PrepareOptions:
    """Options of data preparation."""

    heldout_fraction: float = 0.1
    """Share of the files that is held out, by a hash of each file's name."""
    shard_bytes: int = 2**20
    """Size of a shard; the last is smaller."""
    maximum_bytes: int = 8 * 2**20
    """Text taken in all; less where the source holds less."""
    seed: int = 0
    """Of the split and of the choice of files."""

    def __post_init__(self) -> None:
        between("heldout_fraction", self.heldout_fraction, 0, 0.5, open_low=True)
        between("shard_bytes", self.shard_bytes, 4096, 2**30)
        between("maximum_bytes", self.maximum_bytes, 65536, 2**40)
        between("seed", self.seed, 0, 2**32 - 1)


@value_object
class EvaluateOptions:
    """Options of evaluation."""

    maximum_bytes: int = 2**18
    """Held-out text that is scored; the baselines see the same bytes."""
    batch_size: int = 16
    """Sequences a forward pass."""

    def __post_init__(self) -> None:
        between("maximum_bytes", self.maximum_bytes, 4096, 2**40)
        at_least("batch_size", self.batch_size, 1)
