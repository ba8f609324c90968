"""What every workload's options can say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from ml_contract.errors import reject
from ml_contract.training.layout import Layout
from ml_contract.values import value_object


@value_object
class ModelSize:
    """Figures of a model from which memory and arithmetic are estimated."""

    parameters: int
    """All of them."""
    blocks: int
    """Equal layers; what FSDP gathers at one time, and activation checkpointing computes again."""
    block_parameters: int
    """Of the largest block."""
    hidden: int
    """Width of the residual stream; 0 where there is none."""
    heads: int
    """Attention heads; 0 where there are none."""
    tokens: int
    """Tokens a sample; 1 where a sample is no sequence."""
    vocabulary: int
    """Classes that the last layer scores."""
    scored: int = 0
    """Tokens of a sample whose classes the last layer scores; 0 for all of them."""
    key_width: int = 0
    """Width of a block's keys, and of its values, where query heads share them; 0 where they are ``hidden`` wide."""
    looked_up: int = 0
    """Parameters that are only looked up, never multiplied: an embedding that is not the scores' matrix too."""
    chosen: int = 0
    """Experts of a block that a token is sent to, each a copy of it; 0 where a block has one way for all."""
    in_experts: int = 0
    """Parameters of all experts, in all blocks."""
    idle: int = 0
    """Parameters that a token does not meet: of the experts that it is not sent to, in all blocks."""
    kept: int = 0
    """Values of a sample that backward needs, for a model without a residual stream; 0 where nobody has counted."""


@value_object
class Headline:
    """The figure of evaluation.json by which a workload's models are judged, beside baselines on the same data."""

    figure: str
    """Name of the figure, for example ``accuracy``."""
    better: Literal["LessThan", "GreaterThan"]
    """Which side of a baseline is the good one."""
    unit: str
    """What the figure is, in words, for axes and tables."""
    baselines: Mapping[str, str]
    """Words for each baseline, by the name of its figure; the first is the one to beat."""


BITS_PER_BYTE = Headline(
    figure="bits_per_byte", better="LessThan", unit="bits per byte of held-out text",
    baselines={"order0_bits_per_byte": "order-0 entropy", "xz_bits_per_byte": "xz"},
)  # fmt: skip
"""Of all models of text, whatever their tokens are."""


GRAPH_MODULES = ("onnx", "onnxruntime", "onnxscript")
"""What the export of a portable graph imports."""


@value_object
class WorkloadOptions:
    """Options of a workload: shape of the model and of its samples."""

    kind: ClassVar[str]
    """Name of the workload, its folder and its tag."""
    modules: ClassVar[tuple[str, ...]] = ()
    """What the image must hold beside torch, whatever the options."""
    headline: ClassVar[Headline]
    """What its evaluation shows first."""
    loss_chunk: ClassVar[int] = 0
    """Positions whose scores the loss holds in float32 at one time; 0 for all of them."""
    divisible: ClassVar[frozenset[str]] = frozenset()
    """Of "tensor", "context" and "pipeline" those that this workload can be divided by."""

    @property
    def imported(self) -> tuple[str, ...]:
        """Modules beside torch that a run with these options imports."""
        return self.modules

    @property
    def size(self) -> ModelSize:
        """Figures of the model."""
        raise NotImplementedError

    @property
    def freezes(self) -> bool:
        """Whether some parameters do not learn for a part of the run: they are to stay as they are meanwhile."""
        return False

    @property
    def flops_per_sample(self) -> float:
        """Floating-point operations of forward and backward of one sample, 6 N + 12 L H Q T a token (arXiv 2204.02311,
        appendix B), without what activation checkpointing does again.

        N leaves out what is only looked up, as nanochat and torchtitan do; PaLM, whose embedding is tied, has nothing
        to leave out. It leaves out experts that a token is not sent to (arXiv 2401.04088, section 2.1). The attention's
        term counts all pairs of positions, of which a causal mask needs half.
        """
        size = self.size
        multiplied = size.parameters - size.looked_up - size.idle
        return (6 * multiplied + 12 * size.blocks * size.hidden * size.tokens) * size.tokens

    def check_transform(self, *, tensor: int, context: int, expert: int) -> None:
        """Refuse degrees of a library that divides transformers' classes alone; here all of them.

        Args:
            tensor: Ranks that divide matrices.
            context: Ranks that share a sequence.
            expert: Ranks that divide the experts of a mixture.

        Raises:
            ContractError: Transformers has no such model, or the library does not divide it so.
        """
        for name, degree in {"tensor": tensor, "context": context, "expert": expert}.items():
            if degree > 1:
                reject(f"strategy.{name}", degree, "SageMaker's library divides by it the models of Hugging Face that"
                       f" its transform knows, and the workload {self.kind} is none of them",
                       "Leave it out, or take ModelParallel(…), which divides this one too.")  # fmt: skip

    def check_layout(self, layout: Layout, *, parts: int) -> None:
        """Refuse a layout that the model cannot be divided by.

        Args:
            layout: Degrees.
            parts: Parts into which pipeline stages cut the blocks; 1 for none.

        Raises:
            ContractError: A degree does not fit.
        """
        degrees = {"tensor": layout.tensor, "context": layout.context, "pipeline": layout.pipeline}
        for name, degree in degrees.items():
            if degree > 1 and name not in self.divisible:
                reject(f"strategy.{name}", degree, f"the workload {self.kind} cannot be divided so",
                       "Take Ddp() or Fsdp().")  # fmt: skip
        if parts > self.size.blocks:
            reject("strategy.pipeline", parts, f"the model has {self.size.blocks} blocks",
                   "Give fewer stages, or fewer chunks.")  # fmt: skip
        tokens = self.size.tokens
        if layout.context > 1 and tokens % (2 * layout.context):
            reject("strategy.context", layout.context, f"twice of it must divide sequence_length ({tokens})",
                   "Give a divisor.")  # fmt: skip
        if layout.tensor > 1 and tokens // layout.context % layout.tensor:
            reject("strategy.tensor", layout.tensor, f"it must divide a rank's part of the sequence"
                   f" ({tokens // layout.context}), along which norms are divided", "Give a divisor.")  # fmt: skip
        if layout.tensor > 1 and self.size.heads % layout.tensor:
            reject("strategy.tensor", layout.tensor, f"it must divide the model's heads ({self.size.heads})",
                   "Give a divisor.")  # fmt: skip
