"""A dashboard as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from trainyard.dashboards import body
from trainyard.dashboards.body import Alarms, Graph, Page, Text
from trainyard.dashboards.data import Shown, body_of, gather
from trainyard.dashboards.figures import Looks, graph
from trainyard.operations.connection import Connection
from trainyard.pages import write as pages

OPTION = "--out"


def show(
    connection: Connection,
    name: str,
    output: Path,
    *,
    hours: float | None = None,
    period: int | None = None,
    values: Mapping[str, str] | None = None,
) -> str:
    """Read a dashboard and what its widgets show, and write the page; the file appears whole or not at all.

    Args:
        connection: The cloud.
        name: Name of the dashboard.
        output: The HTML file.
        hours: Time up to now; what the dashboard shows at first by default.
        period: Seconds that a point stands for; what each widget says by default.
        values: Values of the dashboard's variables by id.

    Returns:
        A sentence that says what was written.

    Raises:
        ContractError: ``output`` is a folder, or a variable is unknown.
        OperationError: There is no such dashboard.
    """
    pages.require_file(output, option=OPTION)
    page = body.read(name, body_of(connection, name), values=values, period=period)
    span = timedelta(hours=hours) if hours is not None else page.span
    shown = gather(connection, page.widgets, span)
    written = pages.write(render(page, shown, span, where=connection.name), output, option=OPTION)
    graphs = [one for one in shown if isinstance(one.widget, Graph)]
    return f"{written}; {len(graphs)} graphs, {sum(not one.curves for one in graphs)} of them without data"


def render(page: Page, shown: Sequence[Shown], span: timedelta, *, where: str) -> str:
    """The page as HTML.

    Args:
        page: The dashboard.
        shown: Its widgets with what they show.
        span: Time up to now.
        where: The cloud, for a reader.
    """
    end, looks = datetime.now(UTC), Looks()
    return pages.render(
        Path(__file__).with_name("page.html.j2"),
        page=page,
        where=where,
        span=_said(span),
        shown=[_drawn(one, looks, end - span, end) for one in shown],
    )


def _drawn(one: Shown, looks: Looks, start: datetime, end: datetime) -> dict[str, Any]:
    widget = one.widget
    if isinstance(widget, Text):
        # Markup of the dashboard's own is shown as text.
        html = MarkdownIt("commonmark", {"html": False}).render(widget.markdown)
        return {"kind": "text", "widget": widget, "html": Markup(html)}  # noqa: S704
    if isinstance(widget, Alarms):
        return {"kind": "alarms", "widget": widget, "states": one.states}
    if isinstance(widget, Graph):
        figure = graph(widget, one.curves, looks, start, end) if one.curves else None
        return {"kind": "graph", "widget": widget, "figure": figure, "problem": one.problem}
    return {"kind": "other", "widget": widget}


def _said(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:g} hours" if hours >= 1 else f"{hours * 60:g} minutes"
