"""Pipeline parallelism: the blocks cut into parts, one after the other, and micro-batches that follow each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleInterleaved1F1B
from torch.distributed.pipelining.microbatch import TensorChunkSpec, _Replicate

from ml_contract.training.strategies import Pipeline
from training_code.checkpoint import OptimizerState
from training_code.parallel.weights import WRAPPER
from training_code.workloads.base import Workload

Schedule = Schedule1F1B | ScheduleInterleaved1F1B


def cut(blocks: Sequence[str], parts: int) -> list[list[str]]:
    """Blocks of each part, in order. Where they do not divide, the first have one more: the last has the scores."""
    each, more = divmod(len(blocks), parts)
    ends = [each * part + min(part, more) for part in range(parts + 1)]
    return [list(blocks[start:end]) for start, end in pairwise(ends)]


def parts(workload: Workload[Any], pipeline: Pipeline, stage: int) -> dict[int, nn.Module]:
    """Parts of the model that the ranks of a stage hold, by number, on the meta device.

    With the interleaved schedule a rank has every ``stages``-th part: a micro-batch goes round several times.
    """
    with torch.device("meta"):
        names = cut([*workload.blocks(workload.build())], pipeline.parts)
        return {
            number: workload.part(
                workload.build(), names[number], first=number == 0, last=number == pipeline.parts - 1
            )
            for number in range(stage, pipeline.parts, pipeline.stages)
        }  # fmt: skip


def schedule(
    held: dict[int, nn.Module],
    pipeline: Pipeline,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    micro_batches: int,
    device: torch.device,
    group: dist.ProcessGroup,
    named: bool,
) -> Schedule:
    """Who computes what when.

    Args:
        held: From :func:`parts`, ready to train.
        pipeline: Its options.
        loss: (outputs, targets) to what a micro-batch adds to the loss of the step.
        micro_batches: Of one step.
        device: Of this rank.
        group: One rank of each stage.
        named: Whether forward takes ``positions``, the same for every micro-batch.
    """
    stages = [PipelineStage(part, number, pipeline.parts, device, group=group) for number, part in held.items()]
    chunks: dict[str, TensorChunkSpec] | None = {"positions": _Replicate()} if named else None  # type: ignore[dict-item]
    # The loss is a share already, so that gradients need no scaling; torch's would scale those of earlier steps too.
    common: dict[str, Any] = {"loss_fn": loss, "scale_grads": False, "kwargs_chunk_spec": chunks}
    if pipeline.schedule == "interleaved":
        return ScheduleInterleaved1F1B(list(stages), micro_batches, **common)
    return Schedule1F1B(stages[0], micro_batches, **common)


def joined(held: Sequence[nn.Module]) -> nn.Module:
    """One module with the parameters of all parts, under the names that they have in the whole model.

    It is what checkpoints and the optimiser's state are named by; it shares its layers with the parts, and cannot run.
    """
    whole = nn.Module()
    for part in held:
        for name, layer in part.named_modules():
            if next(layer.parameters(recurse=False), None) is not None:
                parent, _, child = name.replace(WRAPPER, "").rpartition(".")
                _folder(whole, parent).register_module(child, layer)
    return whole


def _folder(module: nn.Module, path: str) -> nn.Module:
    for name in filter(None, path.split(".")):
        if name not in module._modules:
            module.register_module(name, nn.Module())
        module = module.get_submodule(name)
    return module


def named_groups(whole: nn.Module, groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parameter groups of a whole model, with names in the place of its parameters."""
    names = {id(parameter): name for name, parameter in whole.named_parameters()}
    return [{**group, "params": [names[id(parameter)] for parameter in group["params"]]} for group in groups]


@dataclass(frozen=True)
class StageOptimizerState(OptimizerState):
    """A stage's part of the optimiser's state, beside a list of groups that is the same on every stage.

    Each stage has state for its own parameters alone. But a checkpoint has one list of groups, from whichever rank: as
    that of the whole model it suits every other layout.
    """

    groups: Sequence[Mapping[str, Any]]
    """Of the whole model, with the names of parameters."""

    def state_dict(self) -> dict[str, Any]:
        found = super().state_dict()
        options = found["param_groups"][0]
        rate = options["lr"] / options["scale"]
        groups = [{**options, **group, "lr": rate * group["scale"]} for group in self.groups]
        return {**found, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = super().state_dict()
        super().load_state_dict({**own, "state": {name: state_dict["state"][name] for name in own["state"]}})
