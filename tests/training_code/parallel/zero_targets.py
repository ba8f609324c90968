"""What ranks do for the tests of ZeRO: steps with everything measured that a stage divides, saves and resumptions."""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping
from typing import Any

import disk_targets
import file_io
import torch
import torch.distributed as dist
from fsdp_targets import live

from ml_contract.training.run import TrainingRun
from training_code import parallel, workloads
from training_code.checkpoint import CheckpointManager, CheckpointOptions, RunIdentity
from training_code.parallel import Parallel
from training_code.parallel.deepspeed import Zero
from training_code.parallel.ranks import Ranks

STEPS = 3
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
    # Only some are weighed: to look at all objects takes a while.
    weighed = run.micro_batch_size is not None
    if weighed:
        gc.collect()
        gc.freeze()
    model = parallel.build(run, workloads.load(run.workload), ranks)
    losses = advance(run, model, ranks, range(STEPS - 1))
    between = kept_between(model) if weighed else [0]
    with Reductions() as reductions:
        passed = model.forward_backward(batches(run, model, STEPS - 1))
    norm = model.clip(run.optimizer.gradient_clip)
    losses.append(ranks.sums(passed.loss)[0] / ranks.world_size)
    updated = model.update(run.optimizer.learning_rate)
    found: dict[str, Any] = {
        "losses": losses, "norm": norm, "updated": updated, "reductions": len(reductions),
        "standing": between[0], "added": between[-1] - between[0],
    }  # fmt: skip
    if isinstance(model, Zero):
        parameters = list(model.models[0].parameters())
        flats = model.masters.partitions
        found["state"] = sum(
            each.nbytes for flat in flats for each in (flat, *model.masters.client.state[flat].values())
        )
        found["parameters"] = sum(getattr(each, "ds_tensor", each).nbytes for each in parameters)
        found["dtypes"] = sorted({str(each.dtype) for each in parameters})
        found["placed"] = placed(model)
        found["unequal"] = overflow(run, model)
    weights = model.gather()
    found["gathered"] = {name: float(value.double().sum()) for name, value in weights.items()}
    found["shapes"] = {name: list(value.shape) for name, value in weights.items()}
    model.close()
    return found


def kept_between(model: Parallel) -> list[int]:
    """Bytes of all tensors of this process before each micro-batch of the next step."""
    found = [live()]
    if isinstance(model, Zero):
        told, found = model.engine.set_gradient_accumulation_boundary, []

        def noting(last: bool) -> None:
            found.append(live())
            told(last)

        model.engine.set_gradient_accumulation_boundary = noting
    return found


def placed(model: Zero) -> dict[str, bool]:
    """What the engine keeps on the host, by its own words: on this machine the device is the host."""

    def says(*names: str) -> bool:
        return any(bool(getattr(model.engine.optimizer, name, False)) for name in names)

    return {
        "optimizer": says("offload_optimizer", "cpu_offload"), "parameters": says("offload_param"),
        "pinned": says("offload_optimizer_pin_memory", "cpu_offload_pin_memory"),
    }  # fmt: skip


def overflow(run: TrainingRun, model: Zero) -> bool:
    """Whether a gradient that is no number gave a norm that is none, and then changed something."""
    before = {name: value.detach().clone() for name, value in model.masters.named.items()}
    flats = [flat.clone() for flat in model.masters.partitions]
    passed = batches(run, model, 99)
    workload, real = model.workload, model.workload.loss
    workload.loss = lambda *given: real(*given) * math.inf
    model.forward_backward(passed)
    workload.loss = real
    assert not math.isfinite(model.clip(run.optimizer.gradient_clip))
    if model.skips_overflows:
        assert not model.update(run.optimizer.learning_rate)
    after = model.masters.named
    return any(not torch.equal(before[name], after[name]) for name in before) or any(
        not torch.equal(flat, now) for flat, now in zip(flats, model.masters.partitions, strict=True)
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


def everything(
    ranks: Ranks, folder: str, runs: Mapping[str, TrainingRun], disks: Mapping[str, TrainingRun]
) -> dict[str, Any]:
    """All of it in one launch: DeepSpeed takes seconds to import. ``disks`` are runs for disk_targets."""
    found: dict[str, Any] = {"measured": measured(ranks, runs), "committed": {}, "weights": {}, "resumed": {}}
    for name in ("zero-1", "zero-3", "fsdp"):
        uri = f"file://{folder}/{name}"
        found["committed"][name], found["weights"][name] = committed(ranks, uri, runs[name])
        others = ("zero-1", "zero-2", "zero-3", "fsdp", "ddp") if name != "fsdp" else ("zero-2", "zero-3")
        found["resumed"][name] = resumed(ranks, uri, {other: runs[other] for other in others})
    file_io.install()
    return found | {"disk": disk_targets.with_disks(ranks, folder, disks)}
