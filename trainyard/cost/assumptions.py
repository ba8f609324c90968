"""What no template tells: how much is used. Each has a default that is shown beside its figure, and can be set."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml_contract.errors import reject

_LARGEST = 1e12


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """One quantity of use."""

    name: str
    default: float
    unit: str
    """Read after the number."""
    most: float = _LARGEST
    """The largest value that makes sense."""


KNOWN = {
    each.name: each
    for each in (
        Assumption(name="runs_per_month", default=4, unit="runs of a pipeline or job a month"),
        Assumption(name="run_share", default=1, unit="of its time limit that a job takes", most=1),
        Assumption(name="jobs_cost_as_hosting", default=1, unit="yes (1) or no (0)", most=1),
        Assumption(name="transform_hours", default=1, unit="hours of a batch transform"),
        Assumption(name="log_gb_per_month", default=5, unit="GB written to a log group a month"),
        Assumption(name="flow_log_gb_per_month", default=20, unit="GB that a flow log writes a month"),
        Assumption(name="nat_gb_per_month", default=100, unit="GB through a NAT gateway a month"),
        Assumption(name="interface_endpoint_gb_per_month", default=50, unit="GB through an interface endpoint a month"),
        Assumption(name="s3_gb", default=500, unit="GB in a bucket"),
        Assumption(name="s3_writes_per_month", default=100_000, unit="writes to a bucket a month"),
        Assumption(name="s3_reads_per_month", default=1_000_000, unit="reads of a bucket a month"),
        Assumption(name="ecr_gb", default=20, unit="GB of images in a repository"),
        Assumption(name="kms_requests_per_month", default=100_000, unit="requests to a key a month"),
        Assumption(name="secret_requests_per_month", default=1_000, unit="readings of a secret a month"),
        Assumption(name="inference_gb_per_month", default=10, unit="GB of requests and answers of an endpoint a month"),
        Assumption(name="serverless_requests_per_month", default=100_000, unit="serverless requests a month"),
        Assumption(name="serverless_seconds", default=0.5, unit="seconds that a serverless request takes"),
        Assumption(name="prometheus_million_samples_per_month", default=1_000, unit="million samples a month"),
        Assumption(name="prometheus_gb", default=20, unit="GB of samples that a workspace keeps"),
        Assumption(name="prometheus_queried_billions", default=10, unit="billion samples that queries read a month"),
        Assumption(name="grafana_editors", default=2, unit="editors and administrators a month"),
        Assumption(name="grafana_viewers", default=5, unit="viewers a month"),
        Assumption(name="sns_requests_per_month", default=10_000, unit="publications to a topic a month"),
        Assumption(name="sqs_requests_per_month", default=1_000_000, unit="requests to a queue a month"),
        Assumption(name="lambda_requests_per_month", default=10_000, unit="calls of a function a month"),
        Assumption(name="lambda_seconds", default=1, unit="seconds that a call takes"),
        Assumption(name="state_transitions_per_month", default=1_000, unit="transitions of a state machine a month"),
        Assumption(name="codebuild_minutes_per_month", default=200, unit="minutes that a project builds a month"),
        Assumption(name="fsx_backup_share", default=0.5, unit="of a file system's capacity that its backups hold"),
    )
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """The quantities in force."""

    given: Mapping[str, float]
    """What a user set; the rest is as in `KNOWN`."""

    def __getitem__(self, name: str) -> float:
        return self.given.get(name, KNOWN[name].default)

    def said(self, name: str) -> str:
        """For people: ``log_gb_per_month=5``."""
        return f"{name}={self[name]:g}"


def parse(items: Sequence[str]) -> Assumptions:
    """Read NAME=VALUE items.

    Raises:
        ContractError: An unknown name, no number, or one that makes no sense.
    """
    given: dict[str, float] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals:
            reject("--assume", item, "it must look like NAME=VALUE", "Write for example --assume log_gb_per_month=50.")
        if name not in KNOWN:
            close = difflib.get_close_matches(name, KNOWN, n=3, cutoff=0.4)
            hint = f"Did you mean {', '.join(close)}?" if close else f"There are {', '.join(sorted(KNOWN))}."
            reject("--assume", name, "there is no such assumption", hint)
        if name in given:
            reject("--assume", item, f"{name} was given already", "Give every assumption once.")
        given[name] = _number(KNOWN[name], text)
    return Assumptions(given=given)


def _number(known: Assumption, text: str) -> float:
    field = f"--assume {known.name}"
    try:
        value = float(text)
    except ValueError:
        reject(field, text, f"it must be a number ({known.unit})", f"Write for example {known.name}={known.default:g}.")
    if not math.isfinite(value) or not 0 <= value <= known.most:
        reject(field, text, f"it must be between 0 and {known.most:g} ({known.unit})", "Give a value in that range.")
    return value
