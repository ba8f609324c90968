"""Tensor parallelism: matrices divided over the ranks of one host, and what lies between them along the sequence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from training_code.workloads.base import Workload

_COLUMNS = ("attention.query", "attention.key", "attention.value", "feed_forward.gate", "feed_forward.value")
_ROWS = ("attention.output", "feed_forward.output")
_NORMS = ("attention_norm", "feed_forward_norm")


def transformer_plan(model: nn.Module, blocks: Iterable[str]) -> dict[str, ParallelStyle]:
    """The plan of a transformer whose modules are named as this project's are (arXiv 1909.08053 and 2205.05198).

    The first matrix of each pair is divided by columns and the second by rows. Norms and the residual stream are
    divided along the sequence: an all-reduce after each pair becomes a reduce-scatter after it and an all-gather before
    the next, which move the same bytes, and 1 / degree of the activations between them is kept.

    Args:
        model: Or a pipeline's part of it: ``embedding``, ``norm`` and ``scores`` may be None.
        blocks: Names of the blocks that are here.
    """
    along = Shard(1)
    plan: dict[str, ParallelStyle] = {}
    for block in blocks:
        plan |= {f"{block}.{name}": ColwiseParallel() for name in _COLUMNS}
        plan |= {f"{block}.{name}": RowwiseParallel(output_layouts=along) for name in _ROWS}
        plan |= {f"{block}.{name}": SequenceParallel() for name in _NORMS}
        plan[f"{block}.attention"] = PrepareModuleInput(
            input_layouts=(along, None), desired_input_layouts=(Replicate(), None)
        )
        plan[f"{block}.feed_forward"] = PrepareModuleInput(input_layouts=along, desired_input_layouts=Replicate())
    outside = {
        "embedding": RowwiseParallel(input_layouts=Replicate(), output_layouts=along),
        "norm": SequenceParallel(),
        "scores": ColwiseParallel(input_layouts=along, output_layouts=Replicate()),
    }
    return plan | {name: style for name, style in outside.items() if getattr(model, name) is not None}


def divide(model: nn.Module, workload: Workload[Any], mesh: DeviceMesh, *, compiled: bool = False) -> None:
    """Divide the modules of the workload's plan over the one dimension of ``mesh``, in place, on any device.

    Args:
        model: On any device.
        workload: Whose plan it is.
        mesh: Of one dimension.
        compiled: Whether the blocks will be.
    """
    plan = dict(workload.tensor_plan(model))
    parallelize_module(model, mesh, plan)
    if compiled:
        blocks = tuple(f"{name}." for name in workload.blocks(model))
        for name in plan:
            if not name.startswith(blocks):
                model.get_submodule(name).register_forward_hook(_arrived)


def _arrived(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Tensor:
    # An exchange may be under way. A compiled block waits for it, but in torch 2.13 no gradient comes back.
    return output.clone()
