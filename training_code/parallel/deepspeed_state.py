"""DeepSpeed's state as a checkpoint sees it: by parameter name.

Every entry has the shape that it has in the unsharded model and the name that torch's own strategies give it
(:class:`FlatShard`). So a checkpoint of ZeRO is loaded in one process, by another world size, or by another strategy,
with nothing to convert. What lives on a disk is read for a save and written after a load, one sub-group at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from training_code.parallel.deepspeed_masters import MOMENTS, PARAMETER, Masters
from training_code.parallel.flat_shard import FlatShard
from training_code.parallel.ranks import Ranks


@dataclass(frozen=True)
class ModelState:
    """Parameters, float32, and buffers."""

    masters: Masters

    def state_dict(self) -> dict[str, Any]:
        learning = {name: each[PARAMETER] for name, each in self.masters.shards(PARAMETER).items()}
        found = {**learning, **self.masters.frozen()}
        # In the model's order.
        return {name: found[name] for name in self.masters.named} | self.masters.buffers

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        learning = {name for name, value in self.masters.named.items() if value.requires_grad}
        self.masters.put({name: {PARAMETER: state_dict[name]} for name in learning & state_dict.keys()})
        self.masters.put_frozen({name: value for name, value in state_dict.items() if name not in learning})
        for name, value in self.masters.buffers.items():
            if name in state_dict:
                value.copy_(state_dict[name])
        self.masters.publish()


@dataclass(frozen=True)
class OptimizerState:
    """AdamW's state, laid out as torch.distributed.checkpoint.state_dict does."""

    masters: Masters

    def state_dict(self) -> dict[str, Any]:
        named = self.masters.named
        state = {
            name: {"step": self.masters.step_of(named[name]), **moments}
            for name, moments in self.masters.shards(*MOMENTS).items()
        }
        groups: list[dict[str, Any]] = []
        for number, group in enumerate(self.masters.client.param_groups):
            groups.append({**group, "params": [n for n in state if self.masters.group_of(named[n]) == number]})
        return {"state": state, "param_groups": groups}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        loaded, named = state_dict["state"], self.masters.named
        self.masters.put({name: {key: each[key] for key in MOMENTS} for name, each in loaded.items()})
        for name, each in loaded.items():
            self.masters.step_of(named[name]).copy_(each["step"])


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
