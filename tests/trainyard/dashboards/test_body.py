"""A dashboard's body, as CloudWatch writes it in its many ways, and what is asked of CloudWatch for it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ml_contract.errors import ContractError
from trainyard.dashboards.body import Graph, Other, Text, read


def body(*widgets: dict[str, Any], **more: Any) -> str:
    return json.dumps({"widgets": list(widgets), **more})


def metric(*metrics: list[Any], **properties: Any) -> dict[str, Any]:
    return {"type": "metric", "properties": {"metrics": list(metrics), **properties}}


def queries(*metrics: list[Any], period: int | None = None, **properties: Any) -> list[dict[str, Any]]:
    (graph,) = read("page", body(metric(*metrics, **properties)), period=period).widgets
    assert isinstance(graph, Graph)
    return [dict(query) for query in graph.queries]


def test_points_stand_for_what_was_written_above() -> None:
    rows = queries(
        ["AWS/SageMaker", "Invocations", "EndpointName", "e", "VariantName", "v"],
        [".", "ModelLatency", ".", ".", ".", ".", {"stat": "p99"}], ["...", "w"],
    )  # fmt: skip
    found = [(row["MetricStat"]["Metric"]["MetricName"], row["MetricStat"]["Metric"]["Dimensions"]) for row in rows]
    endpoint = {"Name": "EndpointName", "Value": "e"}
    live, other = ({"Name": "VariantName", "Value": value} for value in "vw")
    assert found == [("Invocations", [endpoint, live]), ("ModelLatency", [endpoint, live]),
                     ("ModelLatency", [endpoint, other])]  # fmt: skip
    assert [row["MetricStat"]["Stat"] for row in rows] == ["Average", "p99", "Average"]


def test_what_an_expression_takes_is_asked_for_and_not_shown() -> None:
    rows = queries(
        ["N", "all", {"id": "all", "visible": False}], [{"expression": "all / 2", "id": "half", "label": "half"}]
    )  # fmt: skip
    assert [(row["Id"], row["ReturnData"]) for row in rows] == [("all", False), ("half", True)]
    assert rows[1]["Expression"] == "all / 2"


@pytest.mark.parametrize(("given", "seconds"), [(None, 60), (5, 5)])
def test_a_period_is_the_metrics_own_unless_the_reader_says_otherwise(given: int | None, seconds: int) -> None:
    (row,) = queries(["N", "M", {"period": 60}], period=given, stat="Sum")
    assert (row["MetricStat"]["Period"], row["MetricStat"]["Stat"]) == (seconds, "Sum")


def test_widgets_are_read_from_the_top_down() -> None:
    below, above = ({"type": "text", "y": y, "properties": {"markdown": str(y)}} for y in (6, 0))
    words = read("page", body(below, above)).widgets
    assert [one.markdown for one in words if isinstance(one, Text)] == ["0", "6"]


def test_what_only_the_console_draws_is_named() -> None:
    (widget,) = read("page", body({"type": "explorer", "properties": {}})).widgets
    assert isinstance(widget, Other)
    assert widget.type == "explorer"


@pytest.mark.parametrize(
    ("start", "span"),
    [("-PT3H", timedelta(hours=3)), ("-P1DT30M", timedelta(days=1, minutes=30)), ("-P2W", timedelta(weeks=2)),
     ("2026-11-22T08:00:00Z", timedelta(hours=3)), ("", timedelta(hours=3))],
)  # fmt: skip
def test_the_time_that_a_page_shows(start: str, span: timedelta) -> None:
    assert read("page", body(start=start)).span == span


PATTERN = {"type": "pattern", "pattern": "pipelines", "id": "narrowed", "label": "Execution"}


def test_a_pattern_variable_takes_a_words_place_in_searches() -> None:
    text = body(metric([{"expression": "SEARCH('{N,Job} Job=pipelines', 'Sum')"}]), variables=[PATTERN])
    (graph,) = read("page", text, values={"narrowed": r"a\1b"}).widgets
    assert isinstance(graph, Graph)
    assert graph.queries[0]["Expression"] == r"SEARCH('{N,Job} Job=a\1b', 'Sum')"


def test_a_property_variable_takes_a_dimensions_place() -> None:
    variable = {"type": "property", "property": "FunctionName", "id": "f"}
    text = body(metric(["AWS/Lambda", "Errors", "FunctionName", "a"]), variables=[variable])
    (graph,) = read("page", text, values={"f": "b"}).widgets
    assert isinstance(graph, Graph)
    assert graph.queries[0]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": "b"}]


def test_an_unknown_variable_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ContractError, match="--variable: got 'job', but page has narrowed"):
        read("page", body(variables=[PATTERN]), values={"job": "x"})
