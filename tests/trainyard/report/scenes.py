"""Executions as a report finds them: one that lost its hosts, one that nothing disturbed, one that still runs."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ml_contract import metrics
from ml_contract.symptoms import SPOT_INTERRUPTIONS
from ml_contract.workloads import BytesLm
from tests.trainyard.scaling import documents as of
from trainyard.cost.prices import Price, Prices
from trainyard.operations.executions import Execution, Step
from trainyard.operations.training import Observation, TrainingRun
from trainyard.report.alarms import Alarm
from trainyard.report.bill import processing_item, training_items
from trainyard.report.chapter import Chapter
from trainyard.report.data import Latencies, Report
from trainyard.report.endpoint_figures import Series
from trainyard.report.scaled import Scaling
from trainyard.report.serving import Endpoint
from trainyard.scaling.scaler import read_scaler
from trainyard.scaling.simulation import Assumptions, simulate
from trainyard.scaling.trace import built_in_day

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
JOB = "arn:aws:sagemaker:us-east-1:123456789012:training-job/job"
PREPARED = 40
"""Seconds until the training job is made."""
STEPS, LOST, COMMITS = 200, 120, 20
"""Steps of a run, the last before the hosts are lost, and from commit to commit."""


def at(seconds: float) -> datetime:
    """A moment after the start."""
    return START + timedelta(seconds=seconds)


PRICES = Prices(
    region="us-east-1",
    rows={
        item: Price(item=item, amount=amount, unit="hour", currency="USD", source="a list", read=date(2026, 11, 1))
        for item, amount in (("ml.m5.large/training", 0.115), ("ml.c5.xlarge/hosting", 0.2))
    },
)


def observations(*, interrupted: bool, until: int = STEPS) -> Iterator[Observation]:
    """A step a second; after the interruption ten seconds without, and the steps since the last commit again."""
    second = PREPARED + 20.0
    parts = ((0, 1, LOST), (1, LOST - LOST % COMMITS - 5, until)) if interrupted else ((0, 1, until),)
    for attempt, first, last in parts:
        if attempt:
            second += 10
            yield Observation(time=at(second), attempt=1, step=first, values={metrics.RESTORED_STEP: first})
        for step in range(first, last + 1):
            second += 1
            values = {metrics.LOSS: 1.7 + 4 * math.exp(-step / 30) + 0.05 * math.sin(step),
                      metrics.TOKENS_PER_SECOND: 20_000 + 3000 * math.sin(step / 9), metrics.MFU: 0.4,
                      metrics.GOODPUT: 0.9, metrics.STEP_SECONDS: 1.0}  # fmt: skip
            yield Observation(time=at(second), attempt=attempt, step=step, values=values)
            if step % COMMITS == 0:
                values = {metrics.CHECKPOINT_STEP: step, metrics.CHECKPOINT_SECONDS: 2.0 + step / 100}
                yield Observation(time=at(second + 0.2), attempt=attempt, step=step, values=values)
                values = {metrics.CHECKPOINT_STALL_SECONDS: 0.1}
                yield Observation(time=at(second + 0.1), attempt=attempt, step=step, values=values)


def run(*, interrupted: bool = False, until: int = STEPS, **hyperparameters: str) -> TrainingRun:
    """A training job; one that has not done all of its steps still runs."""
    seen = tuple(observations(interrupted=interrupted, until=until))
    last = (seen[-1].time - START).total_seconds()
    phases = [("Starting", PREPARED, PREPARED + 5), ("Downloading", PREPARED + 5, PREPARED + 10)]
    if interrupted:
        lost = PREPARED + 20 + LOST + 1
        phases += [("Training", PREPARED + 10, lost), ("Interrupted", lost, lost + 1), ("Starting", lost + 1, lost + 5),
                   ("Training", lost + 5, last + 3)]  # fmt: skip
    else:
        phases.append(("Training", PREPARED + 10, last + 3))
    transitions: list[dict[str, Any]] = [
        {"Status": name, "StartTime": at(begin), "EndTime": at(end)} for name, begin, end in phases
    ]
    document: dict[str, Any] = {
        "TrainingJobArn": JOB, "TrainingStartTime": at(PREPARED),
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}, "EnableManagedSpotTraining": True,
    }  # fmt: skip
    if until == STEPS:
        transitions.append({"Status": "Uploading", "StartTime": at(last + 3), "EndTime": at(last + 8)})
        document |= {"TrainingEndTime": at(last + 8), "TrainingTimeInSeconds": 300, "BillableTimeInSeconds": 180}
    else:
        del transitions[-1]["EndTime"]
    return TrainingRun(
        job="job", status="InProgress" if until < STEPS else "Completed", observations=seen,
        hyperparameters={"steps": str(STEPS), "optimizer": '{"kind":"adamw","learning_rate":0.006}', **hyperparameters},
        transitions=tuple(transitions), document=document,
    )  # fmt: skip


def chapter(name: str, trained: TrainingRun, *, alarms: tuple[Alarm, ...] = ()) -> Chapter:
    """An execution around a run."""
    running = trained.status == "InProgress"
    end = (trained.observations[-1].time - START).total_seconds() + 8
    job = {"TrainingJob": {"Arn": JOB}}
    steps = [
        Step(name="Prepare", status="Succeeded", started=START, ended=at(PREPARED), metadata={}),
        Step(name="Train", status="Executing" if running else "Succeeded", started=at(PREPARED), metadata=job,
             ended=None if running else at(end)),
    ]  # fmt: skip
    evaluation: dict[str, Any] = {}
    if not running:
        steps.append(Step(name="Evaluate", status="Succeeded", started=at(end), ended=at(end + 30), metadata={}))
        figures = {"bits_per_byte": 2.5, "order0_bits_per_byte": 4.6, "xz_bits_per_byte": 1.9}
        evaluation = {**figures, "headline": dataclasses.asdict(BytesLm.headline)}
    execution = Execution(
        arn=f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/trainyard-prod-bytes-lm/execution/{name}",
        pipeline="trainyard-prod-bytes-lm", status="Executing" if running else "Succeeded", started=START,
        updated=at(end + 30), steps=tuple(steps),
    )  # fmt: skip
    cluster = {"InstanceType": "ml.odd.large", "InstanceCount": 1}
    hired = {"ProcessingStartTime": START, "ProcessingEndTime": at(PREPARED),
             "ProcessingResources": {"ClusterConfig": cluster}}  # fmt: skip
    prepared = processing_item("Prepare", hired, PRICES, at(end))
    assert prepared is not None
    return Chapter(
        execution=execution, run=trained, evaluation=evaluation, alarms=alarms,
        package=None if running else "arn:aws:sagemaker:us-east-1:123456789012:model-package/trainyard-prod-bytes-lm/1",
        bill=(*training_items(trained, PRICES, at(end)), prepared),
    )  # fmt: skip


def endpoint() -> Endpoint:
    """An endpoint that scaled once."""
    times = tuple(at(60 * minute) for minute in range(10))
    latency = {name: Series(times=times, values=tuple(base + minute % 3 for minute in range(10)))
               for name, base in (("p50", 5.0), ("p90", 9.0), ("p99", 21.0))}  # fmt: skip
    activity = {"ResourceId": "endpoint/trainyard-prod-bytes-lm/variant/live", "StatusCode": "Successful",
                "Description": "Setting desired instance count to 2.", "Cause": "an <alarm>",
                "StartTime": at(300), "EndTime": at(310)}  # fmt: skip
    return Endpoint(
        name="trainyard-prod-bytes-lm", status="InService", since=START, latency=latency, errors=2,
        packages=("arn:aws:sagemaker:us-east-1:123456789012:model-package/trainyard-prod-bytes-lm/1",),
        requests=Series(times=times, values=tuple(100.0 * minute for minute in range(10))),
        instances={"live": Series(times=(START, at(310), at(600)), values=(1.0, 2.0, 2.0))},
        activities=(activity,), bill=(),
    )  # fmt: skip


def fired() -> Alarm:
    """An alarm that fired when the hosts were lost."""
    name = SPOT_INTERRUPTIONS.alarm("prod", "bytes-lm")
    return Alarm(name=name, spans=((at(PREPARED + 150), at(PREPARED + 190)),))


def single() -> Report:
    """One execution, that lost its hosts, and what serves its model."""
    scaler = read_scaler(of.target(), [of.tracking()])
    day = simulate(scaler, built_in_day(100), Assumptions(per_instance=100))
    return Report(
        where="AWS", region="us-east-1", chapters=(chapter("lost1", run(interrupted=True), alarms=(fired(),)),),
        endpoints=(endpoint(),), resources={"stack": Counter({"AWS::S3::Bucket": 3})}, now=at(1000),
        latencies=Latencies(endpoint="e", seconds=tuple(0.005 + number % 7 / 1000 for number in range(64))),
        scaling=(Scaling(resource=scaler.resource, activities=(), day=day),),
    )  # fmt: skip


def comparison() -> Report:
    """Three executions side by side: one of them runs."""
    chapters = (
        chapter("quiet1", run()),
        chapter("lost1", run(interrupted=True, optimizer='{"kind":"adamw","learning_rate":0.003}'), alarms=(fired(),)),
        chapter("runs1", run(until=90)),
    )
    return Report(where="the embedded cloud at http://127.0.0.1:4600", emulated=True, region="us-east-1",
                  chapters=chapters, now=at(PREPARED + 115))  # fmt: skip
