"""Exchanges with gradients, as the parts of a divided model need them."""

import torch
import torch.distributed as dist
from torch.sagemaker import state


class Copied(torch.autograd.Function):
    """Whole on every rank, which uses it for its part: gradients add up."""

    @staticmethod
    def forward(context, value):
        return value.view_as(value)

    @staticmethod
    def backward(context, gradient):
        return summed(gradient, state.tp_process_group)


class Summed(torch.autograd.Function):
    """A sum of the ranks' parts, which every rank uses in the same way."""

    @staticmethod
    def forward(context, value):
        return summed(value, state.tp_process_group)

    @staticmethod
    def backward(context, gradient):
        return gradient


class Gathered(torch.autograd.Function):
    """Those of all ranks of a group, stacked; each uses them for its own: gradients add up."""

    @staticmethod
    def forward(context, value, group):
        context.group = group
        parts = [torch.empty_like(value) for _ in range(dist.get_world_size(group))]
        dist.all_gather(parts, value.contiguous(), group=group)
        return torch.stack(parts)

    @staticmethod
    def backward(context, gradient):
        return summed(gradient, context.group)[dist.get_rank(context.group)], None


class Shared(torch.autograd.Function):
    """A sum of the ranks' parts, of which each rank takes its own: every part is in every sum."""

    @staticmethod
    def forward(context, value, group):
        context.group = group
        return summed(value, group)

    @staticmethod
    def backward(context, gradient):
        return summed(gradient, context.group), None


def summed(value, group):
    found = value.clone()
    dist.all_reduce(found, group=group)
    return found
