"""A model of which each rank holds its part of every matrix, of every sequence, or of both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor

from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp, ModelParallel
from training_code.parallel import mesh as meshes
from training_code.parallel import pipeline, sequence
from training_code.parallel.fsdp import Sharded
from training_code.parallel.ranks import Ranks
from training_code.workloads.base import Workload


class Divided(Sharded):
    """A part of each matrix, of each sequence, or both, on this rank."""

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout, mesh: DeviceMesh,
        held: dict[int, nn.Module],
    ) -> None:  # fmt: skip
        self.mesh, self.held = mesh, held
        first, *more = held.values()
        super().__init__(run, workload, ranks, layout, pipeline.joined([first, *more]) if more else first)

    @property
    def models(self) -> Sequence[nn.Module]:
        return tuple(self.held.values())

    @property
    def sharding(self) -> Fsdp:
        assert isinstance(self.run.strategy, ModelParallel)
        return meshes.sharding(self.run.strategy)

    @property
    def data_rank(self) -> int:
        return self.mesh.get_local_rank("replicate") * self.layout.shard + self.mesh.get_local_rank("shard")

    def arguments(self, batch: Any) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
        arguments, targets = self.workload.split(batch)
        if not self.divides_sequences:
            return arguments, {}, targets
        length, size = arguments[0].shape[1], self.layout.context
        positions = sequence.positions(length, self.mesh.get_local_rank("context"), size).to(self.ranks.device)
        arguments, targets = self.workload.at(arguments, targets, positions)
        return arguments, {"positions": positions}, targets

    @property
    def divides_sequences(self) -> bool:
        """Whether hidden states are no whole sequences, so that positions cannot be counted from their shape."""
        return self.layout.context > 1 or self.layout.tensor > 1

    def clip(self, largest: float) -> float:
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        alike = _by_mesh(parameter for model in self.models for parameter in model.parameters())
        square = torch.zeros((), dtype=torch.float32, device=self.ranks.device)
        for parameters in alike:
            norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
            square += self.total_norm(norm).to(square.device) ** 2
        norm = self.over_stages(square).sqrt()
        found = float(norm)
        if math.isfinite(found):
            for parameters in alike:
                nn.utils.clip_grads_with_norm_(parameters, largest, norm.to(parameters[0].device))
        return found

    def over_stages(self, square: Tensor) -> Tensor:
        """The square of a norm over all stages of a pipeline, from that over this one's."""
        return square


def _by_mesh(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters with gradients, those of one mesh together: no operation takes two meshes at once."""
    found: dict[Any, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            found.setdefault(parameter.device_mesh if isinstance(parameter, DTensor) else None, []).append(parameter)
    return [*found.values()]
