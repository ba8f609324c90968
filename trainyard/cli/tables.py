"""What is shown as tables and lines: executions, logs, endpoints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import typer

from trainyard.operations import executions, inference
from trainyard.operations import logs as log
from trainyard.operations.connection import Connection

_END = ("Completed", "Failed", "Stopped")


def show_executions(connection: Connection, reference: str | None) -> None:
    """Pipelines, or one pipeline's executions, or one execution's steps."""
    if reference is None:
        rows = [(row["PipelineName"], _when(row["LastModifiedTime"])) for row in executions.pipelines(connection)]
        print_table(f"no pipeline on {connection.name}", ("pipeline", "changed"), rows)
    elif reference.startswith("arn:"):
        found = executions.describe(connection, reference)
        steps = [
            (step.name, step.status, _took(step), step.job or "", " ".join(step.reason.split())) for step in found.steps
        ]
        print_table("no step has started", ("step", "status", "took", "job", "reason"), steps)
        typer.echo(f"{found.status}{': ' + found.reason if found.reason else ''}")
        for step in found.steps:
            if step.is_training and step.job and (run := log.tracked(connection, step.job)) is not None:
                typer.echo(f"{step.name} in MLflow: {run.page}")
                if run.command:
                    typer.echo(f"  open it with: {run.command}")
    else:
        found_rows = [
            (row["PipelineExecutionStatus"], _when(row["StartTime"]), row["PipelineExecutionArn"])
            for row in executions.recent(connection, reference)
        ]
        print_table(f"{reference} has no execution yet", ("status", "started", "execution"), found_rows)


def show_logs(connection: Connection, name: str, *, follow: bool, endpoint: bool) -> None:
    """Lines with their host, as they come where ``follow`` is set."""
    if endpoint:
        for line in log.endpoint_lines(connection, name):
            typer.echo(f"{line.time:%H:%M:%S} {line.text}")
    elif follow:
        _follow(connection, name)
    else:
        for line in log.job_lines(connection, name):
            typer.echo(f"{line.time:%H:%M:%S} {line.host}  {line.text}")


def show_endpoints(connection: Connection) -> None:
    """Endpoints with their state."""
    rows = [
        (row["EndpointName"], row["EndpointStatus"], _when(row["LastModifiedTime"]))
        for row in inference.endpoints(connection)
    ]
    print_table(f"no endpoint on {connection.name}", ("endpoint", "status", "changed"), rows)


def _follow(connection: Connection, name: str) -> None:
    client = connection.client("sagemaker")
    tail = log.Tail(connection, name)
    ended = False
    while True:
        for line in tail.new():
            typer.echo(f"{line.time:%H:%M:%S} {line.host}  {line.text}")
        if ended:
            return
        ended = client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in _END
        if not ended:
            time.sleep(1 if connection.is_near else 10)


def print_table(otherwise: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Aligned columns under bold names, or ``otherwise`` where there are no rows."""
    if not rows:
        typer.echo(otherwise)
        return
    # Rows are never cut or wrapped: an ARN that is cut in the middle cannot be copied.
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for number, row in enumerate((columns, *rows)):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        typer.secho(text, bold=number == 0)


def _took(step: executions.Step) -> str:
    return f"{step.seconds:.1f} s" if step.seconds is not None else ""


def _when(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
