"""Context parallelism: each rank has a part of every sequence, and sees the keys and values of all parts.

Keys and values are gathered and their gradients scattered back (Llama 3, arXiv 2407.21783, section 3.3.2). torch's own
ring attention dispatches the attention kernels of CUDA alone; this is exact on every device, and gathers no more than
what a ring passes on.

Which positions a rank has: :mod:`training_code.parallel.sequence`.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed._functional_collectives import all_gather_single_autograd

from training_code.workloads.base import Workload


class GatheredAttention:
    """scaled_dot_product_attention over the sequences of a group of ranks, of which each has its part."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        self.group, self.rank, self.size = group, dist.get_rank(group), dist.get_world_size(group)

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, *, is_causal: bool, enable_gqa: bool = False
    ) -> Tensor:
        """All of shape [batch, heads, sequence / size, dimension]; those of key and value may have fewer heads."""
        assert is_causal, "a part of a sequence is balanced for causal attention alone"
        keys, values = self._whole(torch.stack((key, value)))
        outputs = []
        for number, part in zip((self.rank, 2 * self.size - 1 - self.rank), query.chunk(2, dim=-2), strict=True):
            length = part.shape[-2]
            end = (number + 1) * length
            rows = torch.arange(end - length, end, device=query.device)
            mask = rows[:, None] >= torch.arange(end, device=query.device)
            outputs.append(
                F.scaled_dot_product_attention(
                    part, keys[..., :end, :], values[..., :end, :], attn_mask=mask, enable_gqa=enable_gqa
                )
            )
        return torch.cat(outputs, dim=-2)

    def _whole(self, local: Tensor) -> Tensor:
        """[…, sequence / size, dimension] of every rank as […, sequence, dimension], in the order of positions."""
        gathered = all_gather_single_autograd(local.contiguous(), 0, self.group)
        early, late = gathered.unflatten(0, (self.size, -1)).chunk(2, dim=-2)
        return torch.cat((*early.unbind(), *reversed(late.unbind())), dim=-2)


@runtime_checkable
class LooksAtSequences(Protocol):
    """A module other than an attention that needs figures of the whole sequence."""

    sequence_group: dist.ProcessGroup | None


def divide(model: nn.Module, workload: Workload[Any], group: dist.ProcessGroup) -> None:
    """Let the attentions of ``model`` see the whole sequence, of which each rank of ``group`` has its part."""
    for module in workload.attentions(model):
        module.attend = GatheredAttention(group)  # type: ignore[assignment]
    for module in model.modules():
        if isinstance(module, LooksAtSequences):
            module.sequence_group = group
