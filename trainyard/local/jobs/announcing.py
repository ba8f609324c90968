"""What EventBridge hears of training jobs.

Source: "Training job state change", Events that Amazon SageMaker AI sends to Amazon EventBridge, SageMaker AI Developer
Guide, read 2026-11-22: the detail is the job's description, with times in milliseconds as text, and says why a job
failed. AWS may tell of a change more than once; this cloud does so once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.api.store import Document

KIND = "SageMaker Training Job State Change"
_FIELDS = (
    "TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "SecondaryStatus", "FailureReason", "HyperParameters",
    "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "VpcConfig",
    "StoppingCondition",
)  # fmt: skip
_TIMES = ("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime")

Announce = Callable[[str, str, Mapping[str, Any]], None]


class JobAnnouncer:
    """Tells of training jobs whenever they have come to another status."""

    def __init__(self, announce: Announce) -> None:
        """Takes what tells EventBridge."""
        self._announce = announce

    def changed(self, before: Document | None, after: Document) -> None:
        """A job's document was ``before``, and is ``after`` now."""
        if before is None or _status(before) != _status(after):
            self._announce(KIND, after["TrainingJobArn"], detail(after))


def detail(job: Mapping[str, Any]) -> dict[str, Any]:
    """An event's detail."""
    transitions = [
        {name: _milliseconds(value) if name.endswith("Time") else value for name, value in one.items()}
        for one in job["SecondaryStatusTransitions"]
    ]
    return {
        **{name: job[name] for name in _FIELDS if name in job},
        **{name: _milliseconds(job[name]) for name in _TIMES if name in job},
        "SecondaryStatusTransitions": transitions,
        "Tags": {row["Key"]: row["Value"] for row in job.get("Tags", [])},
    }


def _status(job: Mapping[str, Any]) -> tuple[str, str, int]:
    return job["TrainingJobStatus"], job["SecondaryStatus"], len(job["SecondaryStatusTransitions"])


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
