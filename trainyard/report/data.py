"""What the report shows, gathered through the API. What cannot be read leaves a sentence, not a hole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from trainyard.cost.prices import Prices
from trainyard.operations import evaluation, executions, logs, training
from trainyard.operations.connection import Connection, OperationError
from trainyard.operations.executions import Execution, Step
from trainyard.report import alarms, logged, serving
from trainyard.report.bill import Item, prices_of, processing_item, training_items
from trainyard.report.chapter import Chapter
from trainyard.report.serving import Endpoint
from trainyard.scaling import deployed
from trainyard.scaling.simulation import Assumptions, Simulation, simulate
from trainyard.scaling.trace import built_in_day, per_instance
from trainyard.scaling.traffic import told

__all__ = ["Chapter", "Latencies", "Report", "Scaling", "gather"]
_T = TypeVar("_T")


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
    endpoints: tuple[Endpoint, ...] = ()
    """What serves the packages of the chapters."""
    gaps: tuple[str, ...] = ()
    """What could not be read, a sentence each."""
    emulated: bool = False
    """Whether the embedded cloud was asked."""
    region: str = ""
    """Where it is, and whose prices are taken."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was asked."""


@dataclass
class _Reader:
    """Reads, and keeps what it could not."""

    connection: Connection
    prices: Prices
    now: datetime
    gaps: list[str] = field(default_factory=list)

    def attempt(self, what: str, read: Callable[[], _T]) -> _T | None:
        """What ``read`` gives, or None where the cloud refuses: a report of the rest is worth having."""
        from botocore.exceptions import ClientError

        try:
            return read()
        except ClientError as refusal:
            error = refusal.response["Error"]
            self.gaps.append(f"{what} could not be read: {error['Code']}: {error['Message']}")
        except OperationError as refusal:
            self.gaps.append(f"{what} could not be read: {refusal}")
        return None


def gather(connection: Connection, references: Sequence[str], latencies: Latencies | None = None) -> Report:
    """Read executions and jobs, what serves their models, and the stacks of the account.

    Args:
        connection: The cloud.
        references: An execution's ARN, a pipeline's name for its newest execution, a training job's name or ARN, or
            the file that a job of a cluster wrote.
        latencies: Requests that were measured.

    Raises:
        ContractError: A file holds no metrics.
        OperationError: One of them is nothing that the cloud has.
    """
    region = str(connection.client("sagemaker").meta.region_name)
    reader = _Reader(connection, prices_of(region), datetime.now(UTC))
    chapters = tuple(
        logged.read(Path(reference))
        if Path(reference).is_file()
        else _chapter(reader, _execution(connection, reference))
        for reference in dict.fromkeys(references)
    )
    packages = [chapter.package for chapter in chapters if chapter.package]
    endpoints = reader.attempt("Endpoints", lambda: serving.read(connection, packages, reader.prices, reader.now)) or ()
    serve = {each.name for each in endpoints}
    return Report(
        where=connection.name, chapters=chapters, latencies=latencies, endpoints=endpoints,
        resources=reader.attempt("Stacks", lambda: _resources(connection)) or {},
        scaling=reader.attempt("What scales", lambda: tuple(_scaling(connection, serve))) or (),
        gaps=tuple(reader.gaps), emulated=connection.cloud is not None, region=region, now=reader.now,
    )  # fmt: skip


def _told(reader: _Reader, reference: str) -> Chapter:
    if Path(reference).is_file():
        return logged.read(Path(reference))
    return _chapter(reader, _execution(reader.connection, reference))


def _execution(connection: Connection, reference: str) -> Execution:
    """An execution, or a job as one of a single step."""
    if ":training-job/" in reference:
        return _job(connection, reference.rpartition("/")[2])
    client = connection.client("sagemaker")
    try:
        return executions.describe(connection, executions.find(connection, reference))
    except (client.exceptions.ResourceNotFound, client.exceptions.ClientError) as missing:
        if reference.startswith("arn:"):
            raise
        try:
            return _job(connection, reference)
        except client.exceptions.ClientError:
            raise OperationError(
                f"{reference}: no pipeline and no training job has that name. See `trainyard executions`"
            ) from missing


def _job(connection: Connection, name: str) -> Execution:
    found = connection.client("sagemaker").describe_training_job(TrainingJobName=name)
    states = {"Completed": "Succeeded", "InProgress": "Executing"}
    status = states.get(found["TrainingJobStatus"], found["TrainingJobStatus"])
    end = found.get("TrainingEndTime") or found.get("LastModifiedTime") or found["CreationTime"]
    step = Step(
        name="Train", status=status, started=found["CreationTime"], reason=found.get("FailureReason", ""),
        ended=None if status in ("Executing", "Stopping") else end,
        metadata={"TrainingJob": {"Arn": found["TrainingJobArn"]}},
    )  # fmt: skip
    return Execution(arn=found["TrainingJobArn"], pipeline="a training job of no pipeline", status=status,
                     reason=step.reason, started=found["CreationTime"], updated=end, steps=(step,))  # fmt: skip


def _chapter(reader: _Reader, execution: Execution) -> Chapter:
    connection, before = reader.connection, len(reader.gaps)
    trained = next((step for step in execution.steps if step.is_training and step.job), None)
    run = _run(reader, trained.job) if trained and trained.job else None
    registered = [step.metadata["RegisterModel"]["Arn"] for step in execution.steps if "RegisterModel" in step.metadata]
    bill: list[Item] = []
    if run is not None and trained is not None:
        bill += training_items(run, reader.prices, reader.now, step=trained.name)
    bill += reader.attempt("Processing jobs", lambda: list(_processing(reader, execution))) or []
    until = execution.updated if execution.is_final else reader.now
    name = execution.pipeline if run is None or execution.arn != run.document["TrainingJobArn"] else run.job
    fired = (
        reader.attempt("Alarms", lambda: alarms.read(connection, alarms.prefix(name), execution.started, until)) or ()
    )
    measured = reader.attempt("The evaluation", lambda: evaluation.read(connection, execution)) or {}
    job = run.job if run is not None else ""
    tracked = reader.attempt("The run in MLflow", lambda: logs.tracked(connection, job)) if run else None
    gaps = tuple(reader.gaps[before:])
    del reader.gaps[before:]
    return Chapter(
        execution=execution, run=run, evaluation=measured, package=registered[0] if registered else None,
        alarms=fired, bill=tuple(bill), tracked=tracked, gaps=gaps,
    )  # fmt: skip


def _run(reader: _Reader, job: str) -> training.TrainingRun:
    found = reader.attempt("The log", lambda: training.read(reader.connection, job))
    return found or training.read_without_log(reader.connection, job)


def _processing(reader: _Reader, execution: Execution) -> Iterator[Item]:
    client = reader.connection.client("sagemaker")
    for step in execution.steps:
        if step.job is None or step.is_training:
            continue
        document = client.describe_processing_job(ProcessingJobName=step.job)
        item = processing_item(step.name, document, reader.prices, reader.now)
        if item is not None:
            yield item


def _scaling(connection: Connection, endpoints: set[str]) -> Iterator[Scaling]:
    scalers = [each for each in deployed.of_cloud(connection) if each.resource.split("/")[1] in endpoints]
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
