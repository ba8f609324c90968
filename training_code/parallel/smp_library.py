"""What ``torch.sagemaker`` is told and asked, whichever model it spreads. Never executed outside AWS, nor on it."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import CheckpointImpl, checkpoint_wrapper
from torch.distributed.fsdp import MixedPrecision

from ml_contract.errors import reject
from ml_contract.images import SMP
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.parallel.precision import DTYPES, compute_dtype
from training_code.parallel.weights import WRAPPER

_FSDP = "_fsdp_wrapped_module."
"""What the first FSDP puts into names."""


def configuration(strategy: SageMakerModelParallel, layout: Layout, seed: int) -> dict[str, Any]:
    """What ``torch.sagemaker.init`` takes: the library's names for the options."""
    # 0 leaves the groups to FSDP, which then takes all ranks; those that share sequences or divide matrices are to
    # know each other, and need the number.
    share = strategy.hybrid_shard_degree or (layout.shard * layout.context if strategy.transforms else 0)
    return {
        "hybrid_shard_degree": share,
        "sm_activation_offloading": strategy.activation_offloading,
        "activation_loading_horizon": strategy.activation_loading_horizon,
        "tensor_parallel_degree": strategy.tensor,
        "context_parallel_degree": strategy.context,
        "expert_parallel_degree": strategy.expert,
        "random_seed": seed,
    }


def imported(name: str) -> Any:
    """A module of the library.

    Raises:
        ContractError: The image does not hold it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reject("image", str(error), f"the strategy smp imports {name}, which is in SageMaker's own image alone",
               f"Take the image {SMP.repository}:{SMP.tag}, or Fsdp().")  # fmt: skip


def mixed(run: TrainingRun) -> MixedPrecision | None:
    """What FSDP computes in; None where that is float32."""
    compute = compute_dtype(run.precision)
    if compute is torch.float32:
        return None
    return MixedPrecision(
        param_dtype=compute, reduce_dtype=DTYPES[run.precision.reduce], buffer_dtype=torch.float32,
        cast_forward_inputs=True,
    )  # fmt: skip


def recomputed(block: nn.Module) -> nn.Module:
    """A block whose activations are computed again: the older form, the one that the library's layers and its
    offloading know."""
    return checkpoint_wrapper(block, checkpoint_impl=CheckpointImpl.REENTRANT, preserve_rng_state=False)


def replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of the one of that name."""
    parent, _, child = name.rpartition(".")
    model.get_submodule(parent).register_module(child, module)


def plain(name: str) -> str:
    """The name of a parameter without what wraps its module."""
    return name.replace(_FSDP, "").replace(WRAPPER, "")


def groups_by_name(model: nn.Module, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The optimiser's groups with names for parameters: after sharding, these are parts of flat ones."""
    names = {parameter: plain(name) for name, parameter in model.named_parameters()}
    return [{**group, "params": [names[parameter] for parameter in group["params"]]} for group in groups]
