"""Instances that hold one model."""

from __future__ import annotations

from typing import Literal, Self

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import SerializeAsAny, model_validator

from constructs_lib.serving.binding import Binding, Deployed
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.models.base import Model
from constructs_lib.serving.resources import ServingResources
from constructs_lib.serving.variants.base import ModelVariant, Production

Routing = Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"]


class RealTime(ModelVariant):
    """Instances that hold one model and answer while the caller waits, or from a queue on an asynchronous endpoint."""

    model: SerializeAsAny[Model]
    """What they serve."""
    resources: ServingResources
    """The instances."""
    routing: Routing | None = None
    """Which instance gets a request: the one with the fewest open ones, or any; SageMaker's default otherwise."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.resources.types:
            self.model.check(name)
        self.resources.machine_image(self.model.cuda)
        return self

    @property
    def served(self) -> Model:
        return self.model

    @property
    def instances(self) -> ServingResources:
        return self.resources

    def bind(self, scope: Construct, binding: Binding) -> Production:
        model = self.model.bind(scope, binding)
        return Production(
            variant_name=self.name,
            model_name=model.attr_model_name,
            initial_variant_weight=self.weight,
            routing_config=routing(self.routing),
            **self.resources.render(self.model.cuda),
            **self.resources.times(),
        )

    def hosted(self, deployed: Deployed) -> Hosted:
        return Hosted(
            kind="multi-model" if self.model.multi_model else deployed.kind,
            endpoint=deployed.name,
            variant=self.name,
            instance_type=self.resources.instance_type,
            instance_count=self.resources.instance_count,
            resource=deployed.resource,
        )


def routing(strategy: Routing | None) -> sagemaker.CfnEndpointConfig.RoutingConfigProperty | None:
    """``RoutingConfig`` of a variant."""
    return sagemaker.CfnEndpointConfig.RoutingConfigProperty(routing_strategy=strategy) if strategy else None
