"""Every workload's pipeline on two hosts that are reclaimed in the middle of training, all at one time."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from environments import LOCAL

from .deployment import Deployment, Edit, change, in_definition, step


@dataclass(frozen=True, kw_only=True)
class Small:
    """What makes a pipeline take seconds, and what becomes of a model that learned so little."""

    prepare: dict[str, int] = field(default_factory=dict)
    evaluate: dict[str, int] = field(default_factory=dict)
    threshold: int | None = None
    registers: bool


WORKLOADS = {
    "digits": Small(registers=False),
    "llama": Small(
        prepare={"maximum_bytes": 2**18}, evaluate={"maximum_tokens": 2**13},
        threshold=8, registers=True,
    ),
    "arr-coc": Small(
        prepare={"train_samples": 32, "heldout_samples": 8}, evaluate={"maximum_samples": 8}, registers=False
    ),
}  # fmt: skip


RECLAIMED, STEPS = 12, 60
"""The step in which the hosts are taken away, and the last: hosts hear of it a few steps later."""


def test_every_workload_is_run() -> None:
    assert {*WORKLOADS, "bytes-lm"} == {training.workload for training in LOCAL.trainings}


def shrunk(small: Small) -> Edit:
    """Shorter preparation and evaluation, and a checkpoint before the hosts go."""

    def edit(definition: dict[str, Any]) -> None:
        hyperparameters = step(definition, "Train")["Arguments"]["HyperParameters"]
        change(hyperparameters, "checkpointing", {"every_steps": 5})
        change(hyperparameters, "schedule", {"warmup_steps": 2})
        if not small.registers and "graph" in json.loads(hyperparameters["workload"]):
            # Nothing packages it: four graphs would take longer than the training.
            change(hyperparameters, "workload", {"graph": False})
        for name, limits in {"Prepare": small.prepare, "Evaluate": small.evaluate}.items():
            change(step(definition, name)["Arguments"]["Environment"], "TRAINYARD_OPTIONS", limits)

    return in_definition(edit)


@pytest.fixture(scope="module")
def runs(deployment: Deployment) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """`trainyard run` of every pipeline but the demo's."""
    started: dict[str, subprocess.Popen[str]] = {}
    try:
        for workload, small in WORKLOADS.items():
            stack = f"trainyard-local-training-{workload}"
            template = deployment.template(stack)
            shrunk(small)(template)
            deployment.update(template, stack)
            pipeline = deployment.output(stack, "PipelineName")
            threshold = [] if small.threshold is None else ["-p", f"Threshold={small.threshold}"]
            started[workload] = subprocess.Popen(
                deployment.command(
                    "run", pipeline, "-p", f"TrainingSteps={STEPS}", *threshold, "--reclaim-at-step", str(RECLAIMED)
                ),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        yield started
    finally:
        for process in started.values():
            process.kill()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_workload_survives_a_reclaim(workload: str, runs: dict[str, subprocess.Popen[str]]) -> None:
    shown, _ = runs[workload].communicate(timeout=570)
    lines = shown.splitlines()
    interrupted = next((n for n, line in enumerate(lines) if "interrupted: the spot hosts" in line), None)
    resumed = next((n for n, line in enumerate(lines) if "resumed from the commit at step" in line), None)
    assert interrupted is not None, shown
    assert resumed is not None, shown
    assert interrupted < resumed
    assert RECLAIMED <= int(lines[resumed].rpartition(" ")[2]) < STEPS, lines[resumed]
    for name in ("Prepare", "Train", "Evaluate", "BeatsBaseline"):
        assert any(re.match(rf"\s+✓ {name} ", line) for line in lines), shown
    if WORKLOADS[workload].registers:
        assert any(re.match(r"\s+✓ Register ", line) for line in lines), shown
    else:
        figure = LOCAL.training(workload).criterion.figure
        assert f"Not registered: the model's {figure} on held-out data is" in " ".join(shown.split())
