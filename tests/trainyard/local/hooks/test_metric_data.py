"""GetMetricData on the embedded cloud: by exact dimensions, with searches and arithmetic, and nothing passed over."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

NOW = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)


@pytest.fixture(scope="module")
def space(client: Any) -> str:
    """A namespace with a loss of two jobs, and a count and its rate of a third thing."""
    name = f"Test/{uuid.uuid4().hex}"
    rows = [
        ("loss", {"Job": "pipelines-abc-Train-x"}, 0, 4.0), ("loss", {"Job": "pipelines-abc-Train-x"}, 60, 2.0),
        ("loss", {"Job": "adhoc-dev-mine"}, 0, 9.0), ("loss", {"Job": "pipelines-def-Train-y", "Host": "h"}, 0, 7.0),
        ("all", {"Of": "e"}, 0, 6.0), ("all", {"Of": "e"}, 60, 8.0), ("each", {"Of": "e"}, 0, 3.0),
        ("each", {"Of": "e"}, 60, 0.0),
    ]  # fmt: skip
    client("cloudwatch").put_metric_data(
        Namespace=name,
        MetricData=[
            {"MetricName": metric, "Value": value, "Timestamp": NOW + timedelta(seconds=after),
             "Dimensions": [{"Name": key, "Value": text} for key, text in where.items()]}
            for metric, where, after, value in rows
        ],
    )  # fmt: skip
    return name


def ask(client: Any, *queries: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    found = client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries),
        StartTime=NOW - timedelta(minutes=5),
        EndTime=NOW + timedelta(minutes=5),
        **more,
    )
    return found["MetricDataResults"]


def stat(space: str, name: str, identity: str, shown: bool = True, **dimensions: str) -> dict[str, Any]:
    where = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    metric = {"Namespace": space, "MetricName": name, "Dimensions": where}
    return {"Id": identity, "ReturnData": shown, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}


def found(client: Any, space: str, terms: str) -> dict[str, list[float]]:
    expression = f"SEARCH('{{{space},Job}} {terms}', 'Average')"
    rows = ask(client, {"Id": "f", "Expression": expression, "Period": 60}, ScanBy="TimestampAscending")
    return {row["Label"]: row["Values"] for row in rows}


def test_the_newest_point_comes_first_unless_told_otherwise(client: Any, space: str) -> None:
    query = stat(space, "all", "a", Of="e")
    assert ask(client, query)[0]["Values"] == [8.0, 6.0]
    assert ask(client, query, ScanBy="TimestampAscending")[0]["Values"] == [6.0, 8.0]


def test_a_metric_without_dimensions_is_another_one(client: Any, space: str) -> None:
    assert ask(client, stat(space, "all", "a"))[0]["Values"] == []


def test_a_search_finds_each_metric_with_exactly_its_dimensions(client: Any, space: str) -> None:
    assert found(client, space, 'MetricName="loss"') == {"pipelines-abc-Train-x": [4.0, 2.0], "adhoc-dev-mine": [9.0]}


@pytest.mark.parametrize(
    ("terms", "jobs"),
    [
        ("Job=pipelines", ["pipelines-abc-Train-x"]), ("Job=abc Job=train", ["pipelines-abc-Train-x"]),
        ("Job=pipe", []), ('Job="adhoc-dev-mine"', ["adhoc-dev-mine"]), ('Job="adhoc"', []),
        ("dev", ["adhoc-dev-mine"]), ("MetricName=all", []),
    ],
)  # fmt: skip
def test_words_match_whole_tokens_and_quotes_whole_values(client: Any, space: str, terms: str, jobs: list[str]) -> None:
    assert list(found(client, space, terms)) == jobs


def test_arithmetic_is_of_moments_that_both_have_and_nothing_is_divided_by_zero(client: Any, space: str) -> None:
    queries = [stat(space, name, name, shown=False, Of="e") for name in ("all", "each")]
    (row,) = ask(client, {"Id": "count", "Expression": "(all / each) * 10 - 1", "Label": "instances"}, *queries)
    assert (row["Id"], row["Label"], row["Values"]) == ("count", "instances", [19.0])


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("ANOMALY_DETECTION_BAND(a)", "evaluates SEARCH"), ("1 + 1", "evaluates SEARCH"),
        ("a ** 2", "evaluates SEARCH"),
        ("__import__('os')", "evaluates SEARCH"), ("b / 2", "needs what no query gives"),
        ("SEARCH('no schema', 'Sum')", "is no SEARCH"),
        ("SEARCH('{N,D} a OR b', 'Sum')", "words that all must be there"),
    ],
)  # fmt: skip
def test_what_is_not_evaluated_is_refused(client: Any, space: str, expression: str, says: str) -> None:
    with pytest.raises(ClientError, match=says):
        ask(client, stat(space, "all", "a", Of="e"), {"Id": "e", "Expression": expression})
