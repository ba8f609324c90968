"""What the training loop asks of a workload."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ml_contract.manifest import ArtifactManifest
from ml_contract.metrics import Metric
from ml_contract.training.run import TrainingRun
from ml_contract.workloads import WorkloadOptions
from training_code.data.source import Source
from training_code.workloads.counterpart import Counterpart

Options = TypeVar("Options", bound=WorkloadOptions)


class Samples(Protocol):
    """A map-style data set of one split."""

    @property
    def digest(self) -> str:
        """One digest of all content: what a resumed run must find unchanged."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any:
        """One sample, of tensors; torch's default collation makes a batch of several, unless :attr:`collate` does."""
        ...


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a finished run hands to the export."""

    run: TrainingRun
    weights: Mapping[str, Tensor]
    """All parameters, whole and on the CPU, by their names in the model that :meth:`Workload.build` made."""
    steps: int
    figures: Mapping[str, float]
    """Figures of the last step, among them ``loss``."""
    provenance: Mapping[str, Any]
    """For the manifest: hyperparameters, steps, torch version, training job."""


class Workload(abc.ABC, Generic[Options]):
    """A model, its data, its loss, and what becomes of it. One object a process, made of its options."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @abc.abstractmethod
    def build(self) -> nn.Module:
        """The model; called under ``torch.device("meta")``, so that no rank ever holds all of a large one."""

    @abc.abstractmethod
    def initial(self, name: str, shape: torch.Size, seed: int) -> Tensor:
        """The whole of one parameter, float32 on the CPU: a function of name, shape and seed alone."""

    def reset(self, model: nn.Module) -> None:
        """Give buffers their values, once the model has left the meta device; parameters are not touched."""

    @abc.abstractmethod
    def blocks(self, model: nn.Module) -> Mapping[str, nn.Module]:
        """Name to module, in the order of forward: units of sharding, recomputation and compilation."""

    def parameter_groups(self, model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """Groups for the optimiser; a group's ``scale`` multiplies the rate. Matrices decay, vectors do not."""
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return [
            {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": weight_decay},
            {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
        ]

    @abc.abstractmethod
    def open(self, source: Source, *, verify: bool) -> Samples:
        """The split in ``source``; ``verify`` holds all content against its digests. Raises ContractError."""

    def collate(self) -> Any:
        """A function from a list of samples to a batch; None takes torch's default."""
        return None

    @abc.abstractmethod
    def split(self, batch: Any) -> tuple[tuple[Any, ...], Any]:
        """(arguments of the model's forward, targets of the loss); tensors, or lists and dicts of them."""

    @abc.abstractmethod
    def loss(self, outputs: Any, targets: Any) -> Tensor:
        """Mean loss of a micro-batch, a scalar in nats."""

    def figures(self, _outputs: Any, _targets: Any, /) -> dict[Metric, float]:
        """Further figures of a micro-batch, each a mean over its samples; every rank gives the same names."""
        return {}

    def before_step(self, model: nn.Module, done: int, steps: int) -> None:
        """Called before the step after ``done`` of ``steps``: what changes along a run, such as frozen parts."""

    def tensor_plan(self, model: nn.Module) -> Mapping[str, Any]:
        """Module name to torch.distributed.tensor.parallel style; only for modules that this part of a model has."""
        raise NotImplementedError

    def attentions(self, model: nn.Module) -> Sequence[nn.Module]:
        """Modules whose attribute ``attend`` is scaled_dot_product_attention: context parallelism replaces it.

        Forward takes the keyword ``positions`` then: those of its tokens in the whole sequence, int64 of [sequence].
        """
        return [module for module in model.modules() if hasattr(module, "attend")]

    def at(self, arguments: tuple[Any, ...], targets: Any, positions: Tensor) -> tuple[tuple[Any, ...], Any]:
        """What :meth:`split` gave, at some positions of the sequence: here the second dimension of every tensor."""
        return tuple(argument[:, positions] for argument in arguments), targets[:, positions]

    def part(self, model: nn.Module, names: Sequence[str], *, first: bool, last: bool) -> nn.Module:
        """Cut a model on the meta device down to some of its blocks, under their own names, for a pipeline stage.

        Args:
            model: From :meth:`build`; changed in place.
            names: The blocks that stay.
            first: Whether what comes before the blocks stays; otherwise forward takes hidden states.
            last: Whether what comes after them stays; otherwise forward gives hidden states.
        """
        raise NotImplementedError

    def counterpart(self) -> Counterpart:
        """The same model in a class of transformers; only where the options' ``check_transform`` lets degrees pass."""
        raise NotImplementedError

    @abc.abstractmethod
    def export(self, folder: Path, trained: Trained) -> ArtifactManifest:
        """Write the artifact with its manifest. Called on the first rank alone."""
