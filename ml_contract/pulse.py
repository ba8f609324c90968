"""Signs of life of a training job: lines of its log that CloudWatch takes for metrics.

CloudWatch Logs makes metrics of log events in the embedded metric format, whichever group they are in, without a filter
that would have to exist beside the group: SageMaker makes the group of training jobs itself, when the first one runs.
Source: "Specification: Embedded metric format", CloudWatch User Guide, read 2026-11-22.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ml_contract.errors import reject
from ml_contract.values import value_object

NAMESPACE: Final = "Trainyard/Training"
JOB: Final = "TRAINING_JOB_NAME"
"""Environment variable of a container with its job's name."""
DIMENSION: Final = "Subject"
"""Whose life it is: a pipeline."""


@value_object
class Sign:
    """One figure of a running job."""

    name: str
    """Name in CloudWatch."""
    unit: str
    """Unit of CloudWatch."""
    meaning: str


SILENCE: Final = Sign(
    name="SecondsSinceStep", unit="Seconds", meaning="time since the last metric line, or since the container started"
)
CHECKPOINT_AGE: Final = Sign(
    name="CheckpointAge", unit="Seconds", meaning="work that was not durable at the last metric line"
)
RUNNING: Final = Sign(
    name="RunSeconds", unit="Seconds", meaning="time since the run first started, over all its interruptions"
)
CORRUPT: Final = Sign(
    name="CheckpointsQuarantined", unit="Count", meaning="commits that did not verify and were put aside"
)
SIGNS: Final = (SILENCE, CHECKPOINT_AGE, RUNNING, CORRUPT)


def line(subject: str, values: Mapping[Sign, float], *, at: float, job: str = "") -> str:
    """Write signs as one log event.

    Args:
        subject: Whose they are.
        values: Figures.
        at: Seconds since 1970.
        job: Name of the job, which is kept with them but is no dimension: each value of one is a metric of its own.

    Raises:
        ContractError: No figure.
    """
    if not values:
        reject("values", {}, "an event holds one figure or more", "Leave the line out.")
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": sign.name, "Unit": sign.unit} for sign in values],
    }
    document = {
        "_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [directive]},
        DIMENSION: subject,
        "Job": job,
        **{sign.name: round(float(value), 3) for sign, value in values.items()},
    }
    return json.dumps(document, separators=(",", ":"))
