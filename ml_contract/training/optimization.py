"""Optimiser, learning-rate schedule, and what of a run's numerics a user chooses."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from ml_contract.checks import at_least, between
from ml_contract.values import value_object

Compute = Literal["float32", "bfloat16", "float16", "float8"]


@value_object
class Precision:
    """Number formats. Parameters that the optimiser updates are always float32."""

    compute: Compute = "float32"
    """Of matrix products: bfloat16; float16, with a gradient scaler; float8 (torchao, tensorwise scaling, bfloat16
    around it), for GPUs from compute capability 8.9."""
    reduce: Literal["float32", "bfloat16"] = "float32"
    """Of gradients while ranks sum them."""


@value_object
class AdamW:
    """Decoupled weight decay (arXiv 1711.05101)."""

    kind: ClassVar[str] = "adamw"
    learning_rate: float
    """Peak of the schedule."""
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    """Of matrices; vectors do not decay."""
    gradient_clip: float = 1.0
    """Largest global gradient norm."""
    fused: bool = True
    """One kernel for all parameters."""

    def __post_init__(self) -> None:
        between("learning_rate", self.learning_rate, 0, 1, open_low=True)
        between("beta1", self.beta1, 0, 1)
        between("beta2", self.beta2, 0, 1)
        between("epsilon", self.epsilon, 0, 1, open_low=True)
        between("weight_decay", self.weight_decay, 0, 1)
        between("gradient_clip", self.gradient_clip, 0, 1e6, open_low=True)


@value_object
class Schedule:
    """Share of the peak learning rate, step by step; linear warm-up first."""

    warmup_steps: int = 0

    def __post_init__(self) -> None:
        at_least("warmup_steps", self.warmup_steps, 0)

    def factor(self, done: int, steps: int) -> float:
        """Share of the peak for the step after ``done`` of ``steps`` steps."""
        if done < self.warmup_steps:
            return (done + 1) / (self.warmup_steps + 1)
        return self.after_warmup(done, steps)

    def after_warmup(self, _done: int, _steps: int, /) -> float:
        """Share of the peak once warm."""
        return 1.0


@value_object
class Constant(Schedule):
    """The peak until the end."""

    kind: ClassVar[str] = "constant"


@value_object
class Cosine(Schedule):
    """Down to ``floor`` along half a cosine (arXiv 1608.03983)."""

    kind: ClassVar[str] = "cosine"
    floor: float = 0.1
    """Share of the peak at the end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        between("floor", self.floor, 0, 1)

    def after_warmup(self, done: int, steps: int, /) -> float:
        progress = min(1.0, (done - self.warmup_steps) / max(1, steps - 1 - self.warmup_steps))
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress))


@value_object
class Wsd(Schedule):
    """Warm-up, stable, decay: the peak, then linearly down to ``floor`` (arXiv 2404.06395)."""

    kind: ClassVar[str] = "wsd"
    decay_steps: int
    """Steps of the decay at the end."""
    floor: float = 0.0
    """Share of the peak at the end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("decay_steps", self.decay_steps, 1)
        between("floor", self.floor, 0, 1)

    def after_warmup(self, done: int, steps: int, /) -> float:
        progress = (done + 1 - (steps - self.decay_steps)) / self.decay_steps
        return 1.0 - (1.0 - self.floor) * min(1.0, max(0.0, progress))
