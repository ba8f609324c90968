"""What ranks do for the tests of model parallelism: a step, with what each option changes counted."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.distributed.pipelining.stage import PipelineStage
from torch.distributed.tensor import DTensor

from ml_contract.training.run import TrainingRun
from training_code import parallel, workloads
from training_code.parallel.ranks import Ranks


def divided(ranks: Ranks, runs: Sequence[TrainingRun]) -> list[dict[str, Any]]:
    """Figures of the second step of each run on this rank."""
    # What is compiled is seen; how fast it is, which takes long, is not asked here.
    torch.compile = functools.partial(torch.compile, backend="aot_eager")
    return [_figures(ranks, run) for run in runs]


def _figures(ranks: Ranks, run: TrainingRun) -> dict[str, Any]:
    workload = workloads.load(run.workload)
    model = parallel.build(run, workload, ranks)
    batch = torch.randint(
        0, 256, (run.global_batch_size, run.workload.size.tokens + 1), generator=torch.Generator().manual_seed(1)
    )
    mine = batch.chunk(model.layout.data)[model.data_rank]
    queries: list[int] = []
    for part in model.models:
        for name, module in part.named_modules():
            if name.endswith("attention.query"):
                module.register_forward_hook(lambda _, __, output: queries.append(output.shape[1]))
    model.forward_backward([mine])
    gradients = {
        name: float(value.grad.full_tensor().norm())
        for part in model.models for name, value in part.named_parameters() if isinstance(value.grad, DTensor)
    }  # fmt: skip
    model.clip(1.0)
    model.update(1e-3)
    flight, peak = _watch_flight()
    queries.clear()
    with counted() as scattered:
        model.forward_backward([mine])
    flight.clear()
    blocks = [[*workload.blocks(part)] for part in model.models]
    shapes = {name: [*_local(value).shape] for part in model.models for name, value in part.named_parameters()}
    return {
        "blocks": blocks, "shapes": shapes, "queries": queries, "exchanges": len(scattered), "gradients": gradients,
        "peak": max(peak, default=0), "data_rank": model.data_rank, "whole": sorted(model.gather()),
        "names": sorted(model.state()["model"].state_dict()),
    }  # fmt: skip


@contextlib.contextmanager
def counted() -> Iterator[list[int]]:
    """A number for each reduce-scatter of activations; those of gradients go another way."""
    calls: list[int] = []
    original = torch.distributed._functional_collectives.reduce_scatter_single

    def counting(*given: Any, **named: Any) -> Any:
        calls.append(1)
        return original(*given, **named)

    torch.distributed._functional_collectives.reduce_scatter_single = counting
    yield calls
    torch.distributed._functional_collectives.reduce_scatter_single = original


def _watch_flight() -> tuple[set[tuple[int, int]], list[int]]:
    """Micro-batches between their forward and their backward on this rank, and how many they were each time."""
    flight: set[tuple[int, int]] = set()
    peak: list[int] = []
    forward, backward = PipelineStage.forward_one_chunk, PipelineStage.backward_one_chunk

    def forwards(self: Any, number: int, *given: Any, **named: Any) -> Any:
        flight.add((self.stage_index, number))
        peak.append(len(flight))
        return forward(self, number, *given, **named)

    def backwards(self: Any, number: int, *given: Any, **named: Any) -> Any:
        flight.discard((self.stage_index, number))
        return backward(self, number, *given, **named)

    PipelineStage.forward_one_chunk = forwards
    PipelineStage.backward_one_chunk = backwards
    return flight, peak


def _local(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
