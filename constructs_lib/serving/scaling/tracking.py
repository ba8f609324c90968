"""Rules that hold a metric near a target: Application Auto Scaling makes their alarms itself.

Sources, read 2026-11-21: PredefinedMetricSpecification, Application Auto Scaling API reference; "Define a scaling
policy", "Autoscale an asynchronous endpoint" and "Automatically scale Provisioned Concurrency for a serverless
endpoint", SageMaker Developer Guide. High-resolution metrics are published every ten seconds.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from aws_cdk import aws_applicationautoscaling as scaling
from pydantic import Field

from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.metrics import VARIANTS, metric_of
from constructs_lib.serving.scaling.base import Rule, Target
from ml_contract.errors import reject
from ml_contract.instances import instance

_Configuration = scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty
_SERVERLESS = "Use ProvisionedConcurrencyUtilization or Scheduled: nothing else of a serverless variant scales."
_BACKLOG = "Use Backlog: what waits in the queue says how many instances are missing."


class TargetTracking(Rule):
    """Adds and removes capacity so that a metric stays near a target."""

    scale_out_cooldown_seconds: int = Field(default=300, ge=0, le=86400)
    """Pause after capacity was added before more is; 300 is SageMaker's own."""
    scale_in_cooldown_seconds: int = Field(default=300, ge=0, le=86400)
    """Pause after capacity was removed before more is; 300 is SageMaker's own."""
    disable_scale_in: bool = False
    """Whether the rule only ever adds capacity; by default it also removes."""

    @property
    def scales_in(self) -> bool:
        return not self.disable_scale_in

    @property
    def watches(self) -> str | None:
        return type(self).__name__

    @abstractmethod
    def metric(self, hosted: Hosted, /) -> dict[str, Any]:
        """Target and metric, as the policy has them."""

    def bind(self, target: Target) -> None:
        name = type(self).__name__
        scaling.CfnScalingPolicy(
            target.scope,
            name,
            policy_name=name,
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.resource.ref,
            target_tracking_scaling_policy_configuration=_Configuration(
                disable_scale_in=self.disable_scale_in,
                scale_in_cooldown=self.scale_in_cooldown_seconds,
                scale_out_cooldown=self.scale_out_cooldown_seconds,
                **self.metric(target.hosted),
            ),
        )


def _predefined(name: str, target: float) -> dict[str, Any]:
    kind = scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty
    return {"target_value": target,
            "predefined_metric_specification": kind(predefined_metric_type=name)}  # fmt: skip


def _customised(hosted: Hosted, name: str, target: float) -> dict[str, Any]:
    metric = metric_of(hosted, name, field="scaling.rules")
    policy = scaling.CfnScalingPolicy
    specification = policy.CustomizedMetricSpecificationProperty(
        metric_name=metric.name,
        namespace=metric.namespace,
        dimensions=[
            policy.MetricDimensionProperty(name=key, value=value) for key, value in metric.dimensions(hosted).items()
        ],
        statistic="Average",
    )
    return {"target_value": target, "customized_metric_specification": specification}


class InvocationsPerInstance(TargetTracking):
    """Holds the requests a minute that each instance answers."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"real-time", "multi-model"})
    why_not: ClassVar[str] = "requests are counted per instance only where a variant answers them at once"
    instead: ClassVar[dict[Kind, str]] = {"asynchronous": _BACKLOG, "serverless": _SERVERLESS,
                                          "component": "Use InvocationsPerCopy."}  # fmt: skip

    per_minute: float = Field(gt=0)
    """Requests a minute and instance; measure with ``trainyard load`` what one instance answers in time."""

    def metric(self, _hosted: Hosted, /) -> dict[str, Any]:
        return _predefined("SageMakerVariantInvocationsPerInstance", self.per_minute)


class InvocationsPerCopy(TargetTracking):
    """Holds the requests a minute that each copy of an inference component answers."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"component"})
    why_not: ClassVar[str] = "only inference components have copies"
    instead: ClassVar[dict[Kind, str]] = {"real-time": "Use InvocationsPerInstance.",
                                          "multi-model": "Use InvocationsPerInstance.",
                                          "asynchronous": _BACKLOG, "serverless": _SERVERLESS}  # fmt: skip

    per_minute: float = Field(gt=0)
    """Requests a minute and copy."""

    def metric(self, _hosted: Hosted, /) -> dict[str, Any]:
        return _predefined("SageMakerInferenceComponentInvocationsPerCopy", self.per_minute)


