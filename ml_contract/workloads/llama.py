"""Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU (arXiv 2302.13971, 2307.09288, 2407.21783).

With ``experts``, a feed-forward layer is a mixture of them, of which a token meets a few: Mixtral (arXiv 2401.04088).
"""

from __future__ import annotations

from typing import Literal

from ml_contract.checks import at_least, between, multiple
from ml_contract.errors import reject
from ml_contract.training.layout import Layout
from ml_contract.values import value_object
from ml_contract.workloads.base import BITS_PER_BYTE, GRAPH_MODULES, ModelSize, WorkloadOptions

NAME = "llama"


@value_object
class RopeScaling:
    """Llama 3.1's longer context: low frequencies are divided, high ones kept, those between blended.

    Source: meta-llama/llama-models, ``apply_scaling``; transformers calls it ``rope_type: llama3``. Read 2026-11.
    """

    factor: float
    """What low frequencies are divided by."""
    low_frequency_factor: float = 1.0
    """Frequencies with fewer turns than this in ``original_length`` are low."""
    high_frequency_factor: float = 4.0
    """Frequencies with more turns than this in ``original_length`` are high."""
    original_length: int = 8192
    """Tokens of the sequences that the model was trained on before."""

    def __post_init__(self) -> None:
        between("factor", self.factor, 1, 1e4)
        between("low_frequency_factor", self.low_frequency_factor, 0, 1e4, open_low=True)
        between("high_frequency_factor", self.high_frequency_factor, self.low_frequency_factor, 1e4, open_low=True)
        at_least("original_length", self.original_length, 1)


