"""What the report shows, gathered through the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_contract.workloads.base import Headline
from trainyard.operations import evaluation, executions, training
from trainyard.operations.connection import Connection
from trainyard.operations.executions import Execution
from trainyard.scaling import deployed
from trainyard.scaling.simulation import Assumptions, Simulation, simulate
from trainyard.scaling.trace import built_in_day, per_instance
from trainyard.scaling.traffic import told


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One execution and what it made."""

    execution: Execution
    run: training.TrainingRun | None
    """Its training job; ``None`` where it never came to one."""
    evaluation: dict[str, Any]
    """Figures on held-out data; empty where it was not evaluated."""
    package: str | None
    """ARN of the registered model package."""

    @property
    def headline(self) -> Headline | None:
        """What the evaluation shows first; ``None`` where there is none, or it does not say."""
        said = self.evaluation.get("headline")
        return Headline(**said) if said else None

    @property
    def label(self) -> str:
        """How plots name it."""
        if self.run is None:
            return self.execution.id
        return f"{self.execution.id} ({'interrupted' if self.run.interruptions() else 'uninterrupted'})"


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One thing that scales: what it did, and what it would do on the built-in day."""

    resource: str
    """ResourceId of the scalable target."""
    activities: tuple[dict[str, Any], ...]
    """As DescribeScalingActivities has them, newest first."""
    day: Simulation | None
    """None where no policy tells how many requests an instance should get."""


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """Requests to one endpoint."""

    endpoint: str
    seconds: tuple[float, ...]
    """As the client saw them, in the order they were sent."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything on the page."""

    where: str
    """The cloud that was asked."""
    chapters: tuple[Chapter, ...]
    resources: dict[str, Counter[str]] = field(default_factory=dict)
    """Deployed resources by stack and CloudFormation type."""
    latencies: Latencies | None = None
    scaling: tuple[Scaling, ...] = ()
    """What scales; empty where nothing does."""


def gather(connection: Connection, references: Sequence[str], latencies: Latencies | None = None) -> Report:
    """Read executions, named by ARN or by pipeline for the newest, and the stacks of the account."""
    arns = [executions.find(connection, reference) for reference in references]
    return Report(
        where=connection.name,
        chapters=tuple(_chapter(connection, arn) for arn in arns),
        resources=_resources(connection),
        latencies=latencies,
        scaling=tuple(_scaling(connection)),
    )


def _scaling(connection: Connection) -> Iterator[Scaling]:
    scalers = deployed.of_cloud(connection)
    done = deployed.activities(connection) if scalers else []
    for scaler in scalers:
        wanted = per_instance(scaler)
        day = None
        # The GPUs of an instance are told by no document here.
        known = all(told(signal) and signal.name != "GPUUtilization" for signal in scaler.signals)
        if wanted is not None and known:
            day = simulate(scaler, built_in_day(wanted), Assumptions(per_instance=wanted))
        mine = tuple(each for each in done if each["ResourceId"] == scaler.resource)
        yield Scaling(resource=scaler.resource, activities=mine, day=day)


def _chapter(connection: Connection, arn: str) -> Chapter:
    execution = executions.describe(connection, arn)
    job = next((step.job for step in execution.steps if step.is_training and step.job), None)
    registered = [step.metadata["RegisterModel"]["Arn"] for step in execution.steps if "RegisterModel" in step.metadata]
    return Chapter(
        execution=execution,
        run=training.read(connection, job) if job else None,
        evaluation=evaluation.read(connection, execution),
        package=registered[0] if registered else None,
    )


def _resources(connection: Connection) -> dict[str, Counter[str]]:
    client = connection.client("cloudformation")
    found: dict[str, Counter[str]] = {}
    for page in client.get_paginator("list_stacks").paginate(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"]):
        for stack in page["StackSummaries"]:
            pages = client.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
            found[stack["StackName"]] = Counter(
                resource["ResourceType"] for page in pages for resource in page["StackResourceSummaries"]
            )
    return found
