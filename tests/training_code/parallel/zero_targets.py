"""What ranks do for the tests of ZeRO: steps with everything measured that a stage divides, saves and resumptions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist

from ml_contract.training.run import TrainingRun
from training_code import parallel, workloads
from training_code.checkpoint import CheckpointManager, CheckpointOptions, RunIdentity
from training_code.parallel import Parallel
from training_code.parallel.ranks import Ranks

STEPS = 4
IDENTITY = RunIdentity.of("zero", {})


class Reductions:
    """Counts how often gradients are exchanged; DeepSpeed calls torch.distributed by its names."""

    NAMES = ("reduce", "all_reduce", "reduce_scatter_tensor", "reduce_scatter", "reduce_scatter_single")

    def __enter__(self) -> list[int]:
        self.sizes: list[int] = []
        self._kept = {name: getattr(dist, name) for name in self.NAMES if hasattr(dist, name)}
        for name, function in self._kept.items():
            setattr(dist, name, self._counting(function))
        return self.sizes

    def __exit__(self, *_: object) -> None:
        for name, function in self._kept.items():
            setattr(dist, name, function)

    def _counting(self, function: Any) -> Any:
        def counted(*given: Any, **named: Any) -> Any:
            first = given[0] if given else next(iter(named.values()))
            if isinstance(first, torch.Tensor) and first.numel() > 8:
                self.sizes.append(first.numel())
            return function(*given, **named)

        return counted


def batches(run: TrainingRun, model: Parallel, step: int) -> list[torch.Tensor]:
    """This rank's micro-batches of a step: a function of the step alone."""
    micro, _ = run.batching(model.layout)
    length = run.workload.size.tokens + 1
    drawn = torch.randint(0, 256, (run.global_batch_size, length), generator=torch.Generator().manual_seed(step))
    return list(drawn.chunk(model.layout.data)[model.data_rank].split(micro))


def advance(run: TrainingRun, model: Parallel, ranks: Ranks, steps: range) -> list[float]:
    """Losses of some steps."""
    losses = []
    for step in steps:
        passed = model.forward_backward(batches(run, model, step))
        model.clip(run.optimizer.gradient_clip)
        losses.append(ranks.sums(passed.loss)[0] / ranks.world_size)
        model.update(run.optimizer.learning_rate)
    return losses


def measured(ranks: Ranks, runs: Mapping[str, TrainingRun]) -> dict[str, Any]:
    """Figures of each run, by its name."""
    return {name: _measure(ranks, run) for name, run in runs.items()}


def _measure(ranks: Ranks, run: TrainingRun) -> dict[str, Any]:
    model = parallel.build(run, workloads.load(run.workload), ranks)
    losses = advance(run, model, ranks, range(STEPS - 1))
    between = kept_between(model)
    with Reductions() as reductions:
        passed = model.forward_backward(batches(run, model, STEPS - 1))
    norm = model.clip(run.optimizer.gradient_clip)
    losses.append(ranks.sums(passed.loss)[0] / ranks.world_size)
    updated = model.update(run.optimizer.learning_rate)
    found: dict[str, Any] = {
        "losses": losses, "norm": norm, "updated": updated, "gradients": list(between), "reductions": len(reductions),
    }  # fmt: skip
    if hasattr(model, "masters"):
        parameters = list(model.models[0].parameters())
        found["state"] = sum(flat.numel() for flat in model.masters.partitions)
        found["parameters"] = sum(getattr(each, "ds_tensor", each).numel() for each in parameters)
        found["dtypes"] = sorted({str(each.dtype) for each in parameters})
        found["unequal"] = overflow(run, model)
    weights = model.gather()
    found["gathered"] = {name: float(value.double().sum()) for name, value in weights.items()}
    found["shapes"] = {name: list(value.shape) for name, value in weights.items()}
    model.close()
    return found


def kept_between(model: Parallel) -> list[int]:
    """Elements of gradients that this rank keeps whole before each micro-batch of the next step."""
    found: list[int] = []
    if hasattr(model, "engine"):
        told = model.engine.set_gradient_accumulation_boundary

        def noting(last: bool) -> None:
            found.append(sum(each.grad.numel() for each in model.models[0].parameters() if each.grad is not None))
            told(last)

        model.engine.set_gradient_accumulation_boundary = noting
    return found


def overflow(run: TrainingRun, model: Parallel) -> bool:
    """Whether a gradient that is no number gave a norm that is none, and then changed something."""
    before = {name: value.clone() for name, value in model.masters.named.items()}  # type: ignore[attr-defined]
    flats = [flat.clone() for flat in model.masters.partitions]  # type: ignore[attr-defined]
    passed = batches(run, model, 99)
    workload, real = model.workload, model.workload.loss
    workload.loss = lambda *given: real(*given) * math.inf  # type: ignore[method-assign]
    model.forward_backward(passed)
    workload.loss = real  # type: ignore[method-assign]
    assert not math.isfinite(model.clip(run.optimizer.gradient_clip))
    if model.skips_overflows:
        assert not model.update(run.optimizer.learning_rate)
    after = model.masters.named  # type: ignore[attr-defined]
    return any(not torch.equal(before[name], after[name]) for name in before) or any(
        not torch.equal(flat, now)
        for flat, now in zip(flats, model.masters.partitions, strict=True)  # type: ignore[attr-defined]
    )


def committed(ranks: Ranks, uri: str, run: TrainingRun) -> tuple[list[float], dict[str, list[float]]]:
    """Losses of a run that goes on after its commit of step 2, asynchronous as runs do it, and its weights then."""
    model = parallel.build(run, workloads.load(run.workload), ranks)
    with CheckpointManager(uri, options=CheckpointOptions(), run=IDENTITY) as checkpoints:
        losses = advance(run, model, ranks, range(2))
        weights = {name: value.flatten().tolist() for name, value in model.gather().items()}
        checkpoints.save(2, model.state())
        losses += advance(run, model, ranks, range(2, STEPS))
    model.close()
    return losses, weights


def resumed(ranks: Ranks, uri: str, runs: Mapping[str, TrainingRun]) -> dict[str, list[float]]:
    """Losses after the commit of step 2, of each run by its name."""
    found = {}
    for name, run in runs.items():
        model = parallel.build(run, workloads.load(run.workload), ranks)
        with CheckpointManager(uri, options=CheckpointOptions(), run=IDENTITY) as checkpoints:
            restored = checkpoints.restore(model.state())
            assert restored is not None
            assert restored.step == 2
        found[name] = advance(run, model, ranks, range(2, STEPS))
        model.close()
    return found


def everything(ranks: Ranks, folder: str, runs: Mapping[str, TrainingRun]) -> dict[str, Any]:
    """All of it in one launch: DeepSpeed takes seconds to import."""
    found: dict[str, Any] = {"measured": measured(ranks, runs), "committed": {}, "weights": {}, "resumed": {}}
    for name in ("zero-1", "zero-3", "fsdp"):
        uri = f"file://{folder}/{name}"
        found["committed"][name], found["weights"][name] = committed(ranks, uri, runs[name])
        others = ("zero-1", "zero-2", "zero-3", "fsdp", "ddp") if name != "fsdp" else ("zero-2", "zero-3")
        found["resumed"][name] = resumed(ranks, uri, {other: runs[other] for other in others})
    return found
