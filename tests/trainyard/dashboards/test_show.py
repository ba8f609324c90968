"""A page as it is drawn: every widget, what has no data, what goes wrong, and no markup of somebody else's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ml_contract.errors import ContractError
from trainyard.dashboards.body import Graph, read
from trainyard.dashboards.data import Curve
from trainyard.dashboards.figures import Looks
from trainyard.dashboards.figures import graph as draw
from trainyard.dashboards.show import show
from trainyard.operations.connection import OperationError

NOW = datetime.now(UTC)
SEARCH = "SEARCH('{J,Job} MetricName=\"loss\"', 'Average')"


class CloudWatch:
    """The calls that a page takes."""

    def __init__(self, *widgets: dict[str, Any]) -> None:
        self._body = json.dumps({"widgets": list(widgets)})
        self.asked: list[dict[str, Any]] = []

    def get_dashboard(self, **request: str) -> dict[str, Any]:
        if request != {"DashboardName": "page"}:
            raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "no"}}, "GetDashboard")
        return {"DashboardBody": self._body}

    def get_paginator(self, name: str) -> Any:
        class Pages:
            paginate = staticmethod(getattr(self, f"_{name}"))

        return Pages()

    def _list_dashboards(self) -> list[dict[str, Any]]:
        return [{"DashboardEntries": [{"DashboardName": "page"}]}]

    def _describe_alarms(self, **_: Any) -> list[dict[str, Any]]:
        row = {"AlarmName": "mine", "StateValue": "ALARM", "StateReason": "it is so", "StateUpdatedTimestamp": NOW}
        return [{"MetricAlarms": [row], "CompositeAlarms": []}]

    def _get_metric_data(self, **request: Any) -> list[dict[str, Any]]:
        self.asked.append(request)
        expression = request["MetricDataQueries"][0].get("Expression")
        if expression == "wrong":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no such math"}}, "GetMetricData")
        if expression != SEARCH:
            return [{"MetricDataResults": [{"Id": "m0", "Label": "x", "Timestamps": [], "Values": []}]}]
        parts = [{"Id": "m0", "Label": "job-1", "Timestamps": [NOW - timedelta(seconds=s)], "Values": [float(s)]}
                 for s in (60, 30)]  # fmt: skip
        return [{"MetricDataResults": [part]} for part in parts]


class Connection:
    name = "AWS"

    def __init__(self, *widgets: dict[str, Any]) -> None:
        self.cloudwatch = CloudWatch(*widgets)

    def client(self, service: str) -> CloudWatch:
        assert service == "cloudwatch"
        return self.cloudwatch


def graph(title: str, metric: list[Any]) -> dict[str, Any]:
    return {"type": "metric", "properties": {"title": title, "metrics": [metric]}}


WIDGETS = (
    {"type": "text", "properties": {"markdown": "### Jobs <script>alert(1)</script>"}},
    {"type": "alarm", "properties": {"title": "Alarms", "alarms": ["arn:aws:cloudwatch:r:1:alarm:mine",
                                                                   "arn:aws:cloudwatch:r:1:alarm:gone"]}},
    graph("Loss", [{"expression": SEARCH}]), graph("Nothing yet", ["N", "M"]),
    graph("Broken", [{"expression": "wrong"}]),
    {"type": "explorer", "properties": {}},
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What was said, and the page without the bundle of the plots."""
    output = tmp_path_factory.mktemp("page") / "page.html"
    said = show(Connection(*WIDGETS), "page", output)
    return said, output.read_text()


def test_it_says_what_has_no_data(page: tuple[str, str]) -> None:
    assert page[0].endswith("needs no network; 3 graphs, 2 of them without data")


@pytest.mark.parametrize(
    "shown",
    [
        "<h3>Jobs &lt;script&gt;alert(1)&lt;/script&gt;</h3>", "<b>alarm</b> mine", "<b>missing</b> gone",
        '"name":"job-1"', "<b>Nothing yet</b> — no data in this time", "<b>Broken</b> — no such math", "kind explorer",
    ],
)  # fmt: skip
def test_every_widget_is_there(page: tuple[str, str], shown: str) -> None:
    assert shown in page[1]


def test_a_series_that_goes_on_on_the_next_page_is_one_curve(page: tuple[str, str]) -> None:
    assert page[1].count('"name":"job-1"') == 1


def test_the_time_is_the_readers_where_he_says_so(tmp_path: Path) -> None:
    connection = Connection(graph("Loss", [{"expression": SEARCH}]))
    show(connection, "page", tmp_path / "page.html", hours=0.5, period=5)
    (asked,) = connection.cloudwatch.asked
    assert asked["EndTime"] - asked["StartTime"] == timedelta(minutes=30)
    assert asked["MetricDataQueries"][0]["Period"] == 5


def test_an_unknown_page_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"no dashboard 'other'\. It has page"):
        show(Connection(), "other", tmp_path / "page.html")


def test_a_folder_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"--out: got .* it is a folder"):
        show(Connection(), "other", tmp_path)


def test_a_plot_has_room_beside_the_legend_of_many_jobs() -> None:
    """Plotly stops where a legend takes the whole height: nothing after that plot would be drawn."""
    (widget,) = read("page", json.dumps({"widgets": [graph("Loss", ["N", "M"])]})).widgets
    assert isinstance(widget, Graph)
    curves = [Curve(label=f"job-{number}", moments=(NOW,), values=(1.0,)) for number in range(40)]
    figure = draw(widget, curves, Looks(), NOW - timedelta(hours=1), NOW)
    assert figure.layout.height - figure.layout.legend.maxheight >= 100


def test_a_job_looks_alike_in_every_graph_of_jobs() -> None:
    looks = Looks()
    first = looks.of("job-1", 0, kind="J,Job")
    looks.of("host-1", 0, kind="J,Host")
    assert looks.of("job-2", 0, kind="J,Job") != first
    assert looks.of("job-1", 5, kind="J,Job") == first
