"""Render the report into one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainyard.operations.connection import Connection
from trainyard.pages import write as pages
from trainyard.report import figures
from trainyard.report.data import Latencies, Report, gather
from trainyard.scaling.figure import figure as day


def write_report(
    connection: Connection, references: Sequence[str], output: Path, latencies: Latencies | None = None
) -> str:
    """Gather and write the report; the file appears whole or not at all.

    Args:
        connection: The cloud.
        references: Executions, by ARN or by a pipeline's name for its newest.
        output: The HTML file.
        latencies: Requests that were measured.

    Returns:
        A sentence that says what was written.

    Raises:
        ContractError: ``output`` is a folder.
    """
    pages.require_file(output)
    report = gather(connection, references, latencies)
    written = pages.write(render(report), output)
    return f"{written}; {len(report.chapters)} executions"


def render(report: Report) -> str:
    """The page as HTML."""
    chapters = report.chapters
    return pages.render(
        Path(__file__).with_name("page.html.j2"),
        report=report,
        day=day,
        losses=figures.losses(chapters),
        stages=figures.stages(chapters),
        heldout=figures.heldout(chapters),
        latencies=figures.latencies(report.latencies) if report.latencies and report.latencies.seconds else None,
    )
