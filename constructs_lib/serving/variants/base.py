"""What every variant has in common: a name, a share of the traffic, how it scales."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field

from constructs_lib.serving.binding import Binding, Deployed
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.models.base import Model
from constructs_lib.serving.resources import ServingResources
from constructs_lib.serving.scaling import Scaling
from constructs_lib.values import Value

NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
"""Names of endpoints and variants: CreateEndpointConfig, SageMaker API reference, read 2026-11-21."""
Production = sagemaker.CfnEndpointConfig.ProductionVariantProperty


class Variant(Value):
    """A part of an endpoint's traffic and what answers it."""

    serverless: ClassVar[bool] = False
    """Whether SageMaker brings capacity as requests come."""
    hosts_components: ClassVar[bool] = False
    """Whether it holds inference components in place of a model."""

    name: str = Field(default="live", pattern=NAME)
    """Name; the same over all updates, or blue/green deployments are refused."""
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """Share of the traffic, relative to the sum of all variants' weights. Of a shadow, the copied share: 0.25 copies a
    quarter of the requests of a variant that weighs 1."""
    scaling: Scaling | None = None
    """How it follows its load; None: it stays as it is."""

    @property
    def served(self) -> Model | None:
        """The model that the variant itself names; None where components bring theirs."""
        return None

    @property
    def instances(self) -> ServingResources | None:
        """Its instances; None for serverless."""
        return None

    @property
    def scales(self) -> bool:
        """Whether the number of its instances changes while it serves, which an update would undo."""
        return self.scaling is not None

    @property
    def network_isolation(self) -> bool:
        """Whether its containers reach no network."""
        return self.served is not None and self.served.network_isolation

    @abstractmethod
    def bind(self, scope: Construct, binding: Binding) -> Production:
        """Make what it needs below ``scope`` and describe it for the endpoint's configuration."""

    @abstractmethod
    def follow(self, scope: Construct, deployed: Deployed) -> tuple[Hosted, ...]:
        """Make what comes after the endpoint below ``scope``, and say what there is to scale and to watch."""


class ModelVariant(Variant):
    """A variant that holds a model itself, and scales as a whole."""

    def follow(self, scope: Construct, deployed: Deployed) -> tuple[Hosted, ...]:
        hosted = self.hosted(deployed)
        if self.scaling is not None:
            self.scaling.bind(scope, hosted)
        return (hosted,)

    @abstractmethod
    def hosted(self, deployed: Deployed) -> Hosted:
        """What scaling and alarms are told of it."""
