"""Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU."""

from __future__ import annotations

from dataclasses import dataclass

from ml_contract.checks import at_least, between, multiple
from ml_contract.errors import reject
from ml_contract.training.layout import Layout
from ml_contract.workloads.base import ModelSize, WorkloadOptions

NAME = "llama"


@dataclass(frozen=True, kw_only=True)
class Llama(WorkloadOptions):
    """The model, by the names of Hugging Face's configuration in words, and its samples."""

    kind = NAME
    modules = ("numpy", "safetensors", "torchdata")
    divisible = frozenset({"tensor", "context", "pipeline"})
    vocabulary: int
    hidden: int
    """Width of the residual stream."""
    intermediate: int
    """Width of the feed-forward layers."""
    layers: int
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads; each serves ``heads / kv_heads`` queries."""
    rope_theta: float = 10000.0
    """Longest wavelength of rotary positions over 2 pi."""
    norm_epsilon: float = 1e-5
    tied: bool = False
    """Whether the scores use the embedding's matrix."""
    sequence_length: int = 4096
    """Tokens a sample."""
    pretrained: str | None = None
    """Channel that holds Hugging Face safetensors to start from; None starts from random weights."""

    def __post_init__(self) -> None:
        for name in ("vocabulary", "hidden", "intermediate", "layers", "heads", "kv_heads", "sequence_length"):
            at_least(name, getattr(self, name), 1)
        multiple("hidden", self.hidden, self.heads, "heads")
        multiple("heads", self.heads, self.kv_heads, "kv_heads")
        multiple("hidden / heads", self.hidden // self.heads, 2, "2, for rotary embedding")
        between("rope_theta", self.rope_theta, 1, 1e9)
        between("norm_epsilon", self.norm_epsilon, 0, 1, open_low=True)

    @property
    def head_dimension(self) -> int:
        return self.hidden // self.heads

    @property
    def size(self) -> ModelSize:
        attention = 2 * self.hidden**2 + 2 * self.hidden * self.kv_heads * self.head_dimension
        block = attention + 3 * self.hidden * self.intermediate + 2 * self.hidden
        outside = self.vocabulary * self.hidden * (1 if self.tied else 2) + self.hidden
        return ModelSize(
            parameters=self.layers * block + outside, blocks=self.layers, block_parameters=block, hidden=self.hidden,
            heads=self.heads, tokens=self.sequence_length, vocabulary=self.vocabulary,
        )  # fmt: skip

    def check_layout(self, layout: Layout, *, parts: int) -> None:
        super().check_layout(layout, parts=parts)
        if self.kv_heads % layout.tensor:
            reject("strategy.tensor", layout.tensor, f"it must divide kv_heads ({self.kv_heads})", "Give a divisor.")
        if self.sequence_length % (2 * layout.context) and layout.context > 1:
            reject("strategy.context", layout.context, f"twice of it must divide sequence_length"
                   f" ({self.sequence_length})", "Give a divisor.")  # fmt: skip
        if self.tied and parts > 1:
            reject("strategy.pipeline", parts, "first and last stage would share the embedding", "Give tied=False.")
