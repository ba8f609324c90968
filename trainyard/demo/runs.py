"""Two executions of the deployed pipeline: one that nothing disturbs, and one that loses its hosts in the middle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from trainyard.cli.running import reclaim
from trainyard.cli.watching import Watcher
from trainyard.demo.stage import check
from trainyard.operations import executions, training
from trainyard.operations.connection import Connection
from trainyard.operations.executions import Execution
from trainyard.operations.training import TrainingRun


@dataclass(frozen=True, kw_only=True)
class Run:
    """An execution that succeeded, and its training."""

    execution: Execution
    training: TrainingRun
    package: str
    """ARN of the model package it registered."""


def run(connection: Connection, console: Console, pipeline: str, *, reclaimed: bool, steps: int | None = None) -> Run:
    """Start an execution and follow it; the same definition gives the execution that succeeded before.

    Args:
        connection: The embedded cloud.
        console: Where progress goes.
        pipeline: Name of the deployed pipeline.
        reclaimed: Whether the spot hosts are taken away in the middle of training.
        steps: Of training; None takes the pipeline's.

    Raises:
        CheckFailed: The execution did not succeed.
    """
    arn, execution = _start(connection, pipeline, steps, reclaimed=reclaimed)
    if not execution.is_final:
        if reclaimed and not _is_pending(connection, execution):
            reclaim(connection, arn, at_step=_middle(connection, arn, steps))
        execution = Watcher(connection, console).watch(arn)
    check(execution.status == "Succeeded", f"execution {execution.id} {execution.status.lower()}: {execution.reason}")
    step = next(step for step in execution.steps if step.is_training)
    register = next(step for step in execution.steps if "RegisterModel" in step.metadata)
    assert step.job is not None
    return Run(
        execution=execution,
        training=training.read(connection, step.job),
        package=register.metadata["RegisterModel"]["Arn"],
    )


def _start(connection: Connection, pipeline: str, steps: int | None, *, reclaimed: bool) -> tuple[str, Execution]:
    parameters = {} if steps is None else {"TrainingSteps": str(steps)}
    definition = connection.client("sagemaker").describe_pipeline(PipelineName=pipeline)["PipelineDefinition"]
    for attempt in range(100):
        # One token, one execution: what has succeeded with this very definition is not run again.
        seed = f"{definition}|{parameters}|{'reclaimed' if reclaimed else 'undisturbed'}|{attempt}"
        arn = executions.start(connection, pipeline, parameters, token=hashlib.sha256(seed.encode()).hexdigest())
        execution = executions.describe(connection, arn)
        if execution.status not in ("Failed", "Stopped"):
            break
    return arn, execution


def _is_pending(connection: Connection, execution: Execution) -> bool:
    assert connection.cloud is not None
    faults = connection.cloud.call("ListFaults")["Faults"]
    return any(execution.id in fault.get("TrainingJobName", "") for fault in faults)


def _middle(connection: Connection, arn: str, steps: int | None) -> int:
    """A step well inside training: past the middle, between two checkpoints."""
    found = connection.client("sagemaker").describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    definition = json.loads(found["PipelineDefinition"])
    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in definition["Parameters"]}
    train = next(step for step in definition["Steps"] if step["Type"] == "Training")
    steps, every = steps or int(defaults["TrainingSteps"]), _checkpoint_steps(train)
    return min(steps - 2, steps // 2 // every * every + every // 2 + 1)


def _checkpoint_steps(train: dict[str, Any]) -> int:
    found: int = json.loads(train["Arguments"]["HyperParameters"]["checkpointing"])["every_steps"]
    return found


def compare(undisturbed: TrainingRun, reclaimed: TrainingRun) -> str:
    """Hold the losses of two runs against each other, bit for bit.

    Raises:
        CheckFailed: The reclaimed run was not interrupted, did not resume from a commit, or a loss differs.
    """
    expected = {step: values[0] for step, values in undisturbed.losses().items()}
    found = reclaimed.losses()
    check(len(undisturbed.interruptions()) == 0, "the undisturbed run was interrupted")
    check(len(reclaimed.interruptions()) > 0, "the hosts were not reclaimed while training ran")
    resumed = reclaimed.resumed_from()
    check(bool(resumed) and resumed[-1] > 0, "the restart did not resume from a commit")
    check(set(found) == set(expected), f"steps {sorted(set(found) ^ set(expected))} were done in one run only")
    different = [step for step, values in found.items() if any(value != expected[step] for value in values)]
    check(not different, f"the losses of steps {different} differ from the undisturbed run")
    again = sum(len(values) - 1 for values in found.values())
    return (
        f"reclaimed, resumed from the commit at step {resumed[-1]}, {again} steps done again: "
        f"all {len(expected)} losses equal the undisturbed run's, bit for bit"
    )
