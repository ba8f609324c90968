"""`trainyard load`: a sweep as a table, a plot and JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from trainyard.load.batches import Counts, read_metrics, total
from trainyard.load.generator import Level
from trainyard.load.request import Source
from trainyard.load.sweep import Counting, sweep
from trainyard.operations.connection import Connection, OperationError

_COLUMNS = ("at once", "answers/s", "p50 ms", "p95 ms", "p99 ms", "batch", "failed")


def show(
    source: Source,
    name: str,
    levels: Sequence[int],
    seconds: float,
    *,
    counts: Counting | None = None,
    html: Path | None = None,
    output: Path | None = None,
) -> list[Level]:
    """Measure and print.

    Raises:
        OperationError: No level was answered at all.
    """
    found: list[Level] = []
    console = Console()
    with console.status("warming up") as status:
        for level in sweep(source, levels, seconds, counts=counts):
            found.append(level)
            status.update(f"{level.concurrency} at once: {level.throughput:.0f} answers/s")
    console.print(table(found))
    for level in found:
        for kind, count in sorted(level.troubles.items(), key=lambda pair: -pair[1]):
            console.print(f"{level.concurrency} at once: {count} × {kind}", soft_wrap=True, markup=False)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"name": name, "levels": [document(level) for level in found]}, indent=1))
        typer.echo(str(output))
    if html:
        from trainyard.load.figure import figures
        from trainyard.pages.write import render_figures, write

        typer.echo(write(render_figures(name, figures(found)), html, option="--html"))
    if not any(level.answers for level in found):
        raise OperationError(f"{name} answered nothing: see what came back above")
    return found


def counting(connection: Connection, endpoint: str, component: str | None) -> Counting | None:
    """What the endpoint's servers have done so far; None on AWS, which shows no container's own metrics."""
    cloud = connection.cloud
    if cloud is None:
        return None
    named = {"EndpointName": endpoint} | ({"InferenceComponentName": component} if component else {})

    def counts() -> Counts | None:
        servers = [read_metrics(each["Metrics"]) for each in cloud.call("DescribeServers", **named)["Servers"]]
        return total({f"{number}/{model}": found for number, of in enumerate(servers) for model, found in of.items()})

    return counts


def table(levels: Sequence[Level]) -> Table:
    """A row a level."""
    shown = Table(box=None, header_style="bold")
    for column in _COLUMNS:
        shown.add_column(column, justify="right")
    for level in levels:
        latencies = ["–" if math.isnan(value) else f"{1000 * value:.1f}" for value in (level.p50, level.p95, level.p99)]
        batch = "–" if level.batch is None else f"{level.batch:.1f}"
        shown.add_row(str(level.concurrency), f"{level.throughput:,.0f}", *latencies, batch, str(level.failed))
    return shown


def document(level: Level) -> dict[str, object]:
    """As JSON: latencies of no answer are null."""
    values = dataclasses.asdict(level) | {"throughput": level.throughput, "failed": level.failed}
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()}
