"""What the page says; tests/browser looks at it in a browser."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from ml_contract.workloads import ArrCoc
from tests.trainyard.report import scenes
from trainyard.operations.connection import Connection
from trainyard.pages import write as pages
from trainyard.report.data import Report
from trainyard.report.write import render, write_report


@pytest.fixture(autouse=True)
def _no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plotly's megabytes are not what this is about."""
    monkeypatch.setattr(pages, "bundle", lambda: "")


@pytest.mark.slow
def test_one_execution_is_told_whole() -> None:
    """Every section of the contract, in words a reader looks for."""
    page = render(scenes.single())
    for expected in (
        "lost1: interruptions", "resumed from the commit at step 115", "model of lost1 (interrupted): 2.500",
        "xz: 1.900", "steps done again", "tokens a second", "training stood", "p99",
        "trainyard-prod-bytes-lm-spot-interruptions", "Runbook: spot-storm", "Setting desired instance count to 2.",
        "an &lt;alarm&gt;", "spot saved 40%", "no price of ml.odd.large/processing in us-east-1", "at least $0.0115",
        "S3::Bucket × 3", "us-east-1.console.aws.amazon.com", "4,500 requests",
    ):  # fmt: skip
        assert expected in page, expected
    assert "Emulated" not in page
    assert "told differently" not in page


@pytest.mark.slow
def test_executions_are_compared_by_what_differs() -> None:
    """One setting; the run that goes on is projected; the embedded cloud is named."""
    page = render(scenes.comparison())
    for expected in (
        "<code>optimizer.learning_rate</code>",
        "0.003",
        "90 of 200",
        "to its end, by the pace",
        "Emulated",
    ):
        assert expected in page, expected
    assert "<code>optimizer.kind</code>" not in page
    assert "console.aws.amazon.com" not in page


def test_an_execution_that_came_to_nothing_is_told_in_sentences() -> None:
    """No training job, no evaluation, and alarms that could not be read."""
    (chapter,) = scenes.single().chapters
    failed = dataclasses.replace(
        chapter.execution, status="Failed", reason="Prepare: <no data>", steps=chapter.execution.steps[:1]
    )
    nothing = dataclasses.replace(
        chapter, execution=failed, run=None, evaluation={}, package=None, alarms=(), bill=(),
        gaps=("Alarms could not be read: AccessDenied: no",),
    )  # fmt: skip
    page = render(Report(where="AWS", chapters=(nothing,)))
    for expected in ("Prepare: &lt;no data&gt;", "No loss was reported.", "No model was evaluated.",
                     "No throughput was reported.", "Alarms could not be read: AccessDenied"):  # fmt: skip
        assert expected in page, expected


def test_figures_of_several_units_stand_apart() -> None:
    """A language model and a classifier are not on one axis."""
    (chapter,) = scenes.single().chapters
    answers = {"accuracy": 0.875, "majority_accuracy": 0.25, "uniform_accuracy": 0.5}
    other = dataclasses.replace(chapter, evaluation={**answers, "headline": dataclasses.asdict(ArrCoc.headline)})
    page = render(Report(where="AWS", chapters=(chapter, other)))
    assert "less is better" in page
    assert "more is better" in page


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="it is a folder"):
        write_report(Connection(None), [], tmp_path)
