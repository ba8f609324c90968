"""One rank's stage of a pipeline: what it computes of a step, and its part of what is saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor

from ml_contract.metrics import Metric
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import ModelParallel
from training_code.checkpoint import Stateful
from training_code.parallel import optimizer as optimizers
from training_code.parallel import pipeline
from training_code.parallel.base import Passed
from training_code.parallel.divided import Divided
from training_code.parallel.mesh import DIMENSIONS
from training_code.parallel.ranks import Ranks
from training_code.workloads.base import Workload


class Pipelined(Divided):
    """A stage of a pipeline."""

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout, mesh: DeviceMesh,
        held: dict[int, nn.Module],
    ) -> None:  # fmt: skip
        super().__init__(run, workload, ranks, layout, mesh, held)
        assert isinstance(run.strategy, ModelParallel)
        assert run.strategy.pipeline is not None
        self.group = mesh.get_group("pipeline")
        self.micro_batches = run.strategy.pipeline.micro_batches * run.batching(layout)[1]
        self.last = run.strategy.pipeline.parts - 1 in held
        self.figures: list[dict[Metric, float]] = []
        self.names: list[Metric] | None = None
        self.schedule = pipeline.schedule(
            held, run.strategy.pipeline, self._share, micro_batches=self.micro_batches, device=ranks.device,
            group=self.group, named=self.divides_sequences,
        )  # fmt: skip

    def _share(self, outputs: Any, targets: Any) -> Tensor:
        self.figures.append(self.workload.figures(outputs, targets))
        share = self.workload.loss(outputs, targets) / self.micro_batches
        return self.scaler.scale(share) if self.scaler else share

    def forward_backward(self, batches: Sequence[Any]) -> Passed:
        given = [self.arguments(batch) for batch in batches]
        arguments = [torch.cat(parts) for parts in zip(*(arguments for arguments, _, _ in given), strict=True)]
        targets = torch.cat([targets for _, _, targets in given])
        losses: list[Tensor] = []
        if self.scaler:
            # Stages that compute no loss keep the scale too.
            self.scaler.scale(torch.zeros((), device=self.ranks.device))
        self.schedule.step(
            *(arguments if 0 in self.held else ()), target=targets if self.last else None, losses=losses,
            return_outputs=False, **given[0][1],
        )  # fmt: skip
        # The first step's calls begin with one that only finds out shapes.
        found, self.figures = self.figures[-self.micro_batches :], []
        # Of each pipeline one rank knows: what it says counts for all stages, so that the mean over ranks is right.
        loss = self.layout.pipeline * float(sum(losses)) if self.last else 0.0
        if self.scaler:
            loss /= self.scaler.get_scale()
        return Passed(
            loss=loss,
            figures={
                name: self.layout.pipeline * sum(one[name] for one in found) / self.micro_batches if self.last else 0.0
                for name in self._names(found)
            },
        )

    def _names(self, found: Sequence[dict[Metric, float]]) -> list[Metric]:
        if self.names is None:
            told = [[*found[0]] if self.last else None]
            dist.broadcast_object_list(told, group=self.group, group_src=self.layout.pipeline - 1)
            assert told[0] is not None
            self.names = told[0]
        return self.names

    def over_stages(self, square: Tensor) -> Tensor:
        if self.scaler:
            # A stage whose own gradients are finite skips the step too where another's are not.
            for overflow in self.scaler._found_inf_per_device(self.optimizer).values():
                dist.all_reduce(overflow, dist.ReduceOp.MAX, group=self.group)
        dist.all_reduce(square, group=self.group)
        return square

    def state(self) -> dict[str, Stateful]:
        with torch.device("meta"):
            whole = self.workload.build()
        groups = pipeline.named_groups(whole, optimizers.groups([whole], self.workload, self.run.optimizer))
        return {**super().state(), "optimizer": pipeline.StageOptimizerState(self.model, self.optimizer, groups)}

    def gather(self) -> dict[str, Tensor]:
        mine = cast(dict[str, Tensor], get_model_state_dict(self.model))
        stage = self.mesh.get_local_rank("pipeline")
        leads = not any(self.mesh.get_local_rank(name) for name in DIMENSIONS[1:])
        listed: list[list[tuple[str, torch.Size, torch.dtype]]] = [[] for _ in range(self.layout.pipeline)]
        dist.all_gather_object(listed, [(name, one.shape, one.dtype) for name, one in mine.items()], self.group)
        found: dict[str, Tensor] = {}
        for number, tensors in enumerate(listed):
            for name, shape, dtype in tensors:
                # One tensor at a time is whole, on the first rank of its stage, which sends it to the first of all.
                if number == stage:
                    whole = _whole(mine[name])
                    if leads and stage > 0:
                        dist.send(whole, group=self.group, group_dst=0)
                elif leads and stage == 0:
                    whole = torch.empty(shape, dtype=dtype)
                    dist.recv(whole, group=self.group, group_src=number)
                if leads and stage == 0:
                    found[name] = whole
        return found


def _whole(tensor: Tensor) -> Tensor:
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().cpu()