@value_object
class Llama(WorkloadOptions):
    """The model, by the names of Hugging Face's configuration in words, and its samples."""

    kind = NAME
    modules = ("numpy", "safetensors", "torchdata")
    headline = BITS_PER_BYTE
    loss_chunk = 2048
    divisible = frozenset({"tensor", "context", "pipeline"})
    vocabulary: int
    hidden: int
    """Width of the residual stream."""
    intermediate: int
    """Width of the feed-forward layers; of each expert, where there are some."""
    layers: int
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads; each serves ``heads / kv_heads`` queries."""
    rope_theta: float = 10000.0
    """Longest wavelength of rotary positions over 2 pi."""
    rope_scaling: RopeScaling | None = None
    """Llama 3.1's stretched wavelengths; None leaves them as they are."""
    norm_epsilon: float = 1e-5
    tied: bool = False
    """Whether the scores use the embedding's matrix."""
    sequence_length: int = 4096
    """Tokens a sample."""
    experts: int = 0
    """Feed-forward layers of a block, of which its router chooses some for each token; 0 for one that takes all."""
    experts_per_token: int = 2
    """Experts that a token is sent to, 2 or more: their weights add up to 1."""
    router_loss: float = 0.02
    """Weight of the loss by which routers learn to send all experts equally much, as Mixtral was published with
    (mistralai/Mixtral-8x7B-v0.1, config.json, router_aux_loss_coef, read 2026-11); 0 leaves it out."""
    pretrained: str | None = None
    """Channel that holds Hugging Face safetensors to start from; None starts from random weights."""
    export_dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """Number format of the artifact's weights; bfloat16 is what Llama is published and served in."""
    graph: bool = False
    """Whether the artifact gets a portable float32 graph besides, for Triton; False, the default, leaves it to servers
    that load weights, such as vLLM."""

    def __post_init__(self) -> None:
        for name in ("vocabulary", "hidden", "intermediate", "layers", "heads", "kv_heads", "sequence_length"):
            at_least(name, getattr(self, name), 1)
        multiple("hidden", self.hidden, self.heads, "heads")
        multiple("heads", self.heads, self.kv_heads, "kv_heads")
        multiple("hidden / heads", self.hidden // self.heads, 2, "2, for rotary embedding")
        between("rope_theta", self.rope_theta, 1, 1e9)
        between("norm_epsilon", self.norm_epsilon, 0, 1, open_low=True)
        between("router_loss", self.router_loss, 0, 1)
        if self.experts:
            if self.experts < 2:
                reject("experts", self.experts, "a router chooses among at least 2", "Give 2 or more, or 0 for none.")
            # The weights of the chosen add up to 1: that of one alone would always be 1, and teach the router nothing.
            between("experts_per_token", self.experts_per_token, 2, self.experts)
            if self.graph:
                reject("graph", True, "which experts run depends on the tokens, and a graph's nodes cannot",
                       "Leave graph out, and serve the weights.")  # fmt: skip
            return
        for name in ("experts_per_token", "router_loss"):
            if getattr(self, name) != getattr(type(self), name):
                reject(name, getattr(self, name), "there are no experts", "Give experts too, or leave it out.")

    @property
    def imported(self) -> tuple[str, ...]:
        return (*self.modules, *(GRAPH_MODULES if self.graph else ()))

    @property
    def head_dimension(self) -> int:
        """Width of a head."""
        return self.hidden // self.heads

    @property
    def size(self) -> ModelSize:
        attention = 2 * self.hidden**2 + 2 * self.hidden * self.kv_heads * self.head_dimension
        feed_forward = 3 * self.hidden * self.intermediate
        router = self.experts * self.hidden
        block = attention + max(1, self.experts) * feed_forward + router + 2 * self.hidden
        matrix = self.vocabulary * self.hidden
        return ModelSize(
            parameters=self.layers * block + matrix * (1 if self.tied else 2) + self.hidden,
            looked_up=0 if self.tied else matrix, blocks=self.layers, block_parameters=block, hidden=self.hidden,
            heads=self.heads, tokens=self.sequence_length, vocabulary=self.vocabulary,
            key_width=self.kv_heads * self.head_dimension,
            chosen=self.experts_per_token if self.experts else 0,
            in_experts=self.layers * self.experts * feed_forward,
            idle=self.layers * (self.experts - self.experts_per_token) * feed_forward if self.experts else 0,
        )  # fmt: skip

    def check_transform(self, *, tensor: int, context: int, expert: int) -> None:
        if self.tied:
            reject("workload.tied", True, "SageMaker's library is not known to divide a model with shared weights",
                   "Give tied=False, or take ModelParallel(…).")  # fmt: skip
        # "Hugging Face Transformer models compatible with the SMP …", SageMaker Developer Guide, read 2026-11.
        for name, degree in {"tensor": tensor, "context": context}.items():
            if self.experts and degree > 1:
                reject(f"strategy.{name}", degree, f"a mixture of experts ({self.experts}) is divided by expert"
                       " alone", "Give expert in its place.")  # fmt: skip
        if expert > 1 and not self.experts:
            reject("strategy.expert", expert, "the workload has no experts", "Give workload.experts, or leave it out.")
        if expert > 1 and self.experts % expert:
            reject("strategy.expert", expert, f"it must divide experts ({self.experts})", "Give a divisor.")

    def check_layout(self, layout: Layout, *, parts: int) -> None:
        super().check_layout(layout, parts=parts)
        if self.kv_heads % layout.tensor:
            reject("strategy.tensor", layout.tensor, f"it must divide kv_heads ({self.kv_heads})", "Give a divisor.")
        if self.intermediate % layout.tensor:
            reject("strategy.tensor", layout.tensor, f"it must divide intermediate ({self.intermediate})",
                   "Give a divisor.")  # fmt: skip
        if self.experts and layout.tensor > 1:
            reject("strategy.tensor", layout.tensor, f"experts ({self.experts}) are not divided by it",
                   "Take Fsdp(), or ModelParallel(...) with pipeline or context alone.")  # fmt: skip
        if self.tied and parts > 1:
            reject("strategy.pipeline", parts, "first and last stage would share the embedding", "Give tied=False.")
        if self.tied and layout.tensor > 1:
            reject("strategy.tensor", layout.tensor, "embedding and scores are divided each in its own way",
                   "Give tied=False, or take Fsdp().")  # fmt: skip


LLAMA_7B = Llama(vocabulary=32000, hidden=4096, intermediate=11008, layers=32, heads=32, kv_heads=32)
"""Llama 2 7B, 6.74 billion parameters (meta-llama/Llama-2-7b-hf, config.json, read 2026-11)."""

LLAMA_13B = Llama(vocabulary=32000, hidden=5120, intermediate=13824, layers=40, heads=40, kv_heads=40)
"""Llama 2 13B, 13.02 billion parameters (meta-llama/Llama-2-13b-hf, config.json, read 2026-11)."""

LLAMA_70B = Llama(vocabulary=32000, hidden=8192, intermediate=28672, layers=80, heads=64, kv_heads=8)
"""Llama 2 70B, 68.98 billion parameters (meta-llama/Llama-2-70b-hf, config.json, read 2026-11)."""

LLAMA_8B = Llama(
    vocabulary=128256, hidden=4096, intermediate=14336, layers=32, heads=32, kv_heads=8, rope_theta=500000.0
)  # fmt: skip
"""Llama 3 8B, 8.03 billion parameters (meta-llama/Meta-Llama-3-8B, config.json, read 2026-11), at sequence 4096."""

LLAMA_1_2B = Llama(
    vocabulary=128256, hidden=2048, intermediate=8192, layers=16, heads=32, kv_heads=8, rope_theta=500000.0,
    rope_scaling=RopeScaling(factor=32.0), tied=True,
)  # fmt: skip
"""Llama 3.2 1B, 1.24 billion parameters (meta-llama/Llama-3.2-1B, config.json, read 2026-11), at sequence 4096."""

MIXTRAL_8X7B = Llama(
    vocabulary=32000, hidden=4096, intermediate=14336, layers=32, heads=32, kv_heads=8, rope_theta=1e6,
    experts=8, experts_per_token=2,
)  # fmt: skip
"""Mixtral 8x7B, 46.70 billion parameters, 12.88 billion of them for each token (mistralai/Mixtral-8x7B-v0.1,
config.json, read 2026-11), at sequence 4096."""

LLAMA_TINY = Llama(
    vocabulary=256, hidden=96, intermediate=256, layers=3, heads=6, kv_heads=2, sequence_length=128
)  # fmt: skip
"""A third of a million parameters over bytes: for tests, and for two hosts of a CPU core each."""

MIXTRAL_TINY = Llama(
    vocabulary=256, hidden=64, intermediate=96, layers=3, heads=4, kv_heads=2, sequence_length=128, experts=4,
    experts_per_token=2,
)  # fmt: skip
"""A quarter of a million parameters over bytes, half of the experts idle for each token: for tests."""


@value_object
class PrepareOptions:
    """Options of data preparation."""

    tokenizer: str | None = None
    """Processing input that holds a Hugging Face ``tokenizer.json``; None takes bytes as tokens."""
    end_token: str | None = None
    """The tokenizer's token put after each document, such as ``<|end_of_text|>``; None puts nothing."""
    heldout_fraction: float = 0.1
    """Share of the files that is held out, by a hash of each file's name."""
    shard_tokens: int = 2**20
    """Tokens of a shard; the last has fewer."""
    maximum_bytes: int = 8 * 2**20
    """Text taken in all; less where the source holds less."""
    seed: int = 0
    """Of the split and of the choice of files."""

    def __post_init__(self) -> None:
        between("heldout_fraction", self.heldout_fraction, 0, 0.5, open_low=True)
        between("shard_tokens", self.shard_tokens, 4096, 2**30)
        between("maximum_bytes", self.maximum_bytes, 65536, 2**40)
        between("seed", self.seed, 0, 2**32 - 1)
        if self.end_token is not None and self.tokenizer is None:
            reject("end_token", self.end_token, "bytes have no such token", "Name a tokenizer, or leave it out.")


@value_object
class EvaluateOptions:
    """Options of evaluation."""

    maximum_tokens: int = 2**18
    """Held-out tokens that are scored; the baselines see the same text."""
    batch_size: int = 8
    """Sequences a forward pass."""

    def __post_init__(self) -> None:
        between("maximum_tokens", self.maximum_tokens, 2, 2**40)
        at_least("batch_size", self.batch_size, 1)
