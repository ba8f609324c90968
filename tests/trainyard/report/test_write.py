import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_contract import metrics
from ml_contract.errors import ContractError
from ml_contract.workloads import ArrCoc, BytesLm
from trainyard.operations.connection import Connection
from trainyard.operations.executions import Execution, Step
from trainyard.operations.training import Observation, TrainingRun
from trainyard.report.data import Chapter, Latencies, Report
from trainyard.report.write import render, write_report

START = datetime(2026, 11, 21, tzinfo=UTC)


def observation(step: int, attempt: int, values: dict[metrics.Metric, float]) -> Observation:
    return Observation(time=START + timedelta(seconds=step), attempt=attempt, step=step, values=values)


@pytest.fixture
def report() -> Report:
    seen = [observation(step, 0, {metrics.LOSS: 5.0 / step}) for step in range(1, 11)]
    seen += [observation(5, 0, {metrics.CHECKPOINT_STEP: 5.0}), observation(5, 1, {metrics.RESTORED_STEP: 5.0})]
    seen += [observation(step, 1, {metrics.LOSS: 5.0 / step}) for step in range(6, 21)]
    transitions = ({"Status": "Interrupted", "StartTime": START + timedelta(seconds=10)},)
    run = TrainingRun(
        job="j", status="Completed", hyperparameters={}, transitions=transitions, observations=tuple(seen)
    )
    steps = (
        Step(name="Train", status="Succeeded", started=START, ended=START + timedelta(seconds=20), metadata={}),
        Step(name="Evaluate", status="Executing", started=START + timedelta(seconds=20), metadata={}),
    )
    execution = Execution(
        arn="arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abc", pipeline="<p>", status="Succeeded",
        started=START, updated=START + timedelta(seconds=30), steps=steps,
    )  # fmt: skip
    text = {"bits_per_byte": 2.5, "order0_bits_per_byte": 4.6, "xz_bits_per_byte": 1.9}
    answers = {"accuracy": 0.875, "majority_accuracy": 0.25, "uniform_accuracy": 0.5}
    chapter = Chapter(
        execution=execution, run=run, evaluation={**text, "headline": dataclasses.asdict(BytesLm.headline)},
        package="arn:x:model-package/g/1",
    )  # fmt: skip
    other = Chapter(
        execution=execution, run=None, evaluation={**answers, "headline": dataclasses.asdict(ArrCoc.headline)},
        package=None,
    )  # fmt: skip
    unfinished = Chapter(execution=execution, run=None, evaluation={}, package=None)
    return Report(
        where="the embedded cloud",
        chapters=(chapter, other, unfinished),
        resources={"stack": Counter({"AWS::S3::Bucket": 3})},
        latencies=Latencies(endpoint="e", seconds=(0.01, 0.02)),
    )


@pytest.mark.slow
def test_the_page_says_what_happened(report: Report) -> None:
    page = render(report)
    for expected in (
        "abc: interruptions",
        "resumed from step 5",
        "2.500",
        "order-0 entropy",
        "0.875",
        "best constant answers",
        "more is better",
        "S3::Bucket × 3",
        "emulated",
    ):
        assert expected.lower() in page.lower(), expected


def test_names_are_escaped(report: Report) -> None:
    assert "&lt;p&gt;" in render(report)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="it is a folder"):
        write_report(Connection(None), [], tmp_path)
