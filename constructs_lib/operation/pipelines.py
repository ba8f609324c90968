"""Alarms of pipelines and of the jobs that they train by.

Sources, read 2026-11-22, SageMaker AI Developer Guide: "Amazon SageMaker AI metrics in Amazon CloudWatch", pipelines
metrics (namespace, ExecutionFailed, ExecutionDuration in milliseconds, dimension PipelineName); "Events that Amazon
SageMaker AI sends to Amazon EventBridge", training job state change, with the note that a change may be told more than
once. A status of a job and its message: SecondaryStatusTransition, API reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from constructs import Construct
from pydantic import Field

from constructs_lib.operation.rates import SpotRate
from constructs_lib.operation.telling import Figure, Telling
from constructs_lib.values import Value
from ml_contract import pulse
from ml_contract.symptoms import (
    CHECKPOINT_AGE,
    CHECKPOINT_CORRUPT,
    EXECUTION_FAILED,
    EXECUTION_PROLONGED,
    NO_CAPACITY,
    SPOT_INTERRUPTIONS,
    TRAINING_PROLONGED,
    TRAINING_STUCK,
    Symptom,
)

PIPELINES = "AWS/Sagemaker/ModelBuildingPipeline"
JOB_CHANGE = "SageMaker Training Job State Change"
WAITING = ("Starting", "Pending", "Interrupted", "Restarting")
"""Secondary statuses of a job that has no instances."""


@dataclass(frozen=True, kw_only=True)
class WatchedPipeline:
    """A pipeline as its alarms know it."""

    workload: str
    """Its name within the environment."""
    name: str
    """Name of the pipeline."""
    role_arn: str
    """Role of its jobs: an event of a job names no pipeline."""
    spot: bool
    """Whether its hosts may be taken away."""


class PipelineAlarms(Value):
    """What is promised of pipelines."""

    workloads: tuple[str, ...] = Field(min_length=1)
    """Whose pipelines."""
    execution_minutes: int = Field(ge=1, le=40_320)
    """Longest execution, and longest training from its first start on, waiting for hosts included."""
    silent_minutes: int = Field(ge=1, le=1440)
    """Longest time without a step while a job runs and is billed; it includes the start, with its downloads, its
    compilation and its restore."""
    checkpoint_minutes: int = Field(ge=1, le=1440)
    """Most work that a loss of all hosts may cost."""
    interruptions: SpotRate | None
    """What the time between checkpoints was chosen for; None for pipelines whose hosts nobody takes away."""

    def bind(self, scope: Construct, pipeline: WatchedPipeline, telling: Telling) -> None:
        """Make the alarms of one pipeline.

        Args:
            scope: Parent.
            pipeline: One of ``workloads``.
            telling: Who is told.
        """
        for symptom, sign, threshold in (
            (TRAINING_STUCK, pulse.SILENCE, self.silent_minutes * 60),
            (CHECKPOINT_AGE, pulse.CHECKPOINT_AGE, self.checkpoint_minutes * 60),
            (TRAINING_PROLONGED, pulse.RUNNING, self.execution_minutes * 60),
            (CHECKPOINT_CORRUPT, pulse.CORRUPT, 0),
        ):
            telling.alarm(scope, symptom, pipeline.workload, _sign(pipeline, sign), threshold=threshold)
        self._executions(scope, pipeline, telling)
        self._jobs(scope, pipeline, telling)

    def _executions(self, scope: Construct, pipeline: WatchedPipeline, telling: Telling) -> None:
        failed = _of_pipeline(pipeline, "ExecutionFailed", "Sum")
        telling.alarm(scope, EXECUTION_FAILED, pipeline.workload, failed, threshold=0)
        duration = _of_pipeline(pipeline, "ExecutionDuration", "Maximum")
        telling.alarm(scope, EXECUTION_PROLONGED, pipeline.workload, duration,
                      threshold=self.execution_minutes * 60_000)  # fmt: skip

    def _jobs(self, scope: Construct, pipeline: WatchedPipeline, telling: Telling) -> None:
        telling.count(scope, NO_CAPACITY, pipeline.workload, _jobs_without_instances(pipeline), minutes=5)
        if self.interruptions is not None:
            interrupted = _job_pattern(pipeline, {"SecondaryStatus": ["Interrupted"]})
            telling.count(scope, SPOT_INTERRUPTIONS, pipeline.workload, interrupted,
                          minutes=self.interruptions.window_hours * 60, events=self.interruptions.least)  # fmt: skip


def _sign(pipeline: WatchedPipeline, sign: pulse.Sign) -> Figure:
    counted = sign.unit == "Count"
    return Figure(
        namespace=pulse.NAMESPACE,
        name=sign.name,
        dimensions={pulse.DIMENSION: pipeline.name},
        # Of several jobs at once the worst counts.
        statistic="Sum" if counted else "Maximum",
        minutes=5 if counted else 1,
    )


def _of_pipeline(pipeline: WatchedPipeline, name: str, statistic: Any) -> Figure:
    return Figure(namespace=PIPELINES, name=name, dimensions={"PipelineName": pipeline.name}, statistic=statistic,
                  minutes=5)  # fmt: skip


def _job_pattern(pipeline: WatchedPipeline, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": ["aws.sagemaker"],
        "detail-type": [JOB_CHANGE],
        "detail": {"RoleArn": [pipeline.role_arn], **detail},
    }


def _jobs_without_instances(pipeline: WatchedPipeline) -> dict[str, Any]:
    """A job that waits says so in the message of its status, one that gave up in the reason of its failure."""
    told = [
        {
            "SecondaryStatus": list(WAITING),
            "SecondaryStatusTransitions": {"StatusMessage": [{"wildcard": "*nsufficient capacity*"}]},
        },
        {"FailureReason": [{"prefix": "CapacityError"}]},
        {"SecondaryStatus": ["MaxWaitTimeExceeded"]},
    ]
    return _job_pattern(pipeline, {"$or": told})


SYMPTOMS: Sequence[Symptom] = (
    TRAINING_STUCK, CHECKPOINT_AGE, TRAINING_PROLONGED, CHECKPOINT_CORRUPT, EXECUTION_FAILED, EXECUTION_PROLONGED,
    NO_CAPACITY,
)  # fmt: skip
"""Of every pipeline; one on spot capacity has SPOT_INTERRUPTIONS besides."""
