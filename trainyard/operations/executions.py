"""Pipeline executions: start, read, follow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainyard.operations.connection import Connection, OperationError

FINAL = frozenset({"Succeeded", "Failed", "Stopped"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of an execution."""

    name: str
    status: str
    """Starting, Executing, Stopping, Stopped, Failed or Succeeded."""
    started: datetime | None = None
    ended: datetime | None = None
    reason: str = ""
    """Why it failed, in the service's words."""
    metadata: Mapping[str, Any]
    """What the step made, as ListPipelineExecutionSteps gives it."""

    @property
    def seconds(self) -> float | None:
        """How long it ran; ``None`` while it runs."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()

    @property
    def job(self) -> str | None:
        """Name of the training or processing job behind it."""
        for kind in ("TrainingJob", "ProcessingJob"):
            if kind in self.metadata and "Arn" in self.metadata[kind]:
                return str(self.metadata[kind]["Arn"]).rpartition("/")[2]
        return None

    @property
    def is_training(self) -> bool:
        return "TrainingJob" in self.metadata


@dataclass(frozen=True, kw_only=True)
class Execution:
    """A pipeline execution and its steps in the order of their start."""

    arn: str
    pipeline: str
    status: str
    """Executing, Stopping, Stopped, Failed or Succeeded."""
    reason: str = ""
    started: datetime
    updated: datetime
    steps: tuple[Step, ...] = ()

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def seconds(self) -> float:
        """Time from start to the last change."""
        return (self.updated - self.started).total_seconds()

    def step(self, name: str) -> Step | None:
        """The step ``name``, or ``None`` before it has started."""
        return next((step for step in self.steps if step.name == name), None)


def start(
    connection: Connection, pipeline: str, parameters: Mapping[str, str] | None = None, token: str | None = None
) -> str:
    """Start an execution and return its ARN.

    Args:
        connection: The cloud.
        pipeline: Name of the pipeline.
        parameters: Values by name; SageMaker takes strings and converts them.
        token: ClientRequestToken, 32–128 characters: the same one gives the same execution.
    """
    request: dict[str, Any] = {"PipelineName": pipeline}
    if parameters:
        request["PipelineParameters"] = [{"Name": name, "Value": value} for name, value in parameters.items()]
    if token:
        request["ClientRequestToken"] = token
    return str(connection.client("sagemaker").start_pipeline_execution(**request)["PipelineExecutionArn"])


def describe(connection: Connection, arn: str) -> Execution:
    """Read an execution with its steps."""
    client = connection.client("sagemaker")
    found = client.describe_pipeline_execution(PipelineExecutionArn=arn)
    listed: list[dict[str, Any]] = []
    request = {"PipelineExecutionArn": arn, "SortOrder": "Ascending"}
    while True:
        answer = client.list_pipeline_execution_steps(**request)
        listed += answer["PipelineExecutionSteps"]
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    return Execution(
        arn=arn,
        pipeline=found["PipelineArn"].rpartition("/")[2],
        status=found["PipelineExecutionStatus"],
        reason=found.get("FailureReason", ""),
        started=found["CreationTime"],
        updated=found["LastModifiedTime"],
        steps=tuple(
            Step(
                name=step["StepName"],
                status=step["StepStatus"],
                started=step.get("StartTime"),
                ended=step.get("EndTime"),
                reason=step.get("FailureReason", ""),
                metadata=step.get("Metadata", {}),
            )
            for step in listed
        ),
    )


def recent(connection: Connection, pipeline: str, count: int = 20) -> list[dict[str, Any]]:
    """The newest executions of a pipeline, newest first, as ListPipelineExecutions summarises them."""
    client = connection.client("sagemaker")
    answer = client.list_pipeline_executions(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=min(count, 100)
    )
    return list(answer["PipelineExecutionSummaries"])


def pipelines(connection: Connection) -> list[dict[str, Any]]:
    """All pipelines of the account and region."""
    pages = connection.client("sagemaker").get_paginator("list_pipelines").paginate()
    return [summary for page in pages for summary in page["PipelineSummaries"]]


def find(connection: Connection, reference: str) -> str:
    """The ARN of an execution named by its ARN, or by pipeline name for its newest one.

    Raises:
        OperationError: The pipeline has no execution.
    """
    if reference.startswith("arn:"):
        return reference
    newest = recent(connection, reference, 1)
    if not newest:
        raise OperationError(f"{reference}: the pipeline has no execution. Start one with `trainyard run {reference}`")
    return str(newest[0]["PipelineExecutionArn"])


def follow(connection: Connection, arn: str, interval: float = 1.0) -> Iterator[Execution]:
    """Read an execution again and again until it has ended; the last one read is final.

    Args:
        connection: The cloud.
        arn: The execution.
        interval: Seconds between two looks.
    """
    while True:
        execution = describe(connection, arn)
        yield execution
        if execution.is_final:
            return
        time.sleep(interval)
