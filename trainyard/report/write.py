"""Render the report into one file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from ml_contract.errors import reject
from trainyard.operations.connection import Connection
from trainyard.report import figures
from trainyard.report.data import Latencies, Report, gather
from trainyard.scaling.figure import figure as day

_TEMPLATES = Path(__file__).parent


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
    if output.is_dir():
        reject("--output", str(output), "it is a folder", f"Name a file, such as {output / 'report.html'}.")
    report = gather(connection, references, latencies)
    page = render(report)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(page)
    partial.replace(output)
    return f"{output}: {len(report.chapters)} executions, {len(page) / 2**20:.1f} MiB, needs no network"


def render(report: Report) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["plot"] = _plot
    environment.globals["day"] = day
    chapters = report.chapters
    return environment.get_template("page.html.j2").render(
        report=report,
        written=datetime.now().astimezone(),
        plotly=get_plotlyjs(),
        losses=figures.losses(chapters),
        stages=figures.stages(chapters),
        heldout=figures.heldout(chapters),
        latencies=figures.latencies(report.latencies) if report.latencies and report.latencies.seconds else None,
    )


def _plot(figure: go.Figure) -> Any:
    import markupsafe

    return markupsafe.Markup(  # noqa: S704 — plotly escapes what it embeds
        plotly.io.to_html(figure, full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    )
