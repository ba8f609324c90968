"""What the training loop asks of a parallel strategy."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ml_contract.metrics import Metric
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.checkpoint import Stateful
from training_code.parallel.ranks import Ranks
from training_code.workloads.base import Workload


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What one step's forward and backward gave on this rank."""

    loss: float
    """This rank's share: the sum over all ranks, divided by the world size, is the mean loss of the step."""
    figures: Mapping[Metric, float] = field(default_factory=dict)
    """Shares of further figures, by the same rule."""


class Parallel(abc.ABC):
    """A model and its optimiser, spread over the ranks."""

    def __init__(self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> None:
        self.run, self.workload, self.ranks, self.layout = run, workload, ranks, layout

    @property
    def data_rank(self) -> int:
        """Which samples this rank sees: ranks with the same number see the same."""
        return self.ranks.rank

    @property
    def skips_overflows(self) -> bool:
        """Whether a gradient norm that is not finite is a step left out, as with float16's scaler, not the end."""
        return self.run.precision.compute == "float16"

    @property
    @abc.abstractmethod
    def models(self) -> Sequence[nn.Module]:
        """The parts of the model that this rank holds; one, but for interleaved pipelines."""

    @abc.abstractmethod
    def forward_backward(self, batches: Sequence[Any]) -> Passed:
        """Gradients of one step, from its micro-batches on the device, averaged over all data ranks."""

    @abc.abstractmethod
    def clip(self, largest: float) -> float:
        """Scale gradients down to a global norm of ``largest``; returns the norm that they had on all ranks together.

        A norm that is not finite changes nothing: the caller ends the run, or skips the step.
        """

    @abc.abstractmethod
    def update(self, rate: float) -> bool:
        """Update parameters with this learning rate, and clear gradients.

        Returns:
            Whether parameters were updated; a float16 run whose gradients overflowed lowers its scale instead.
        """

    @abc.abstractmethod
    def state(self) -> dict[str, Stateful]:
        """Entries of a checkpoint: ``model``, ``optimizer`` and whatever else belongs to the strategy."""

    @abc.abstractmethod
    def gather(self) -> dict[str, Tensor]:
        """All parameters, whole and on the CPU, on the first rank; nothing on the others. Collective."""

    def close(self) -> None:  # noqa: B027  (most hold nothing)
        """Give back what it holds; the process groups belong to the caller."""


def to_device(batch: Any, device: torch.device) -> Any:
    """Tensors of a batch, however nested, on a device."""
    return torch.utils._pytree.tree_map_only(Tensor, lambda tensor: tensor.to(device, non_blocking=True), batch)
