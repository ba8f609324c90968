"""What is done to a model's blocks before it is spread: recomputation, float8, compilation. In this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

from ml_contract.training.run import TrainingRun
from training_code.parallel.precision import float8
from training_code.workloads.base import Workload

_KEPT = {
    torch.ops.aten.mm.default,
    torch.ops.aten._scaled_dot_product_flash_attention.default,
    torch.ops.aten._scaled_dot_product_efficient_attention.default,
    torch.ops.aten._scaled_dot_product_cudnn_attention.default,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
    torch.ops._c10d_functional.reduce_scatter_tensor.default,
}
"""What selective checkpointing does not compute again: it costs more than keeping its result (torchtitan's list)."""
if hasattr(torch.ops.aten, "_grouped_mm"):
    _KEPT.add(torch.ops.aten._grouped_mm.default)


def transform(model: nn.Module, run: TrainingRun, workload: Workload[Any]) -> None:
    """Change the blocks of ``model`` in place. Parameter names stay as they are."""
    convert(model, run, workload)
    wrap(model, run, workload)


def convert(model: nn.Module, run: TrainingRun, workload: Workload[Any]) -> None:
    """The part that replaces layers: before matrices are divided over ranks, which hooks into the layers."""
    if run.precision.compute == "float8":
        for block in workload.blocks(model).values():
            float8(block)


def wrap(model: nn.Module, run: TrainingRun, workload: Workload[Any]) -> None:
    """The part that wraps blocks: after matrices are divided over ranks, so that what is recomputed is divided too."""
    for name, block in workload.blocks(model).items():
        if run.activation_checkpointing != "none":
            _replace(model, name, _recomputed(block, run.activation_checkpointing))
    if run.compile_blocks:
        for block in workload.blocks(model).values():
            block.compile(fullgraph=False)


def loss(run: TrainingRun, workload: Workload[Any]) -> Callable[[Any, Any], Tensor]:
    """The workload's loss, compiled where blocks are: over a large vocabulary it is mostly traffic, which fusing saves.

    Eagerly each pass over the logits is one through memory: some 50 bytes a logit, a twelfth of a step of Llama's 1.2B
    shape on an H200 by its bandwidth of 4.8 TB/s; fused, less than 10.
    """
    return torch.compile(workload.loss) if run.compile_blocks else workload.loss


def _recomputed(block: nn.Module, mode: str) -> nn.Module:
    if mode == "full":
        return checkpoint_wrapper(block, preserve_rng_state=False)
    return checkpoint_wrapper(block, context_fn=_selective, preserve_rng_state=False)


def _selective() -> Any:
    # Where it is used alone: the torch of SageMaker's data parallel library (2.4) has none of it.
    from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

    def policy(_: Any, function: Any, *__: Any, **___: Any) -> CheckpointPolicy:
        return CheckpointPolicy.MUST_SAVE if function in _KEPT else CheckpointPolicy.PREFER_RECOMPUTE

    return create_selective_checkpoint_contexts(policy)  # type: ignore[no-untyped-call]


def _replace(model: nn.Module, name: str, block: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    model.get_submodule(parent).register_module(child, block)
