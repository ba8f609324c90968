"""What an update is watched by: each makes one alarm of each variant or component.

Sources, read 2026-11-21: "Auto-Rollback Configuration and Monitoring" and "Amazon SageMaker AI metrics in Amazon
CloudWatch", SageMaker Developer Guide: a request counts 1 in Invocation5XXErrors where the model answered with 5xx and
0 otherwise, so their average is the rate; latencies are microseconds; memory of GPUs is summed over those of an
instance, but normalised for components.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.metrics import metric_of
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance

Missing = Literal["notBreaching", "missing"]


class Watch(Value):
    """One condition that takes an update back."""

    name: ClassVar[str]
    """Part of the alarm's name."""
    metric: ClassVar[str]
    """Name in CloudWatch."""
    # A fleet that nobody asks sends no datum, and is not wrong for it.
    missing: ClassVar[Missing] = "notBreaching"

    period_seconds: Literal[10, 20, 30, 60, 120, 300] = 60
    """Length of one period; SageMaker publishes once a minute unless the endpoint says otherwise."""
    periods: int = Field(default=3, ge=1, le=60)
    """Periods that are looked at together."""
    of_these: int = Field(default=2, ge=1, le=60)
    """How many of them must be beyond the threshold."""

    @model_validator(mode="after")
    def _check_periods(self) -> Self:
        if self.of_these > self.periods:
            reject("of_these", self.of_these, f"it is at most periods, {self.periods}", "Look at more periods.")
        return self

    @property
    def seconds(self) -> int:
        """Least time from the first bad datum to the alarm."""
        return self.period_seconds * self.of_these

    @abstractmethod
    def threshold(self, hosted: Hosted, /) -> dict[str, Any]:
        """Statistic and threshold of the alarm.

        Raises:
            ContractError: ``hosted`` has no such metric.
        """

    def metric_name(self, _hosted: Hosted, /) -> str:
        """Name of the metric in CloudWatch."""
        return self.metric

    def alarm_name(self, hosted: Hosted) -> str:
        """Name of the alarm, known before anything exists: the role that looks at alarms names it."""
        return "-".join((hosted.endpoint, hosted.component or hosted.variant, self.name))

    def bind(self, scope: Construct, hosted: Hosted, actions: list[str]) -> cloudwatch.CfnAlarm:
        """Make the alarm for ``hosted``.

        Args:
            scope: Parent.
            hosted: What is watched.
            actions: ARNs that are told when it is raised.

        Raises:
            ContractError: ``hosted`` has no such metric.
        """
        metric = metric_of(hosted, self.metric_name(hosted), field=f"rollout.alarms.{type(self).__name__}")
        return cloudwatch.CfnAlarm(
            scope,
            f"{hosted.component or hosted.variant}-{self.name}",
            alarm_name=self.alarm_name(hosted),
            alarm_description=f"{metric.name} of {hosted.endpoint}: while it is raised, an update is taken back",
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in metric.dimensions(hosted).items()
            ],
            comparison_operator="GreaterThanThreshold",
            period=self.period_seconds,
            evaluation_periods=self.periods,
            datapoints_to_alarm=self.of_these,
            treat_missing_data=self.missing,
            alarm_actions=actions or None,
            **self.threshold(hosted),
        )


class ServerErrorRate(Watch):
    """Too large a part of the requests ended with 5xx."""

    name: ClassVar[str] = "5xx-rate"
    metric: ClassVar[str] = "Invocation5XXErrors"

    percent: float = Field(gt=0, lt=100)
    """Largest share of the requests of a period, per cent."""

    def threshold(self, _hosted: Hosted, /) -> dict[str, Any]:
        return {"statistic": "Average", "threshold": self.percent / 100}


class ServerErrors(Watch):
    """Too many requests ended with 5xx, however many there were."""

    name: ClassVar[str] = "5xx-count"
    metric: ClassVar[str] = "Invocation5XXErrors"

    count: int = Field(ge=0)
    """Largest number in one period."""

    def threshold(self, _hosted: Hosted, /) -> dict[str, Any]:
        return {"statistic": "Sum", "threshold": self.count}


class SlowAnswers(Watch):
    """One request in a hundred takes the model too long."""

    name: ClassVar[str] = "p99-latency"
    metric: ClassVar[str] = "ModelLatency"

    p99_milliseconds: float = Field(gt=0)
    """Largest 99th percentile of the time in the container, milliseconds."""

    def threshold(self, _hosted: Hosted, /) -> dict[str, Any]:
        # A percentile of few requests is one slow request.
        return {"extended_statistic": "p99", "threshold": self.p99_milliseconds * 1000,
                "evaluate_low_sample_count_percentile": "ignore"}  # fmt: skip


class GpuMemory(Watch):
    """The memory of the GPUs is nearly full: the next batch may not fit."""

    name: ClassVar[str] = "gpu-memory"
    metric: ClassVar[str] = "GPUMemoryUtilization"
    # Instances publish by themselves: their silence is no sign of health.
    missing: ClassVar[Missing] = "missing"

    percent: float = Field(gt=0, lt=100)
    """Largest use on average over the GPUs, per cent of one's memory."""

    def metric_name(self, hosted: Hosted, /) -> str:
        return f"{self.metric}Normalized" if hosted.kind == "component" else self.metric

    def threshold(self, hosted: Hosted, /) -> dict[str, Any]:
        if hosted.kind == "component":
            return {"statistic": "Maximum", "threshold": self.percent}
        assert hosted.instance_type is not None
        found = instance(hosted.instance_type)
        if found.device is None or found.device.runs_on != "cuda":
            reject("rollout.alarms.GpuMemory", hosted.instance_type, "the type has no GPU, so there is no such metric",
                   "Leave GpuMemory out for it.")  # fmt: skip
        return {"statistic": "Maximum", "threshold": self.percent * found.accelerators}
