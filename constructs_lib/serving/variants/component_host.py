"""Instances that inference components share.

Sources, read 2026-11-21: "Scale an endpoint to zero instances", SageMaker AI Developer Guide; CreateEndpointConfig and
ProductionVariantManagedInstanceScaling, SageMaker API reference.
"""

from __future__ import annotations

from typing import Self

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving.binding import Binding, Deployed
from constructs_lib.serving.components import Component, InferenceComponent, ModelComponent
from constructs_lib.serving.components.share import capacity
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.resources import ServingResources
from constructs_lib.serving.variants.base import Production, Variant
from constructs_lib.serving.variants.real_time import Routing, routing
from constructs_lib.values import Value
from ml_contract.errors import reject


class ManagedScaling(Value):
    """Instances that SageMaker adds and removes as copies of components need room."""

    minimum: int = Field(ge=0)
    """Least instances; 0: the endpoint costs nothing while all components have no copies."""
    maximum: int = Field(ge=1)
    """Most instances."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.minimum > self.maximum:
            reject("minimum", self.minimum, f"it is at most maximum, {self.maximum}", "Swap the two.")
        return self

    def render(self) -> sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty:
        return sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty(
            status="ENABLED", min_instance_count=self.minimum, max_instance_count=self.maximum
        )


class ComponentHost(Variant):
    """A variant without a model: its instances hold inference components."""

    hosts_components = True

    resources: ServingResources
    """The instances."""
    components: tuple[SerializeAsAny[Component], ...] = Field(min_length=1)
    """What they hold."""
    managed: ManagedScaling | None = None
    """How instances follow the copies; None: their number stays, and copies share what there is."""
    routing: Routing | None = None
    """Which copy gets a request; SageMaker's default otherwise."""
    isolated: bool = False
    """Whether the containers of all components reach no network."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scaling is not None:
            reject("scaling", type(self.scaling).__name__, "copies of components scale, and instances follow them",
                   "Give the components scaling, and managed=ManagedScaling(…).")  # fmt: skip
        names = [component.name for component in self.components]
        if len(set(names)) < len(names):
            reject("components", names, "each component has its own name", "Rename one of them.")
        for component in self.components:
            component.check(self.resources)
            self._check_component(component)
        self.resources.machine_image(self._cuda)
        if not self.resources.fallbacks:
            self._check_room()
        if self.managed and not self.managed.minimum <= self.resources.instance_count <= self.managed.maximum:
            reject("resources.instance_count", self.resources.instance_count,
                   f"managed scaling keeps {self.managed.minimum} to {self.managed.maximum} instances",
                   "Begin with a number in between.")  # fmt: skip
        return self

    @property
    def _cuda(self) -> int | None:
        models = [component.model for component in self.components if isinstance(component, ModelComponent)]
        return max((model.cuda for model in models if model.cuda is not None), default=None)

    def _check_room(self) -> None:
        """Together, the copies that the components begin with need no more than all instances have."""
        most = self.managed.maximum if self.managed else self.resources.instance_count
        models = [component for component in self.components if isinstance(component, ModelComponent)]
        for what, there in capacity(self.resources.instance_type).items():
            needed = sum(component.copies * (getattr(component.share, what) or 0) for component in models)
            if needed > most * there:
                reject("components.copies", [component.copies for component in models],
                       f"their {what} come to {needed:g}, and {most} of {self.resources.instance_type} have "
                       f"{most * there:g}", "Begin with fewer copies, or allow more instances.")  # fmt: skip

    def _check_component(self, component: Component) -> None:
        models = [one.name for one in self.components if isinstance(one, ModelComponent)]
        if component.base_name is not None and component.base_name not in models:
            reject(f"components.{component.name}.base", component.base_name,
                   f"the models here are {', '.join(models) or 'none'}", "Name one of them.")  # fmt: skip
        if not isinstance(component, ModelComponent):
            return
        if component.model.network_isolation != self.isolated:
            reject(f"components.{component.name}.network_isolation", component.model.network_isolation,
                   f"isolation is of all components or of none, and isolated is {self.isolated}",
                   "Set both alike.")  # fmt: skip
        if component.scaling is not None and component.scaling.minimum == 0 and (
            self.managed is None or self.managed.minimum > 0
        ):  # fmt: skip
            reject(f"components.{component.name}.scaling.minimum", 0, "instances would stay, and cost, without a copy",
                   "Give managed=ManagedScaling(minimum=0, …), or keep at least one copy.")  # fmt: skip

    @property
    def instances(self) -> ServingResources:
        return self.resources

    @property
    def scales(self) -> bool:
        return self.managed is not None

    @property
    def network_isolation(self) -> bool:
        return self.isolated

    def bind(self, _scope: Construct, _binding: Binding) -> Production:
        return Production(
            variant_name=self.name,
            initial_variant_weight=self.weight,
            routing_config=routing(self.routing),
            managed_instance_scaling=self.managed.render() if self.managed else None,
            **self.resources.render(self._cuda),
        )

    def follow(self, scope: Construct, deployed: Deployed) -> tuple[Hosted, ...]:
        made = {
            component.name: InferenceComponent(
                scope, component.name, component=component, deployed=deployed, variant=self.name,
                resources=self.resources,
            )
            for component in self.components
        }  # fmt: skip
        for component in self.components:
            if component.base_name is not None:
                made[component.name].node.add_dependency(made[component.base_name].resource)
        return tuple(one.hosted for one in made.values() if one.hosted is not None)
