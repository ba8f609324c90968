"""What ranks do for the tests of sizing: one step, and the bytes that they hold for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from ml_contract.training.run import TrainingRun
from training_code import parallel, workloads
from training_code.parallel.ranks import Ranks


def held(ranks: Ranks, runs: Sequence[TrainingRun]) -> list[dict[str, int]]:
    """Bytes of parameters, gradients and optimiser state on this rank, of each run."""
    found = []
    for run in runs:
        model = parallel.build(run, workloads.load(run.workload), ranks)
        micro, passes = run.batching(model.layout)
        model.forward_backward([torch.zeros((micro, run.workload.size.tokens + 1), dtype=torch.int64)] * passes)
        parameters = [parameter for part in model.models for parameter in part.parameters()]
        gradients = weigh(parameter.grad for parameter in parameters if parameter.grad is not None)
        model.update(1e-3)
        found.append({"parameters": weigh(parameters), "gradients": gradients, **states(model)})
    return found


def states(model: parallel.Parallel) -> dict[str, int]:
    """Bytes of the moments; each parameter's count of steps is not what memory is about."""
    moments = [value for state in model.optimizer.state.values() for value in state.values() if value.ndim]
    return {"optimiser state": weigh(moments)}


def weigh(tensors: Iterable[Tensor]) -> int:
    """Bytes of what is on this rank."""
    return sum((one.to_local() if isinstance(one, DTensor) else one).nbytes for one in tensors)
