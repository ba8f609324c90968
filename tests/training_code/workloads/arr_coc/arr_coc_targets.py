"""What ranks do for the tests of arr-coc: both phases, with a checkpoint in each."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.utils.data import default_collate

from ml_contract.metrics import Metric
from ml_contract.training.run import TrainingRun
from training_code import parallel, workloads
from training_code.data.source import Folder
from training_code.parallel.ranks import Ranks
from training_code.saving import Checkpoints, Progress
from training_code.workloads.arr_coc.pretrained import theirs


def phases(ranks: Ranks, runs: Sequence[TrainingRun], data: str, folder: str) -> list[dict[str, Any]]:
    """Each run undisturbed, with a checkpoint in either phase, and twice more from these."""
    found = []
    for number, run in enumerate(runs):
        places = [f"file://{folder}/{number}-{name}" for name in ("first", "second")]
        head = run.workload.head_steps(run.steps)
        whole = _train(ranks, run, data, saves={1: places[0], head + 1: places[1]})
        resumed = [_train(ranks, dataclasses.replace(run, checkpoint_uri=place), data, saves={}) for place in places]
        found.append({"whole": whole, "resumed": resumed})
    return found


def _train(ranks: Ranks, run: TrainingRun, data: str, *, saves: dict[int, str]) -> dict[str, Any]:
    workload = workloads.load(run.workload)
    samples = workload.open(Folder(Path(data)), verify=False)
    model = parallel.build(run, workload, ranks)
    progress = Progress()
    state = {**model.state(), "progress": progress}
    Checkpoints(run, state, ranks, data_digest=samples.digest).restore()
    micro, _ = run.batching(model.layout)
    losses, figures, bases, heads = {}, {}, {progress.step: _digest(model.models[0], base=True)}, {}
    while progress.step < run.steps:
        for part in model.models:
            workload.before_step(part, progress.step, run.steps)
        numbers = torch.arange(run.global_batch_size) + progress.step * run.global_batch_size
        mine = numbers.chunk(model.layout.data)[model.data_rank].split(micro)
        batches = [default_collate([samples[int(number) % len(samples)] for number in part]) for part in mine]
        passed = model.forward_backward(batches)
        gradients = _gradients(model.models[0])
        model.clip(run.optimizer.gradient_clip)
        model.update(run.optimizer.learning_rate)
        progress.step += 1
        step = str(progress.step)
        losses[step] = ranks.sums(passed.loss)[0] / ranks.world_size
        figures[step] = {**_named(passed.figures), "gradients": gradients}
        bases[progress.step] = _digest(model.models[0], base=True)
        heads[progress.step] = _digest(model.models[0], base=False)
        if progress.step in saves:
            place = dataclasses.replace(run, checkpoint_uri=saves[progress.step])
            checkpoints = Checkpoints(place, state, ranks, data_digest=samples.digest)
            checkpoints.save(progress.step)
            checkpoints.close()
    return {"losses": losses, "figures": figures, "bases": bases, "heads": heads}


def _named(figures: dict[Metric, float]) -> dict[str, float]:
    return {metric.name: value for metric, value in figures.items()}


def _is_base(name: str) -> bool:
    return theirs(name.removeprefix("module.")) is not None


def _gradients(model: torch.nn.Module) -> dict[str, int]:
    """How many parameters of the base and of the heads have a gradient."""
    found = {"base": 0, "heads": 0}
    for name, parameter in model.named_parameters():
        found["base" if _is_base(name) else "heads"] += parameter.grad is not None
    return found


def _digest(model: torch.nn.Module, *, base: bool) -> str:
    """Of this rank's part of the base, or of all else."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if _is_base(name) == base:
            local = parameter.to_local() if isinstance(parameter, DTensor) else parameter
            digest.update(local.detach().float().numpy().tobytes())
    return digest.hexdigest()
