"""A component on a variant of an endpoint."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.serving.binding import Deployed
from constructs_lib.serving.components.component import Component
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.resources import ServingResources


class InferenceComponent(Construct):
    """The model of a component, the component itself, what scales it and what takes its updates back."""

    resource: sagemaker.CfnInferenceComponent
    hosted: Hosted | None
    """What there is to scale and to watch; None for an adapter."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        component: Component,
        deployed: Deployed,
        variant: str,
        resources: ServingResources,
    ) -> None:
        """Make the component.

        Args:
            scope: Parent.
            construct_id: Construct id.
            component: What it serves.
            deployed: The endpoint.
            variant: Name of the variant that holds the component.
            resources: Instances of the variant.
        """
        super().__init__(scope, construct_id)
        self.resource = sagemaker.CfnInferenceComponent(
            self,
            "Component",
            inference_component_name=component.name,
            endpoint_name=deployed.resource.attr_endpoint_name,
            variant_name=variant,
            **component.render(self, deployed.binding, resources),
        )
        self.hosted = component.hosted(deployed, variant, resources, self.resource)
        if self.hosted is None:
            return
        if component.scaling is not None:
            component.scaling.bind(self, self.hosted)
        if component.rollout is not None:
            self.resource.deployment_config = component.rollout.bind_component(self, self.hosted, deployed.binding.role)
