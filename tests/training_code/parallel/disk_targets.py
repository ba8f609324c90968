"""What ranks do for the tests of offload to a disk: steps with what is in memory and in files, a save, resumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import zero_targets
from torch import Tensor

from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import NvmeOffload
from training_code import parallel, workloads
from training_code.checkpoint import CheckpointManager, CheckpointOptions
from training_code.parallel.deepspeed import Zero
from training_code.parallel.ranks import Ranks


def with_disks(ranks: Ranks, folder: str, runs: Mapping[str, TrainingRun]) -> dict[str, Any]:
    """Figures of each run, and what resumes from the commit of step 2 of the run "disk": itself, and without a disk."""
    disk, uri = Path(folder) / "offloaded", f"file://{folder}/from-disk"
    runs = {name: _at(disk, run) for name, run in runs.items()}
    found: dict[str, Any] = {name: trained(ranks, run, disk, uri if name == "disk" else "")
                             for name, run in runs.items()}  # fmt: skip
    if "disk" in runs:
        found["resumed"] = zero_targets.resumed(ranks, uri, {name: runs[name] for name in ("disk", "host")})
    return found


def _at(disk: Path, run: TrainingRun) -> TrainingRun:
    strategy = run.strategy
    for name in ("offload_optimizer", "offload_parameters"):
        place = getattr(strategy, name)
        if isinstance(place, NvmeOffload):
            strategy = replace(strategy, **{name: replace(place, path=str(disk))})
    return replace(run, strategy=strategy)


def trained(ranks: Ranks, run: TrainingRun, disk: Path, uri: str) -> dict[str, Any]:
    """Losses of a run, and what of it is where after two steps; then it is saved, if ``uri`` says where to."""
    workload = workloads.load(run.workload)
    model = parallel.build(run, workload, ranks)
    assert isinstance(model, Zero)
    whole, initial = model.gather(), _sum({})
    if ranks.is_leader:
        initial = _sum({name: workload.initial(name, value.shape, run.seed) for name, value in whole.items()})
    losses = zero_targets.advance(run, model, ranks, range(2))
    found: dict[str, Any] = {"initial": _sum(whole) == initial, "losses": losses}
    parameters: list[Any] = list(model.models[0].parameters())
    found["state"] = sum(each.nbytes for flat in model.masters.partitions
                         for each in (flat, *model.masters.client.state[flat].values()))  # fmt: skip
    found["parameters"] = sum(each.ds_tensor.nbytes for each in parameters)
    found["parts"] = [each.ds_tensor.ds_numel for each in parameters]
    found["options of"] = [group["params"] for group in model.state()["optimizer"].state_dict()["param_groups"]]
    found["groups"] = model.engine.optimizer.fp16_partitioned_groups_flat_numel
    for kind in ("optimizer", "float32params"):
        files = disk.glob(f"zero_stage_3/{kind}/rank{ranks.rank}/*")
        found[f"files of {kind}"] = sum(path.stat().st_size for path in files if "gradient" not in path.name)
    if uri:
        with CheckpointManager(uri, options=CheckpointOptions(), run=zero_targets.IDENTITY) as checkpoints:
            checkpoints.save(2, model.state())
            found["weights"] = _sum(model.gather())
            losses += zero_targets.advance(run, model, ranks, range(2, zero_targets.STEPS))
    else:
        losses += zero_targets.advance(run, model, ranks, range(2, zero_targets.STEPS))
    if model.skips_overflows:
        found["unequal"] = _changed_by_overflow(run, model)
    model.close()
    return found | {"left": [str(path) for path in disk.rglob(f"rank{ranks.rank}")]}


def _changed_by_overflow(run: TrainingRun, model: Zero) -> bool:
    """Whether a gradient that is no number changed the values, which are compared whole."""
    before = model.gather()
    zero_targets.overflow(run, model)
    after = model.gather()
    return any(not torch.equal(value, after[name]) for name, value in before.items())


def _sum(values: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: float(value.double().square().sum()) for name, value in values.items()}
