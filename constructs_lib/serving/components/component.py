"""Inference components: models that share the instances of one variant, each with its part of them.

Sources of the limits, read 2026-11-21: CreateInferenceComponent, InferenceComponentSpecification and what they hold,
SageMaker API reference.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, Self

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.serving.binding import Binding, Deployed, given
from constructs_lib.serving.components.share import Share
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.models.base import Model
from constructs_lib.serving.models.data import Archive
from constructs_lib.serving.resources import ServingResources
from constructs_lib.serving.rollout.rolling import Rolling
from constructs_lib.serving.scaling import Scaling
from constructs_lib.training.roles import grant_logs
from constructs_lib.values import Value
from ml_contract.errors import reject

NAME = r"^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$"
_Component = sagemaker.CfnInferenceComponent


class Component(Value):
    """What an inference component serves."""

    name: str = Field(pattern=NAME)
    """Name, which requests give (InferenceComponentName)."""

    scaling: Scaling | None = None
    """How the number of copies follows the load; None: it stays."""
    rollout: Rolling | None = None
    """How its updates replace copies; None: all at once, and no alarm takes them back."""

    @property
    def base_name(self) -> str | None:
        """Component that must exist before; None for one that stands alone."""
        return None

    def check(self, resources: ServingResources) -> None:
        """Refuse instances that cannot hold it.

        Raises:
            ContractError: They cannot.
        """

    @abstractmethod
    def render(self, scope: Construct, binding: Binding, resources: ServingResources) -> dict[str, Any]:
        """Properties of the inference component, but name, endpoint and variant."""

    @abstractmethod
    def hosted(self, deployed: Deployed, variant: str, resources: ServingResources, made: _Component) -> Hosted | None:
        """What scaling and alarms are told of it; None where nothing of it scales."""


class ModelComponent(Component):
    """Copies of a model."""

    model: SerializeAsAny[Model]
    """What they serve: one container."""
    share: Share
    """What one copy takes."""
    shares: dict[str, Share] = Field(default_factory=dict)
    """Other shares by instance type, where the host has fallbacks that need them."""
    copies: int = Field(default=1, ge=0)
    """Copies that it begins with."""
    placement: Literal["SPREAD", "BINPACK"] | None = None
    """Whether copies spread over the instances or fill one after the other; SageMaker's default otherwise."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.model.multi_model or self.model.several_containers:
            reject("model", type(self.model).__name__, "an inference component is one container with one model",
                   "Make a component of each model.")  # fmt: skip
        return self

    def _share(self, instance_type: str) -> Share:
        return self.shares.get(instance_type, self.share)

    def check(self, resources: ServingResources) -> None:
        for name in self.shares:
            if name not in resources.fallbacks:
                reject(f"shares.{name}", name, f"the host's fallbacks are {', '.join(resources.fallbacks) or 'none'}",
                       "Name one of them, or leave it out.")  # fmt: skip
        for name in resources.types:
            share = self._share(name)
            share.check(name)
            self.model.check(name, share.accelerators or 0)

    def render(self, scope: Construct, binding: Binding, resources: ServingResources) -> dict[str, Any]:
        model = self.model.bind(scope, binding).attr_model_name
        grant_logs(binding.role, f"InferenceComponents/{self.name}")
        runtime = _Component.InferenceComponentRuntimeConfigProperty(copy_count=self.copies)
        common = given(
            {
                "model_name": model,
                "startup_parameters": _Component.InferenceComponentStartupParametersProperty(**resources.times()),
                "scheduling_config": self._scheduling(),
            }
        )
        if not resources.fallbacks:
            one = _Component.InferenceComponentSpecificationProperty(
                compute_resource_requirements=self.share.render(), **common
            )
            return {"specification": one, "runtime_config": runtime}
        each = [
            _Component.InferenceComponentSpecificationForInstanceTypeProperty(
                instance_type=name, compute_resource_requirements=self._share(name).render(), **common
            )
            for name in resources.types
        ]
        return {"specifications": each, "runtime_config": runtime}

    def _scheduling(self) -> _Component.InferenceComponentSchedulingConfigProperty | None:
        if self.placement is None:
            return None
        # The CloudFormation schema asks for the balance of zones, and knows one way of it.
        balance = _Component.InferenceComponentAvailabilityZoneBalanceProperty(enforcement_mode="PERMISSIVE")
        return _Component.InferenceComponentSchedulingConfigProperty(
            placement_strategy=self.placement, availability_zone_balance=balance
        )

    def hosted(self, deployed: Deployed, variant: str, resources: ServingResources, made: _Component) -> Hosted:
        return Hosted(
            kind="component",
            endpoint=deployed.name,
            variant=variant,
            component=self.name,
            instance_type=resources.instance_type,
            instance_count=self.copies,
            resource=made,
        )


class AdapterComponent(Component):
    """An adapter, such as LoRA weights, that a component loads beside its model and in its share."""

    base: str = Field(pattern=NAME)
    """Name of the component that loads it."""
    data: Archive
    """The adapter's weights."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scaling is not None or self.rollout is not None:
            reject("base", self.base, "an adapter has no copies of its own: it scales and is replaced with its base",
                   "Give scaling and rollout to the base.")  # fmt: skip
        return self

    @property
    def base_name(self) -> str:
        return self.base

    def render(self, _scope: Construct, binding: Binding, _resources: ServingResources) -> dict[str, Any]:
        self.data.grant_read(binding.role)
        container = _Component.InferenceComponentContainerSpecificationProperty(artifact_url=self.data.uri)
        return {
            "specification": _Component.InferenceComponentSpecificationProperty(
                base_inference_component_name=self.base, container=container
            )
        }

    def hosted(self, _deployed: Deployed, _variant: str, _resources: ServingResources, _made: _Component) -> None:
        return None
