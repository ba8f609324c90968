"""Widgets as a dashboard's body holds them, and where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.pages.widgets import COLUMNS, AlarmStates, Graph, Series, Words, metric, placed, search
from ml_contract.errors import ContractError

ONE = (Series(source=("N", "M")),)
sizes = st.lists(st.tuples(st.integers(1, COLUMNS), st.integers(1, 9)), max_size=12)


@given(sizes)
def test_widgets_never_overlap_and_stay_on_the_page(found: list[tuple[int, int]]) -> None:
    rows = placed([Graph(title="t", unit="u", series=ONE, width=w, height=h) for w, h in found], "us-east-1")
    taken: set[tuple[int, int]] = set()
    for row in rows:
        cells = {(x, y) for x in range(row["x"], row["x"] + row["width"])
                 for y in range(row["y"], row["y"] + row["height"])}  # fmt: skip
        assert not cells & taken
        assert row["x"] + row["width"] <= COLUMNS
        taken |= cells
    assert [(row["width"], row["height"]) for row in rows] == found


def test_a_metric_is_named_by_its_dimensions() -> None:
    series = metric("AWS/SageMaker", "Invocations", {"EndpointName": "e", "VariantName": "v"}, label="all")
    assert series.render() == [
        "AWS/SageMaker",
        "Invocations",
        "EndpointName",
        "e",
        "VariantName",
        "v",
        {"label": "all"},
    ]


def test_a_search_has_the_period_of_its_graph() -> None:
    series = search("/aws/sagemaker/TrainingJobs", ("TrainingJobName",), 'MetricName="train:loss"', "Average")
    (options,) = series.render()
    schema = "{/aws/sagemaker/TrainingJobs,TrainingJobName}"
    assert options["expression"] == f"SEARCH('{schema} MetricName=\"train:loss\"', 'Average')"
    assert options["label"] == ""


def test_a_limit_is_a_line_across() -> None:
    shown = Graph(title="t", unit="s", series=ONE, limit=600.0).render("us-east-1")
    assert shown["properties"]["annotations"] == {"horizontal": [{"label": "limit", "value": 600.0}]}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: placed([Words(markdown="x", width=25)], "r"), "a page has 24 columns"),
        (lambda: placed([Words(markdown="x")] * 501, "r"), "a dashboard holds 500"),
        (lambda: AlarmStates(title="t", alarms=()), "one widget shows 1 to 100"),
        (lambda: AlarmStates(title="t", alarms=("a",) * 101), "one widget shows 1 to 100"),
    ],
)
def test_what_cloudwatch_would_refuse_is_refused_here(make: object, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        make()


def test_alarms_take_a_row_for_four() -> None:
    assert [AlarmStates(title="t", alarms=("a",) * count).height for count in (1, 4, 5, 9)] == [2, 2, 3, 4]
