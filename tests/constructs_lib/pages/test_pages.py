"""What stands on the pages: figures that somebody publishes, queries that can be read, groups that have an end."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from constructs_lib.pages import endpoint_widgets, host_widgets, job_widgets, pipeline_widgets
from constructs_lib.pages.keeper import definition
from constructs_lib.pages.queries import QUERIES
from constructs_lib.pages.training import NAMED
from constructs_lib.pages.widgets import Graph, Words
from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.metrics import METRICS as SERVING
from ml_contract.metrics import METRICS
from trainyard.local.insights import parse


def hosted(kind: Kind, instance_type: str | None = "ml.g5.xlarge") -> Hosted:
    return Hosted(
        kind=kind, endpoint="trainyard-dev-e", variant="live", component="c" if kind == "component" else None,
        instance_type=None if kind == "serverless" else instance_type, resource=None,
    )  # fmt: skip


def graphs(kind: Kind, **more: Any) -> list[Graph]:
    return [one for one in endpoint_widgets(hosted(kind, **more)) if isinstance(one, Graph)]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_series_of_an_endpoint_is_published_by_its_kind(kind: Kind) -> None:
    offered = {(one.namespace, one.name) for one in SERVING if kind in one.kinds}
    drawn = [series for graph in graphs(kind) for series in graph.series if series.expression is None]
    assert drawn
    assert {series.source[:2] for series in drawn} <= offered
    assert all(graph.series for graph in graphs(kind))


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("serverless", "Cold starts"), ("asynchronous", "Requests that wait"), ("multi-model", "Loaded models"),
        ("real-time", "Instances"), ("component", "Copies"), ("real-time", "GPUs and their memory"),
    ],
)  # fmt: skip
def test_what_a_kind_alone_has_stands_on_its_page(kind: Kind, title: str) -> None:
    assert title in [graph.title for graph in graphs(kind)]


def test_a_type_without_gpus_has_no_graph_of_them() -> None:
    titles = [graph.title for graph in graphs("real-time", instance_type="ml.c5.xlarge")]
    assert "GPUs and their memory" not in titles
    assert "Processors, memory, disk" in titles


def test_jobs_are_searched_for_by_figures_that_they_report() -> None:
    searched = [re.search(r'MetricName="([^"]+)"', graph.series[0].expression)[1] for graph in job_widgets()]
    assert set(searched) <= {metric.name for metric in METRICS}
    assert len(set(searched)) == len(searched)


def test_the_word_that_narrows_stands_in_searches_alone() -> None:
    """A pattern variable replaces it everywhere: in a pipeline's graphs it would break names."""
    assert all(NAMED in graph.series[0].expression for graph in (*job_widgets(), *host_widgets()))
    for widget in pipeline_widgets("trainyard-dev-bytes-lm"):
        assert isinstance(widget, Words) or NAMED not in str(widget)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.of}-{query.name}")
def test_a_saved_query_can_be_read_and_answers(query: Any) -> None:
    lines = {
        "interruptions": "[metrics] step=9 train:interrupted_step=9.0",
        "interruptions-by-hour": "[metrics] step=9 train:interrupted_step=9.0",
        "restarts": "[metrics] step=9 checkpoint:restored_step=9.0",
        "slowest-steps": "[metrics] step=3 train:loss=1.0 train:step_seconds=0.5",
        "step-time-by-job": "[metrics] step=3 train:loss=1.0 train:step_seconds=0.5",
        "checkpoints": "checkpoint: failed, step 3: disk on fire",
        "slowest-commits": "[metrics] step=5 checkpoint:committed_step=5 checkpoint:commit_seconds=0.25",
        "storage-throttles": "An error occurred (SlowDown) when calling PutObject",
        "throttles": "ThrottlingException: Rate exceeded",
    }
    said = lines.get(query.name, "RuntimeError: CUDA out of memory")
    record = {"@timestamp": "2026-11-22 08:00:00.000", "@message": said, "@log": "1:/g",
              "@logStream": "pipelines-abc-Train-x/algo-1-17"}  # fmt: skip
    quiet = {**record, "@message": "step 3 of 10"}
    (row,) = parse(query.text)([record, quiet])
    assert row
    assert "" not in row.values()


def test_names_of_queries_are_their_own() -> None:
    names = [(query.of, query.name) for query in QUERIES]
    assert len(set(names)) == len(names)


def test_the_keeper_gives_days_to_groups_without_end_alone() -> None:
    states = definition(["/aws/sagemaker/TrainingJobs"], 14)["States"]["Prefixes"]["ItemProcessor"]["States"]
    assert "$not($exists(RetentionInDays))" in states["Groups"]["Output"]["endless"]
    keep = states["Endless"]["ItemProcessor"]["States"]["Keep"]
    assert keep["Arguments"]["RetentionInDays"] == 14
