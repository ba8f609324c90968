"""What EventBridge hears of training jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainyard.local.api.store import Store
from trainyard.local.jobs import training_document as document
from trainyard.local.jobs.announcing import KIND, JobAnnouncer

ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/job"
REQUEST = {
    "TrainingJobName": "job",
    "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    "AlgorithmSpecification": {"TrainingImage": "pytorch", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://artifacts/models"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "Tags": [{"Key": "team", "Value": "models"}],
}


@pytest.fixture
def told(tmp_path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Events of a job that is created, interrupted, noted upon and fails."""
    events: list[tuple[str, str, Any]] = []
    store = Store(tmp_path / "store.db")
    store.watch(document.KIND, JobAnnouncer(lambda *event: events.append(event)).changed)
    store.insert(document.KIND, "job", document.new(REQUEST, ARN, lambda _: False))
    document.enter(store, "job", "Interrupted", "Training job interrupted")
    document.note(store, "job", "the log is not delivered")
    document.end(store, "job", "Failed", "Failed", "Training job failed", FailureReason="CapacityError: none")
    return events


def test_every_status_is_told_once(told: list[tuple[str, str, dict[str, Any]]]) -> None:
    assert [(kind, arn) for kind, arn, _ in told] == [(KIND, ARN)] * 3
    assert [detail["SecondaryStatus"] for *_, detail in told] == ["Starting", "Interrupted", "Failed"]


def test_an_event_describes_the_job(told: list[tuple[str, str, dict[str, Any]]]) -> None:
    *_, detail = told[-1]
    assert (detail["TrainingJobStatus"], detail["FailureReason"]) == ("Failed", "CapacityError: none")
    assert detail["RoleArn"] == REQUEST["RoleArn"]
    assert detail["Tags"] == {"team": "models"}
    assert [one["Status"] for one in detail["SecondaryStatusTransitions"]] == ["Starting", "Interrupted", "Failed"]
    # Milliseconds, as text.
    assert len(detail["CreationTime"]) == 13
    assert len(detail["SecondaryStatusTransitions"][0]["StartTime"]) == 13


def test_nothing_of_the_cloud_s_own_leaves_it(told: list[tuple[str, str, dict[str, Any]]]) -> None:
    assert not [name for *_, detail in told for name in detail if name.startswith("_")]
