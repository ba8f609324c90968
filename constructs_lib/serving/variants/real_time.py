"""Instances that answer while the caller waits."""

from __future__ import annotations

from typing import Literal, Self

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import model_validator

from constructs_lib.serving.binding import Binding, given
from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.models.base import Model
from constructs_lib.serving.resources import ServingResources
from constructs_lib.serving.variants.base import Production, Variant

Routing = Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"]


class RealTime(Variant):
    """Instances that hold one model."""

    model: Model
    """What they serve."""
    resources: ServingResources
    """The instances."""
    routing: Routing | None = None
    """Which instance gets a request: the one with the fewest open ones, or any; SageMaker's default otherwise."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.model.check(self.resources.instance_type)
        return self

    @property
    def served(self) -> Model:
        return self.model

    @property
    def instance_type(self) -> str:
        return self.resources.instance_type

    def bind(self, scope: Construct, binding: Binding) -> Production:
        model = self.model.bind(scope, binding)
        routing = sagemaker.CfnEndpointConfig.RoutingConfigProperty(routing_strategy=self.routing)
        properties = {"routing_config": routing if self.routing else None}
        return Production(
            variant_name=self.name,
            model_name=model.attr_model_name,
            initial_variant_weight=self.weight,
            **self.resources.render(),
            **given(properties),
        )

    def hosted(self, endpoint: str, kind: Kind, resource: sagemaker.CfnEndpoint) -> Hosted:
        return Hosted(
            kind="multi-model" if kind == "real-time" and self.model.multi_model else kind,
            endpoint=endpoint,
            variant=self.name,
            instance_type=self.resources.instance_type,
            instance_count=self.resources.instance_count,
            resource=resource,
        )
