"""Where DeepSpeed keeps float32 parameters and optimiser state, and how a checkpoint sees them: by parameter name.

Every entry has the shape that it has in the unsharded model and the name that torch's own strategies give it
(:class:`FlatShard`). So a checkpoint of ZeRO is loaded in one process, by another world size, or by another strategy,
with nothing to convert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from training_code.parallel.flat_shard import FlatShard
from training_code.parallel.ranks import Ranks
from training_code.parallel.weights import WRAPPER
from training_code.workloads.base import Workload

MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's state, of the parameters' shape."""


class Masters:
    """The float32 values that the optimiser updates, and its state: a stretch of each parameter a rank."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.optimizer = engine, engine.optimizer
        self.client: torch.optim.Optimizer = engine.optimizer.optimizer
        """torch's AdamW, whose parameters are this rank's flat partitions."""
        self.sharded = engine.zero_optimization_stage() == 3
        """Whether parameters are divided too."""
        self.device = torch.device(engine.device)
        for flat in self.partitions:
            self._begin(flat)

    @property
    def partitions(self) -> list[Tensor]:
        """This rank's flat partitions, float32."""
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

    def shard(self, parameter: Any, key: str | None = None) -> Tensor:
        """This rank's part of a parameter, or of one of its moments. Of a frozen one, what forward uses."""
        if not parameter.requires_grad:
            return self._frozen(parameter)
        number, offset, start, count = self._place(parameter)
        flat = self.partitions[number] if key is None else self.client.state[self.partitions[number]][key]
        shape = parameter.ds_shape if self.sharded else parameter.shape
        return FlatShard(flat.detach().narrow(0, offset, count), start=start, shape=shape)

    def step_of(self, parameter: Any) -> Tensor:
        """Updates of a parameter so far, a scalar."""
        found: Tensor = self.client.state[self.partitions[self._place(parameter)[0]]]["step"]
        return found

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
        for name, parameter in self.named.items():
            shard = self.shard(parameter)
            if isinstance(shard, FlatShard) and parameter.requires_grad:
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
            return parameter.detach()
        part = parameter.ds_tensor.detach()
        start = part.numel() * dist.get_rank(self.optimizer._get_param_partition_group(parameter))
        count = max(0, min(part.numel(), parameter.ds_numel - start))
        return FlatShard(part[:count], start=min(start, parameter.ds_numel), shape=parameter.ds_shape)


@dataclass(frozen=True)
class ModelState:
    """Parameters, float32, and buffers."""

    masters: Masters

    def state_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {name: self.masters.shard(value) for name, value in self.masters.named.items()}
        return found | self.masters.buffers

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        _take(self.state_dict(), state_dict)
        self.masters.publish()


@dataclass(frozen=True)
class OptimizerState:
    """AdamW's state, laid out as torch.distributed.checkpoint.state_dict does."""

    masters: Masters

    def state_dict(self) -> dict[str, Any]:
        trained = {name: value for name, value in self.masters.named.items() if value.requires_grad}
        state = {
            name: {"step": self.masters.step_of(value), **{key: self.masters.shard(value, key) for key in MOMENTS}}
            for name, value in trained.items()
        }
        groups: list[dict[str, Any]] = []
        for number, group in enumerate(self.masters.client.param_groups):
            names = [name for name, value in trained.items() if self.masters._place(value)[0] == number]
            groups.append({**group, "params": names})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        _take(self.state_dict()["state"], state_dict["state"])


@dataclass(frozen=True)
class ScalerState:
    """DeepSpeed's loss scaler, in the words of torch.amp.GradScaler."""

    optimizer: Any

    def state_dict(self) -> dict[str, Any]:
        scaler = self.optimizer.loss_scaler
        steady = scaler.cur_iter - scaler.last_overflow_iter - 1
        return {
            "scale": float(scaler.cur_scale), "growth_factor": float(scaler.scale_factor),
            "backoff_factor": 1 / float(scaler.scale_factor), "growth_interval": int(scaler.scale_window),
            "_growth_tracker": steady % int(scaler.scale_window),
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        scaler = self.optimizer.loss_scaler
        scaler.cur_scale = state_dict["scale"]
        scaler.cur_iter, scaler.last_overflow_iter = state_dict["_growth_tracker"], -1


def _take(mine: Any, loaded: Any) -> None:
    """Copy what was loaded to where it is used; most of it is there already, for it was loaded in place."""
    for key, value in loaded.items():
        if isinstance(value, dict):
            _take(mine[key], value)
        elif isinstance(value, FlatShard):
            mine[key].flat.copy_(value.flat)
        else:
            mine[key].copy_(value)


@torch.no_grad()
def gathered(masters: Masters, ranks: Ranks) -> dict[str, Tensor]:
    """Every parameter and buffer, whole on the CPU of the first rank. One parameter at a time is on the device."""
    found: dict[str, Tensor] = {}
    for name, value in ModelState(masters).state_dict().items():
        whole = value
        if isinstance(value, FlatShard):
            whole = torch.zeros(value.shape.numel(), dtype=value.dtype, device=ranks.device)
            whole[value.start : value.start + value.flat.numel()] = value.flat.to(ranks.device)
            dist.reduce(whole, 0)
            whole = whole.view(value.shape)
        if ranks.is_leader:
            found[name] = whole.detach().cpu().clone()
    return found
