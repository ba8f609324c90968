"""What every variant has in common: a name, a share of the traffic, how it scales."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Protocol

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, SkipValidation

from constructs_lib.serving.binding import Binding
from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.models.base import Model
from constructs_lib.values import Value

NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
"""Names of endpoints and variants: CreateEndpointConfig, SageMaker API reference, read 2026-11-21."""
Production = sagemaker.CfnEndpointConfig.ProductionVariantProperty


class Scales(Protocol):
    """How the instances or copies of a variant follow its load."""

    def check(self, hosted: Hosted) -> None:
        """Refuse what cannot be scaled so."""

    def bind(self, scope: Construct, hosted: Hosted) -> Any:
        """Make the target and the policies below ``scope``."""


class Variant(Value):
    """A part of an endpoint's traffic and what answers it."""

    serverless: ClassVar[bool] = False
    """Whether SageMaker brings instances as requests come."""

    name: str = Field(default="live", pattern=NAME)
    """Name; the same over all updates, or blue/green deployments are refused."""
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """Share of the traffic, relative to the sum of all variants' weights; of a shadow, of the requests copied to it."""
    scaling: Annotated[Scales | None, SkipValidation] = None
    """How it follows its load; None: it stays as it is."""

    @property
    def served(self) -> Model | None:
        """The model that the variant itself names; None where components bring theirs."""
        return None

    @property
    def instance_type(self) -> str | None:
        """Type of its instances; None for serverless."""
        return None

    def bind(self, scope: Construct, binding: Binding) -> Production:
        """Make what it needs below ``scope`` and describe it for the endpoint's configuration."""
        raise NotImplementedError

    def hosted(self, endpoint: str, kind: Kind, resource: sagemaker.CfnEndpoint) -> Hosted:
        """What scaling and alarms are told of it.

        Args:
            endpoint: Name of the endpoint.
            kind: How the endpoint serves, where the variant does not decide about it.
            resource: The endpoint.
        """
        raise NotImplementedError
