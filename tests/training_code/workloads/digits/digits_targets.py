"""What ranks do for the tests of digits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import default_collate

from ml_contract.training.run import TrainingRun
from training_code import parallel, workloads
from training_code.data.source import Folder
from training_code.parallel.ranks import Ranks


def trained(ranks: Ranks, runs: Sequence[TrainingRun], data: str) -> list[list[float]]:
    """Losses of every step of each run, on the first images."""
    found = []
    for run in runs:
        assert run.steps is not None
        workload = workloads.load(run.workload)
        samples = workload.open(Folder(Path(data)), verify=False)
        model = parallel.build(run, workload, ranks)
        losses = []
        for step in range(run.steps):
            numbers = torch.arange(run.global_batch_size) + step * run.global_batch_size
            mine = numbers.chunk(model.layout.data)[model.data_rank].tolist()
            passed = model.forward_backward([default_collate([samples[number] for number in mine])])
            model.clip(run.optimizer.gradient_clip)
            model.update(run.optimizer.learning_rate)
            losses.append(ranks.sums(passed.loss)[0] / ranks.world_size)
        found.append(losses)
        model.close()
    return found
