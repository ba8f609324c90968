"""Horovod: gradients are averaged by its all-reduce over MPI. Never executed outside AWS, nor on it: tests run a stub.

Horovod has ranks and a world of its own, made by mpirun; all else that ranks agree on (figures, checkpoints, the end)
goes through torch.distributed, over gloo: NCCL is Horovod's alone, as two of its communicators on one device deadlock
when their operations meet in another order on another rank ("Using multiple NCCL communicators concurrently", NCCL).

Source of the calls: horovod/torch at 0.28.1, the last release; "Horovod with PyTorch". Read 2026-11.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ml_contract.errors import reject
from ml_contract.images import MPI_DOCKERFILE
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.parallel.base import Passed
from training_code.parallel.blocks import transform
from training_code.parallel.precision import autocast
from training_code.parallel.ranks import Ranks
from training_code.parallel.torch_native import TorchNative
from training_code.parallel.weights import WRAPPER, initialize
from training_code.workloads.base import Workload

BACKEND = "gloo"
"""Of torch.distributed beside it."""


def register() -> str:
    """Start Horovod, before the process group is made: the image and mpirun show themselves there.

    Returns:
        The process group's backend.

    Raises:
        ContractError: The image does not hold Horovod for PyTorch.
    """
    _library().init()
    return BACKEND


def _library() -> Any:
    try:
        return importlib.import_module("horovod.torch")
    except ImportError as error:
        reject("image", str(error), "the strategy horovod imports horovod.torch, which no image of AWS holds any more",
               f"Build {MPI_DOCKERFILE} with HOROVOD=1, or take Ddp(), which averages the same.")  # fmt: skip


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> TorchNative:
    """The model, whole on this rank.

    Raises:
        ContractError: Horovod and torch.distributed count the ranks differently.
    """
    hvd = _library()
    theirs = (hvd.rank(), hvd.size(), hvd.local_rank())
    if theirs != (ranks.rank, ranks.world_size, ranks.local_rank):
        reject("horovod", f"rank {theirs[0]} of {theirs[1]}, {theirs[2]} on its host",
               f"torch.distributed counts rank {ranks.rank} of {ranks.world_size}, {ranks.local_rank} on its host",
               "Build Horovod with MPI (HOROVOD_WITH_MPI=1), against the Open MPI whose mpirun starts it.")  # fmt: skip
    with torch.device("meta"):
        model = workload.build()
    transform(model, run, workload)
    model.to_empty(device=ranks.device)
    initialize(model, workload, run.seed)
    # Weights are a function of the seed; that every rank drew the same is not left to its libraries.
    hvd.broadcast_parameters(model.state_dict(), root_rank=0)
    return AllReduced(run, workload, ranks, layout, model, hvd)


class AllReduced(TorchNative):
    """The whole model on every rank, its gradients averaged while backward runs.

    This is what ``DistributedOptimizer`` does, without its optimiser: that one is a new object with an empty state, and
    asks for gradients of all parameters that could have some when it was made, whatever a workload froze since.
    """

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout, model: nn.Module, hvd: Any
    ) -> None:
        super().__init__(run, workload, ranks, layout, model)
        self._hvd, self._exchanging = hvd, False
        self._handles: dict[str, Any] = {}
        for name, parameter in self._named():
            parameter.register_post_accumulate_grad_hook(self._hook(name))  # type: ignore[no-untyped-call]

    def forward_backward(self, batches: Sequence[Any]) -> Passed:
        passed = super().forward_backward(batches)
        for name, parameter in self._named():
            # Of a micro-batch before the last alone.
            if parameter.grad is not None and name not in self._handles:
                self._exchange(name, parameter)
        for handle in self._handles.values():
            self._hvd.synchronize(handle)
        self._handles.clear()
        return passed

    def synchronize(self, *, last: bool) -> contextlib.AbstractContextManager[Any]:
        self._exchanging = last
        return contextlib.nullcontext()

    def computing(self) -> contextlib.AbstractContextManager[Any]:
        return autocast(self.run.precision, self.ranks.device)

    def close(self) -> None:
        # MPI counts a process that ends without it as failed.
        self._hvd.shutdown()

    def _named(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in self.model.named_parameters():
            yield name.replace(WRAPPER, ""), parameter

    def _hook(self, name: str) -> Any:
        def exchange(parameter: Tensor) -> None:
            if self._exchanging:
                self._exchange(name, parameter)

        return exchange

    def _exchange(self, name: str, parameter: Tensor) -> None:
        # The name says on every rank which exchange this is, in whatever order backward comes to it.
        self._handles[name] = self._hvd.allreduce_async_(parameter.grad, name=name, op=self._hvd.Average)
