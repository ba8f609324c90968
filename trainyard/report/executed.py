"""The chapter of an execution or of a training job, read through the API."""

from __future__ import annotations

from collections.abc import Iterator

from trainyard.operations import evaluation, executions, logs, training
from trainyard.operations.connection import Connection, OperationError
from trainyard.operations.executions import Execution, Step
from trainyard.report import alarms
from trainyard.report.bill import Item, processing_item, training_items
from trainyard.report.chapter import Chapter
from trainyard.report.reader import Reader


def read(reader: Reader, reference: str) -> Chapter:
    """The chapter of what ``reference`` names.

    Args:
        reader: Of the cloud.
        reference: An execution's ARN, a pipeline's name for its newest execution, or a training job's name or ARN.

    Raises:
        OperationError: The cloud has no such thing.
    """
    connection, before = reader.connection, len(reader.gaps)
    execution = _execution(connection, reference)
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


def _run(reader: Reader, job: str) -> training.TrainingRun:
    found = reader.attempt("The log", lambda: training.read(reader.connection, job))
    return found or training.read_without_log(reader.connection, job)


def _processing(reader: Reader, execution: Execution) -> Iterator[Item]:
    client = reader.connection.client("sagemaker")
    for step in execution.steps:
        if step.job is None or step.is_training:
            continue
        document = client.describe_processing_job(ProcessingJobName=step.job)
        item = processing_item(step.name, document, reader.prices, reader.now)
        if item is not None:
            yield item
