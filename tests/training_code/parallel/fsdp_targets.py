"""What ranks do for the tests of data parallelism: a few steps, with everything measured that an option changes."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Sequence
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode

from ml_contract.training.run import TrainingRun
from training_code import parallel, workloads
from training_code.parallel.flat_shard import FlatShard
from training_code.parallel.ranks import Ranks

STEPS = 3


class Exchanges(TorchDispatchMode):
    """Counts what ranks exchange, matrix products and activations, by the operation's name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "c10d" in func.namespace or func in (torch.ops.aten.mm.default, torch.ops.aten.silu.default):
            name = func._schema.name.partition("::")[2]
            self.found[name] = self.found.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


def measured(ranks: Ranks, runs: Sequence[TrainingRun]) -> list[dict[str, Any]]:
    """Figures of each run: losses, exchanges of the last step, what is held, what backward keeps."""
    gc.freeze()
    return [_measure(ranks, run) for run in runs]


def _measure(ranks: Ranks, run: TrainingRun) -> dict[str, Any]:
    torch.manual_seed(0)
    workload = workloads.load(run.workload)
    model = parallel.build(run, workload, ranks)
    micro, passes = run.batching(model.layout)
    length = run.workload.size.tokens + 1
    everything = torch.randint(
        0, 256, (STEPS, run.global_batch_size, length), generator=torch.Generator().manual_seed(1)
    )
    losses, norms, updated, kept, exchanges = [], [], [], 0, {}
    between: list[int] = []
    for step in range(STEPS):
        mine = everything[step].chunk(model.layout.data)[model.data_rank].split(micro)
        counted = Exchanges() if step == STEPS - 1 else contextlib.nullcontext()
        packed: list[int] = []
        if passes > 1 and step == STEPS - 1:
            between = _between(model)
        with counted, torch.autograd.graph.saved_tensors_hooks(_weighing(packed), lambda saved: saved):
            passed = model.forward_backward(list(mine))
        norms.append(model.clip(run.optimizer.gradient_clip))
        losses.append(ranks.sums(passed.loss)[0] / ranks.world_size)
        updated.append(model.update(run.optimizer.learning_rate))
        kept = sum(packed)
        if isinstance(counted, Exchanges):
            exchanges = counted.found
    parameters = list(model.models[0].parameters())
    states = [value for state in model.optimizer.state.values() for value in state.values() if value.ndim]
    weights = model.gather()
    return {
        "losses": losses,
        "norms": norms,
        "updated": updated,
        "passes": passes,
        "kept": kept,
        "between": [held - between[0] for held in between],
        "exchanges": exchanges,
        "held": sum(_local(parameter).numel() for parameter in parameters),
        "state_held": sum(_local(value).numel() for value in states),
        "devices": sorted({str(_local(parameter).device) for parameter in parameters}),
        "dtypes": sorted({str(parameter.dtype) for parameter in parameters}),
        "placements": sorted({str(getattr(parameter, "placements", None)) for parameter in parameters}),
        "mesh": list(parameters[0].device_mesh.shape) if isinstance(parameters[0], DTensor) else [],
        "prefetch": _prefetched(model.models[0]),
        "offloaded": sorted({type(group.offload_policy).__name__ for group in _groups(model.models[0])}),
        "gathered": {name: float(value.double().sum()) for name, value in weights.items()},
        "scale": model.scaler.get_scale() if getattr(model, "scaler", None) else None,
        "linear": sorted(
            {type(module).__name__ for module in model.models[0].modules() if "Linear" in type(module).__name__}
        ),
    }


def _between(model: Any) -> list[int]:
    """Bytes of all tensors of this process before each micro-batch: what it adds up is what they grow by."""
    found: list[int] = []
    synchronize = model.synchronize

    def noting(*, last: bool) -> Any:
        found.append(live())
        return synchronize(last=last)

    model.synchronize = noting
    return found


def live() -> int:
    """Bytes of the storage of all tensors that Python knows of, but for scalars and those before ``gc.freeze()``."""
    gc.collect()
    tensors = [found for found in gc.get_objects() if issubclass(type(found), torch.Tensor)]
    # Gradients may be known to their parameters alone.
    tensors += [found.grad for found in tensors if found.is_leaf and found.grad is not None]
    storages = {}
    for found in tensors:
        if not isinstance(found, DTensor | FlatShard):
            storage = found.untyped_storage()
            # A loss comes and goes between two micro-batches.
            storages[storage.data_ptr()] = storage.nbytes() if storage.nbytes() > 8 else 0
    return sum(storages.values())


def _weighing(packed: list[int]) -> Any:
    def pack(saved: torch.Tensor) -> torch.Tensor:
        packed.append(saved.numel() * saved.element_size())
        return saved

    return pack


def _local(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _groups(model: torch.nn.Module) -> list[Any]:
    states = [module._get_fsdp_state() for module in model.modules() if isinstance(module, FSDPModule)]
    return [state._fsdp_param_group for state in states if state._fsdp_param_group is not None]


def _prefetched(model: torch.nn.Module) -> dict[str, int]:
    found = {"forward": 0, "backward": 0}
    for module in model.modules():
        if isinstance(module, FSDPModule):
            state = module._get_fsdp_state()
            found["forward"] += len(state._states_to_forward_prefetch)
            found["backward"] += len(state._states_to_backward_prefetch)
    return found


def changed(run: TrainingRun, **fields: Any) -> TrainingRun:
    """The run with other values of some fields."""
    return dataclasses.replace(run, **fields)
