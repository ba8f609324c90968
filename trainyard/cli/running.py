"""`trainyard run`: start an execution, reclaim its hosts where that was asked for, watch it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from ml_contract.errors import reject
from trainyard.cli.parameters import pairs, seconds
from trainyard.cli.watching import Watcher
from trainyard.operations import executions
from trainyard.operations.connection import Connection, OperationError


def reclaim(connection: Connection, arn: str, *, after_seconds: float = 0.0, at_step: int | None = None) -> None:
    """Ask the embedded cloud to reclaim the spot hosts of an execution's training job once.

    Args:
        connection: The embedded cloud.
        arn: The execution.
        after_seconds: Time from the start of the hosts.
        at_step: The step whose metric line the reclaim waits for.

    Raises:
        OperationError: The connection leads to AWS.
    """
    if connection.cloud is None:
        raise OperationError("a reclaim can be asked of the embedded cloud only. Use `trainyard --local run …`")
    pattern = rf"\[metrics\] step={at_step} .*train:loss=" if at_step is not None else ""
    fault = {"TrainingJobName": f"pipelines-{arn.rpartition('/')[2]}-*", "AfterSeconds": after_seconds}
    connection.cloud.call("InjectFault", Kind="SpotReclaim", **fault, **({"LogPattern": pattern} if pattern else {}))


def run_pipeline(
    connection: Connection,
    pipeline: str,
    parameters: Sequence[str],
    *,
    reclaim_after: str | None,
    reclaim_at_step: int | None,
    detach: bool,
) -> None:
    """Start and watch; leave with status 1 when the execution does not succeed."""
    values = pairs(parameters)
    delay = seconds(reclaim_after, "--reclaim-after") if reclaim_after is not None else 0.0
    wants_reclaim = reclaim_after is not None or reclaim_at_step is not None
    if wants_reclaim and connection.cloud is None:
        reject("--reclaim-after", reclaim_after, "only the embedded cloud reclaims on request", "Add --local.")
    arn = executions.start(connection, pipeline, values)
    if wants_reclaim:
        reclaim(connection, arn, after_seconds=delay, at_step=reclaim_at_step)
    console = Console()
    console.print(f"{arn} on {connection.name}", soft_wrap=True)
    if detach:
        return
    execution = Watcher(connection, console).watch(arn)
    if execution.status != "Succeeded":
        raise OperationError(f"the execution has {execution.status.lower()}: see `trainyard executions {arn}`")
    console.print(f"succeeded in {execution.seconds:.0f} s")
