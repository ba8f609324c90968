"""What an endpoint runs: a copy of configuration and models as they were when it was created or updated.

A copy, because an endpoint goes on when its model is deleted, and comes back after a restart of the cloud.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.hosting.models import find_model, resolved

# What holds here when the configuration names no time-outs; ProductionVariant's documentation states no defaults.
_START_SECONDS = 300.0
_DOWNLOAD_SECONDS = 900.0


@dataclass(frozen=True, kw_only=True)
class VariantPlan:
    """One production variant."""

    name: str
    model: str
    """Name of the model, for messages."""
    image: str
    """Image URI."""
    data_url: str
    """s3:// address of model.tar.gz."""
    variables: Mapping[str, str]
    """Environment of the model's container."""
    role: str
    """ARN of the model's execution role."""
    isolated: bool
    """Whether the container gets no credentials (EnableNetworkIsolation)."""
    instance_type: str
    count: int
    """Instances: model servers."""
    weight: float
    """Share of the requests, relative to the other variants' weights."""
    routing: str
    """LEAST_OUTSTANDING_REQUESTS or RANDOM, among the instances."""
    start_seconds: float
    """Longest time from a container's start to its first healthy answer."""
    download_seconds: float
    """Longest time for the model data."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that an endpoint runs."""

    id: str
    """Names the folder of its files."""
    config: str
    """Name of the endpoint configuration."""
    variants: Sequence[VariantPlan]

    def to_json(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Plan":
        """From the store."""
        variants = [VariantPlan(**variant) for variant in raw["variants"]]
        return cls(id=raw["id"], config=raw["config"], variants=variants)


def make_plan(context: Context, config: Mapping[str, Any], weights: Mapping[str, float]) -> Plan:
    """The plan of a configuration.

    Args:
        context: the store with the models.
        config: the configuration's document.
        weights: weights by variant that take the place of the configuration's.

    Raises:
        ServiceError: ValidationException, a model does not exist any more.
    """
    variants = [_variant(context, variant, weights) for variant in config["ProductionVariants"]]
    return Plan(id=uuid.uuid4().hex[:12], config=config["EndpointConfigName"], variants=variants)


def _variant(context: Context, variant: Mapping[str, Any], weights: Mapping[str, float]) -> VariantPlan:
    model = find_model(context, variant["ModelName"])
    container = resolved(model)
    name = variant["VariantName"]
    return VariantPlan(
        name=name,
        model=variant["ModelName"],
        image=container["Image"],
        data_url=container["ModelDataUrl"],
        variables=container["Environment"],
        role=model["ExecutionRoleArn"],
        isolated=model["EnableNetworkIsolation"],
        instance_type=variant["InstanceType"],
        count=variant["InitialInstanceCount"],
        weight=weights.get(name, variant["InitialVariantWeight"]),
        routing=variant.get("RoutingConfig", {}).get("RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS"),
        start_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _START_SECONDS),
        download_seconds=variant.get("ModelDataDownloadTimeoutInSeconds", _DOWNLOAD_SECONDS),
    )
