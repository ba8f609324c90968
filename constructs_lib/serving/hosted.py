"""What scaling, rollouts, alarms and monitors are told of something that serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import aws_cdk as cdk

Kind = Literal["real-time", "multi-model", "asynchronous", "serverless", "component"]


@dataclass(frozen=True, kw_only=True)
class Hosted:
    """A variant of an endpoint, or an inference component on one."""

    kind: Kind
    """How it serves: what may be scaled, watched and rolled out depends on it."""
    endpoint: str
    """Name of the endpoint, known at synth."""
    variant: str
    """Name of the production variant; the same over all updates."""
    component: str | None = None
    """Name of the inference component; None for a variant that holds its model itself."""
    instance_type: str | None = None
    """Type of its instances, for example ``ml.g5.xlarge``; None for serverless."""
    instance_count: int | None = None
    """Instances, or copies of a component, that it begins with; None for serverless."""
    provisioned_concurrency: int | None = None
    """Requests at once that a serverless variant is kept warm for; None without."""
    max_concurrency: int | None = None
    """Requests at once that a serverless variant answers; None for others."""
    resource: cdk.CfnResource
    """What must exist before a policy can name it."""
