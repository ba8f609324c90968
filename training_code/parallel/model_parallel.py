"""Tensor, pipeline and context parallelism, alone and over replicated or sharded data parallelism: one device mesh.

What remains of the mesh beside tensor and pipeline averages gradients, always through FSDP2: over ranks that hold
copies (``replicate``) and ranks that hold shards. Ranks with different parts of one sequence hold copies of the same
parameters, so they join the shards, or with ``Ddp`` the copies. A dimension of one rank costs no exchange.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from ml_contract.metrics import Metric
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp, ModelParallel
from training_code.checkpoint import Stateful
from training_code.parallel import blocks, context, pipeline, sequence, tensor
from training_code.parallel import optimizer as optimizers
from training_code.parallel.base import Passed
from training_code.parallel.fsdp import Sharded, shard
from training_code.parallel.ranks import Ranks
from training_code.parallel.weights import initialize
from training_code.workloads.base import Workload

DIMENSIONS = ("pipeline", "replicate", "shard", "context", "tensor")
"""Of the mesh; the last is that of neighbouring ranks."""


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> Divided:
    """The model, of which this rank holds its part of every degree."""
    strategy = run.strategy
    assert isinstance(strategy, ModelParallel)
    mesh = init_device_mesh(
        ranks.device.type, tuple(getattr(layout, name) for name in DIMENSIONS), mesh_dim_names=DIMENSIONS
    )
    if strategy.pipeline is None:
        with torch.device("meta"):
            held = {0: workload.build()}
    else:
        held = pipeline.parts(workload, strategy.pipeline, mesh.get_local_rank("pipeline"))
    for part in held.values():
        _divide(part, run, workload, layout, mesh)
        part.to_empty(device="cpu" if _sharding(strategy).cpu_offload else ranks.device)
        initialize(part, workload, run.seed)
    if strategy.pipeline is None:
        return Divided(run, workload, ranks, layout, mesh, held)
    return Pipelined(run, workload, ranks, layout, mesh, held)


def _divide(part: nn.Module, run: TrainingRun, workload: Workload[Any], layout: Layout, mesh: DeviceMesh) -> None:
    strategy = run.strategy
    assert isinstance(strategy, ModelParallel)
    blocks.convert(part, run, workload)
    if layout.context > 1:
        context.divide(part, workload, mesh.get_group("context"))
    if layout.tensor > 1:
        tensor.divide(part, workload, mesh["tensor"], compiled=run.compile_blocks)
    blocks.wrap(part, run, workload)
    shard(part, _sharding(strategy), run.precision, workload, data_mesh(mesh, strategy))


def _sharding(strategy: ModelParallel) -> Fsdp:
    # Where there is nothing to gather, parameters may stay as they are between forward and backward.
    return strategy.data if isinstance(strategy.data, Fsdp) else Fsdp(sharding="shard_grad_op")


def data_mesh(mesh: DeviceMesh, strategy: ModelParallel) -> DeviceMesh:
    """The ranks that average gradients: two dimensions, copies and shards; one where there are no copies."""
    copies, shards = mesh["replicate"], mesh["shard"]
    if strategy.context > 1:
        if isinstance(strategy.data, Fsdp):
            shards = mesh["shard", "context"]._flatten("shard_context")
        else:
            copies = mesh["replicate", "context"]._flatten("replicate_context")
    return shards if copies.size() == 1 else DeviceMesh._concatenate([copies, shards])


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
        return _sharding(self.run.strategy)

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
        alike = by_mesh(parameter for model in self.models for parameter in model.parameters())
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


def by_mesh(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters with gradients, those of one mesh together: no operation takes two meshes at once."""
    found: dict[Any, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            found.setdefault(parameter.device_mesh if isinstance(parameter, DTensor) else None, []).append(parameter)
    return [*found.values()]
