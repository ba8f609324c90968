"""Render the report into one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go

from trainyard.operations.connection import Connection
from trainyard.pages import write as pages
from trainyard.report import moments
from trainyard.report.alarms import Alarm
from trainyard.report.bill import Item, Sum, money, projected, so_far
from trainyard.report.data import Latencies, Report, gather
from trainyard.report.differences import differences
from trainyard.report.facts import facts
from trainyard.report.figures import clock, evaluation, serving, training
from trainyard.report.places import places
from trainyard.report.serving import Endpoint
from trainyard.scaling.figure import figure as day


def write_report(
    connection: Connection, references: Sequence[str], output: Path, latencies: Latencies | None = None
) -> str:
    """Gather and write the report; the file appears whole or not at all.

    Args:
        connection: The cloud.
        references: As :func:`trainyard.report.data.gather` takes them.
        output: The HTML file.
        latencies: Requests that were measured.

    Returns:
        A sentence that says what was written.

    Raises:
        ContractError: ``output`` is a folder, or a file that was named holds no metrics.
        OperationError: One of the references is nothing that the cloud has.
    """
    pages.require_file(output)
    report = gather(connection, references, latencies)
    written = pages.write(render(report), output)
    count = len(report.chapters)
    return f"{written}; {count} execution{'s' if count > 1 else ''}"


def render(report: Report) -> str:
    """The page as HTML."""
    chapters, now = report.chapters, report.now
    return pages.render(
        Path(__file__).with_name("page.html.j2"),
        report=report, title=_title(report), gaps=[*report.gaps, *(gap for each in chapters for gap in each.gaps)],
        facts=facts(chapters, now), differences=differences(chapters),
        losses=training.losses(chapters), heldout=evaluation.heldout(chapters),
        happened=[(chapter, clock.happened(chapter, now)) for chapter in chapters], alarms=_alarms(report),
        spent=clock.spent(chapters, now), throughput=_throughput(report),
        serving={each.name: _serving(each) for each in report.endpoints},
        measured=serving.measured(report.latencies) if report.latencies and report.latencies.seconds else None,
        day=day, bill=_bill(report), money=money, moments=moments, sources=_sources(report), places=places(report),
    )  # fmt: skip


def _title(report: Report) -> str:
    names = list(dict.fromkeys(chapter.execution.pipeline for chapter in report.chapters))
    if not names:
        return "Report"
    if len(report.chapters) == 1:
        return f"{names[0]}, {report.chapters[0].execution.id}"
    return f"{len(report.chapters)} executions of {' and '.join(names)}"


def _alarms(report: Report) -> list[Alarm]:
    """Each once: executions that overlap have the same."""
    found = {(alarm.name, alarm.spans): alarm for chapter in report.chapters for alarm in chapter.alarms}
    return sorted(found.values(), key=lambda alarm: alarm.spans[0][0])


def _throughput(report: Report) -> list[tuple[str, go.Figure]]:
    chapters = report.chapters
    found = (
        ("Tokens a second.", training.tokens(chapters)),
        ("Time of a step.", training.step_seconds(chapters)),
        ("Model FLOPs utilisation.", training.mfu(chapters)),
        (
            "Checkpoints: how long training stood, and after how long they were committed.",
            training.checkpoints(chapters),
        ),
    )
    return [(caption, figure) for caption, figure in found if figure is not None]


def _serving(endpoint: Endpoint) -> list[tuple[str, go.Figure]]:
    found = (
        ("Time that the model took to answer, as SageMaker saw it, by percentile.", serving.latency(endpoint)),
        ("Requests in each period, and instances.", serving.requests(endpoint)),
    )
    return [(caption, figure) for caption, figure in found if figure is not None]


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Items of a bill that belong together."""

    name: str
    until: str
    """What the projection reaches to."""
    items: tuple[Item, ...]

    @property
    def so_far(self) -> Sum:
        return so_far(self.items)

    @property
    def projected(self) -> Sum:
        return projected(self.items)


def _bill(report: Report) -> list[_Group]:
    runs = (
        _Group(name=f"execution {chapter.execution.id}", items=chapter.bill,
               until="to its end, by the pace of its last steps" if chapter.running else "it has ended")
        for chapter in report.chapters
    )  # fmt: skip
    served = (
        _Group(name=f"endpoint {each.name}", items=each.bill,
               until="to the end of the month, with as many instances as now")
        for each in report.endpoints
    )  # fmt: skip
    return [group for group in (*runs, *served) if group.items]


def _sources(report: Report) -> list[object]:
    """Prices that were taken, each once."""
    items = (item for group in _bill(report) for item in group.items)
    return list({item.price.item: item.price for item in items if item.price is not None}.values())
