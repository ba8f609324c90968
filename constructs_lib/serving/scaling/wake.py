"""The way back from zero, where no instance and no copy is left to publish what a target is held against."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from constructs_lib.serving.hosted import Kind
from constructs_lib.serving.metrics import metric_of
from constructs_lib.serving.scaling.alarms import alarm, step_policy
from constructs_lib.serving.scaling.base import Rule, Target
from constructs_lib.serving.scaling.intervals import Step


class WakeFromZero(Rule):
    """Adds capacity when a request finds none.

    The queue of an asynchronous endpoint keeps the request; that to an inference component fails, and so do the next
    ones for some minutes. Source: "Autoscale an asynchronous endpoint" and "Scale an endpoint to zero instances",
    SageMaker Developer Guide, read 2026-11-21.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"asynchronous", "component"})
    why_not: ClassVar[str] = "it never has zero instances"
    instead: ClassVar[dict[Kind, str]] = {"serverless": "Leave it out: serverless starts by itself."}

    add: int = Field(default=1, ge=1, le=1000)
    """Instances or copies to begin with; one by default."""
    cooldown_seconds: int = Field(default=300, ge=0, le=86400)
    """Pause before more is added for the same reason: at least as long as a start takes."""

    def bind(self, target: Target) -> None:
        waiting = target.hosted.kind == "asynchronous"
        name = "HasBacklogWithoutCapacity" if waiting else "NoCapacityInvocationFailures"
        policy = step_policy(target, "WakeFromZero", adjustment="ChangeInCapacity", cooldown=self.cooldown_seconds,
                             aggregation="Average" if waiting else "Maximum",
                             steps=(Step(lower=0, change=self.add),))  # fmt: skip
        alarm(target, "WakeFromZero", metric_of(target.hosted, name, field="scaling.rules.WakeFromZero"), policy,
              statistic="Average" if waiting else "Sum", threshold=1, comparison="GreaterThanOrEqualToThreshold",
              period=60, periods=2 if waiting else 1,
              # Nothing is published while nobody asks.
              missing="notBreaching")  # fmt: skip