class ConcurrentRequests(TargetTracking):
    """Holds the requests at once per model, or per copy of a component; reacts within seconds, not minutes.

    For long answers, such as streams of tokens: a count of requests a minute says little about them.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"real-time", "component"})
    why_not: ClassVar[str] = "the high-resolution metrics exist for single models and inference components"
    instead: ClassVar[dict[Kind, str]] = {"multi-model": "Use InvocationsPerInstance.", "asynchronous": _BACKLOG,
                                          "serverless": _SERVERLESS}  # fmt: skip

    at_once: float = Field(gt=0)
    """Requests that one model or copy has in hand at one time."""

    def metric(self, hosted: Hosted, /) -> dict[str, Any]:
        part = "InferenceComponentConcurrentRequestsPerCopy"
        if hosted.kind != "component":
            part = "VariantConcurrentRequestsPerModel"
        return _predefined(f"SageMaker{part}HighResolution", self.at_once)


class GpuUtilization(TargetTracking):
    """Holds how busy the GPUs are.

    A variant's metric is the sum over the GPUs of an instance, so its target grows with their number; that of a
    component is already normalised.
    """

    kinds: ClassVar[frozenset[Kind]] = VARIANTS | {"component"}
    why_not: ClassVar[str] = "it has no GPU"
    instead: ClassVar[dict[Kind, str]] = {"serverless": _SERVERLESS}

    percent: float = Field(gt=0, lt=100)
    """How busy each GPU is on average, percent of one. 100 can never be exceeded, so nothing would be added."""

    def check(self, hosted: Hosted) -> None:
        super().check(hosted)
        _gpus(hosted)

    def metric(self, hosted: Hosted, /) -> dict[str, Any]:
        if hosted.kind == "component":
            return _customised(hosted, "GPUUtilizationNormalized", self.percent)
        return _customised(hosted, "GPUUtilization", self.percent * _gpus(hosted))


def _gpus(hosted: Hosted) -> int:
    assert hosted.instance_type is not None
    found = instance(hosted.instance_type)
    if found.device is None or found.device.runs_on != "cuda":
        reject("scaling.rules.GpuUtilization", hosted.instance_type, "the type has no GPU, so there is no such metric",
               "Use InvocationsPerInstance, or a type with GPUs such as ml.g5.xlarge.")  # fmt: skip
    return found.accelerators


class Backlog(TargetTracking):
    """Holds the requests that wait in the queue of an asynchronous endpoint, per instance."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"asynchronous"})
    why_not: ClassVar[str] = "only an asynchronous endpoint has a queue"

    per_instance: float = Field(gt=0)
    """Waiting requests per instance."""

    def metric(self, hosted: Hosted, /) -> dict[str, Any]:
        return _customised(hosted, "ApproximateBacklogSizePerInstance", self.per_instance)


class ProvisionedConcurrencyUtilization(TargetTracking):
    """Holds the share of a serverless variant's provisioned concurrency that is in use."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"serverless"})
    why_not: ClassVar[str] = "only serverless variants have provisioned concurrency"

    share: float = Field(gt=0, lt=1)
    """Part of the provisioned concurrency in use, between 0 and 1."""

    def metric(self, _hosted: Hosted, /) -> dict[str, Any]:
        return _predefined("SageMakerVariantProvisionedConcurrencyUtilization", self.share)
