"""What an environment says of how its clusters are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.observability import (
    GrafanaSettings,
    MetricImages,
    MetricsSettings,
    MetricsWorkspace,
    Storm,
    Watched,
)
from constructs_lib.retention import LogDays
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.symptoms import CHECKPOINT_AGE, CHECKPOINT_CORRUPT, TRAINING_STUCK


class Observability(Value):
    """Metrics, pages, events and alarms of an environment's clusters."""

    metrics: MetricsSettings
    """What Prometheus keeps and evaluates."""
    grafana: GrafanaSettings | None
    """Where pages are looked at; None: somewhere else."""
    watched: tuple[SerializeAsAny[Watched], ...] = Field(min_length=1)
    """Events of a cluster that people are told, each kind once."""
    storm: Storm | None = None
    """More events than usual, which raise an alarm; none by default."""
    log_days: LogDays
    """Days that the log of each cluster's events is kept."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        told = {rule.symptom for group in self.metrics.rules for rule in group.alerts}
        for symptom in (TRAINING_STUCK, CHECKPOINT_AGE, CHECKPOINT_CORRUPT):
            if symptom not in told:
                reject("metrics.rules", [group.name for group in self.metrics.rules],
                       f"of a run on a cluster nobody is told the symptom {symptom.name}",
                       "Add training(silent_minutes=…, checkpoint_minutes=…).")  # fmt: skip
        return self


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What clusters are given of it."""

    settings: Observability
    topic: sns.ITopic
    """Who is told."""
    key: kms.IKey
    """Key of messages and logs, which the log service may use."""
    workspace: MetricsWorkspace
    images: MetricImages
    """What measures nodes, in the account's registry, and the note that it is there."""
