"""Where DeepSpeed keeps float32 parameters and optimiser state: a stretch of each parameter a rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from training_code.parallel import deepspeed_swap as swap
from training_code.parallel.flat_shard import FlatShard
from training_code.parallel.weights import WRAPPER
from training_code.workloads.base import Workload

PARAMETER = "parameter"
"""The float32 value itself, among what is kept of a parameter."""
MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's state, of the parameters' shape."""

Shards = dict[str, dict[str, FlatShard]]
"""By the name of a parameter, and by PARAMETER or one of MOMENTS."""


class Masters:
    """The float32 values that the optimiser updates, and its state.

    Args:
        engine: DeepSpeed's, with torch's AdamW inside.
    """

    def __init__(self, engine: Any) -> None:
        self.engine, self.optimizer = engine, engine.optimizer
        self.client: torch.optim.Optimizer = engine.optimizer.optimizer
        """torch's AdamW, whose parameters are this rank's flat partitions."""
        self.sharded = engine.zero_optimization_stage() == 3
        """Whether parameters are divided too."""
        for number, flat in enumerate(self.partitions):
            with self._resident(number, changed=True):
                self._begin(flat)

    @property
    def partitions(self) -> list[Tensor]:
        """This rank's flat partitions, float32. One that lives on a disk has no elements between updates."""
        if self.sharded:
            return list(self.optimizer.fp32_partitioned_groups_flat)
        return list(self.optimizer.single_partition_of_fp32_groups)

    @property
    def named(self) -> dict[str, nn.Parameter]:
        """Parameters by the names of the unsharded model; two names of one parameter are both there."""
        return {
            name.replace(WRAPPER, ""): value
            for name, value in self.engine.module.state_dict(keep_vars=True).items()
            if isinstance(value, nn.Parameter)
        }

    @property
    def buffers(self) -> dict[str, Tensor]:
        """Buffers that belong to the state, whole on every rank."""
        return {
            name.replace(WRAPPER, ""): value
            for name, value in self.engine.module.state_dict(keep_vars=True).items()
            if not isinstance(value, nn.Parameter)
        }

    def shards(self, *keys: str) -> Shards:
        """This rank's part of everything that learns: where it is in use, or a copy of what lives on a disk."""
        found: Shards = {name: {} for name, value in self.named.items() if value.requires_grad}
        for number, members in self._members():
            with self._resident(number):
                for name, parameter in members.items():
                    found[name] = {key: self._shard(parameter, key) for key in keys}
                    if self._on_disk(number):
                        found[name] = {key: _copied(shard) for key, shard in found[name].items()}
        return found

    def put(self, loaded: Mapping[str, Mapping[str, FlatShard]]) -> None:
        """Bring values to where they are used; most are there already, for they were loaded in place."""
        for number, members in self._members():
            with self._resident(number, changed=True):
                for name, parameter in members.items():
                    for key, shard in loaded.get(name, {}).items():
                        self._shard(parameter, key).flat.copy_(shard.flat)

    def frozen(self) -> dict[str, Tensor]:
        """What does not learn, as forward uses it: whole, or with stage 3 this rank's part."""
        return {name: self._frozen(value) for name, value in self.named.items() if not value.requires_grad}

    def put_frozen(self, loaded: Mapping[str, Tensor]) -> None:
        """Bring loaded values to what does not learn."""
        parameter: Any  # DeepSpeed's attributes are on it
        for name, parameter in self.named.items():
            value = loaded.get(name) if not parameter.requires_grad else None
            if isinstance(value, FlatShard):
                with swap.present(parameter, changed=True):
                    parameter.ds_tensor[: value.flat.numel()].copy_(value.flat)
            elif value is not None:
                parameter.detach().copy_(value)

    def step_of(self, parameter: Any) -> Tensor:
        """Updates of a parameter so far, a scalar."""
        found: Tensor = self.client.state[self.partitions[self._place(parameter)[0]]]["step"]
        return found

    def group_of(self, parameter: Any) -> int:
        """Number of the optimiser's group that a parameter is in."""
        number = self._place(parameter)[0]
        return int(self.optimizer.sub_group_to_group_id[number]) if self.sharded else number

    def norm(self) -> float:
        """The global norm of the gradients of the last backward, whatever the loss was scaled by."""
        if self.sharded:
            from deepspeed.runtime.utils import combine_grad_norm_groups

            norm = combine_grad_norm_groups(self.optimizer._get_norm_groups())
        else:
            norm = self.optimizer.scaled_global_norm()
        return float(norm) / float(self.optimizer.loss_scale)

    @torch.no_grad()
    def initialize(self, workload: Workload[Any], seed: int) -> None:
        """The workload's initial values in float32, where the model had to be rounded before it came here."""
        for number, members in self._members():
            with self._resident(number, changed=True):
                for name, parameter in members.items():
                    shard = self._shard(parameter, PARAMETER)
                    whole = workload.initial(name, shard.shape, seed).flatten()
                    shard.flat.copy_(whole[shard.start : shard.start + shard.flat.numel()])
        self.publish()

    @torch.no_grad()
    def publish(self) -> None:
        """Bring the float32 values to the parameters that forward uses."""
        if not self.sharded:
            self.optimizer.update_lp_params()
            return
        for number in range(len(self.optimizer.fp16_groups)):
            with self._resident(number):
                self.optimizer._reassign_or_swap_out_partitioned_parameters(number)
        if kept := self.optimizer.persistent_parameters:
            # Small ones stay whole: what they are has to be gathered anew.
            kept[0].partition(kept, has_been_updated=False)
            kept[0].all_gather(kept)

    def _begin(self, flat: Tensor) -> None:
        """Adam's state before its first update; torch makes it in that update, and a restore comes before."""
        fused = bool(self.client.param_groups[0]["fused"])
        state: dict[str, Tensor] = {key: torch.zeros_like(flat) for key in MOMENTS}
        self.client.state[flat] = {
            "step": torch.zeros((), dtype=torch.float32, device=flat.device if fused else "cpu"),
            **state,
        }

    def _on_disk(self, number: int) -> bool:
        return self.sharded and swap.on_disk(self.optimizer, number)

    def _resident(self, number: int, *, changed: bool = False) -> AbstractContextManager[None]:
        return swap.resident(self.optimizer, number, changed=changed) if self.sharded else nullcontext()

    def _members(self) -> Iterator[tuple[int, dict[str, nn.Parameter]]]:
        """Parameters that learn, by the partition that they are in."""
        found: list[dict[str, nn.Parameter]] = [{} for _ in self.partitions]
        for name, parameter in self.named.items():
            if parameter.requires_grad:
                found[self._place(parameter)[0]][name] = parameter
        yield from enumerate(found)

    def _shard(self, parameter: Any, key: str) -> FlatShard:
        """This rank's part of one that learns, where it is in use."""
        number, offset, start, count = self._place(parameter)
        flat = self.partitions[number]
        if key != PARAMETER:
            flat = self.client.state[flat][key]
        shape = parameter.ds_shape if self.sharded else parameter.shape
        return FlatShard(flat.detach().narrow(0, offset, count), start=start, shape=shape)

    def _place(self, parameter: Any) -> tuple[int, int, int, int]:
        """(partition, where it begins in there, which element of the parameter that is, how many they are)."""
        if self.sharded:
            number, offset, size = self.optimizer.grad_position[self.optimizer.get_param_id(parameter)]
            start = size * dist.get_rank(self.optimizer._get_param_partition_group(parameter))
            # The last ranks' parts are filled up to the size of the others.
            return number, offset, min(start, parameter.ds_numel), max(0, min(size, parameter.ds_numel - start))
        mapping = parameter._hp_mapping
        if mapping is None:
            return self._group(parameter), 0, 0, 0
        lower, higher = mapping.lp_fragment_address, mapping.hp_fragment_address
        return mapping.param_group_index, higher.start, lower.start, higher.numel

    def _group(self, parameter: Any) -> int:
        groups = self.optimizer.bit16_groups
        return next(n for n, group in enumerate(groups) if any(parameter is member for member in group))

    def _frozen(self, parameter: Any) -> Tensor:
        if not self.sharded:
            found: Tensor = parameter.detach()
            return found
        size = parameter.ds_tensor.ds_numel
        start = size * dist.get_rank(self.optimizer._get_param_partition_group(parameter))
        count = max(0, min(size, parameter.ds_numel - start))
        with swap.present(parameter) as copied:
            part = parameter.ds_tensor.detach()[:count]
            shard = FlatShard(part, start=min(start, parameter.ds_numel), shape=parameter.ds_shape)
            return _copied(shard) if copied else shard


def _copied(shard: FlatShard) -> FlatShard:
    return FlatShard(shard.flat.clone(), start=shard.start, shape=shard.shape)
