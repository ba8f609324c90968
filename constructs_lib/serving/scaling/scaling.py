"""How far something that serves may grow and shrink, and by which rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Self, TypeVar

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.scaling.base import Rule, Target, dimension, resource_id
from constructs_lib.serving.scaling.schedule import Scheduled
from constructs_lib.serving.scaling.steps import StepScaling
from constructs_lib.serving.scaling.wake import WakeFromZero
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_RULES = 50
"""Policies of one target. Source: "Quotas", Application Auto Scaling User Guide, read 2026-11-21."""
_R = TypeVar("_R", bound=Rule)
_BURSTABLE = re.compile(r"^ml\.t\d")


class Scaling(Value):
    """Limits and rules.

    Rules of combination: "Automatic scaling of Amazon SageMaker AI models", prerequisites and policy overview,
    SageMaker Developer Guide; "Target tracking scaling policies", Application Auto Scaling User Guide; read 2026-11-21.
    """

    minimum: int = Field(ge=0)
    """Least instances, copies, or provisioned concurrency of a serverless variant. 0 only with a WakeFromZero."""
    maximum: int = Field(ge=1)
    """Most instances, copies, or provisioned concurrency."""
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=MOST_RULES)
    """What moves the capacity between the two."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.minimum > self.maximum:
            reject("minimum", self.minimum, f"it is at most maximum, {self.maximum}", "Swap the two.")
        self._check_alone()
        self._check_zero()
        for rule in self._of(Scheduled):
            rule.check_range(self.minimum, self.maximum)
        return self

    def _of(self, kind: type[_R]) -> Iterator[_R]:
        return (rule for rule in self.rules if isinstance(rule, kind))

    def _check_alone(self) -> None:
        """No two rules under one name, on one metric, or against each other."""
        names = [rule.name for rule in self._of(StepScaling)] + [rule.name for rule in self._of(Scheduled)]
        watched = [rule.watches for rule in self.rules if rule.watches]
        for what, values in (
            ("hold the same metric", watched),
            ("have the same name", names),
            ("wake it", [type(rule).__name__ for rule in self._of(WakeFromZero)]),
        ):
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                reject("rules", twice[0], f"two rules {what}", "Keep one of them.")
        for rule in self._of(StepScaling):
            if rule.scales_in and watched:
                reject("rules", rule.name, f"its steps remove capacity while {watched[0]} still wants it",
                       "Let steps only add where a target is held.")  # fmt: skip

    def _check_zero(self) -> None:
        lowest = min([self.minimum, *(rule.lowest for rule in self.rules if rule.lowest is not None)])
        wakes = any(self._of(WakeFromZero))
        if lowest == 0 and not wakes:
            reject("minimum", lowest, "at zero nothing publishes what a target is held against, so it never comes back",
                   "Add WakeFromZero() to the rules, or keep at least 1.")  # fmt: skip
        if lowest > 0 and wakes:
            reject("rules", "WakeFromZero", f"the least capacity is {lowest}, so it would never act",
                   "Leave it out, or set minimum=0.")  # fmt: skip
        if lowest == 0 and not any(rule.scales_in for rule in self.rules) and not any(self._of(Scheduled)):
            reject("rules", [type(rule).__name__ for rule in self.rules], "no rule ever removes capacity",
                   "Add one that holds a target, or keep minimum=1.")  # fmt: skip

    def check(self, hosted: Hosted) -> None:
        """Refuse what cannot be scaled like this.

        Raises:
            ContractError: A rule is of another kind, or the limits do not fit what serves.
        """
        for rule in self.rules:
            rule.check(hosted)
        if hosted.instance_type and _BURSTABLE.match(hosted.instance_type):
            reject("scaling", hosted.instance_type, "burstable types cannot be scaled automatically",
                   "Take another type, for example ml.m5.large.")  # fmt: skip
        lowest = min([self.minimum, *(rule.lowest for rule in self.rules if rule.lowest is not None)])
        if lowest == 0 and hosted.kind in ("real-time", "multi-model", "serverless"):
            reject("scaling.minimum", lowest, f"what serves {hosted.kind} cannot have less than 1",
                   "Keep at least 1, or use an asynchronous endpoint or inference components.")  # fmt: skip
        if hosted.kind == "serverless":
            self._check_serverless(hosted)
        elif hosted.instance_count is not None and hosted.instance_count > self.maximum:
            reject("scaling.maximum", self.maximum, f"it begins with {hosted.instance_count}, of which all beyond the "
                   "maximum would be removed at once", "Begin with fewer.")  # fmt: skip

    def _check_serverless(self, hosted: Hosted) -> None:
        if hosted.provisioned_concurrency is None:
            reject("scaling", hosted.variant, "of a serverless variant only provisioned concurrency scales, and it "
                   "has none", "Give the variant provisioned concurrency.")  # fmt: skip
        limit = hosted.max_concurrency
        if limit is not None and self.maximum > limit:
            reject("scaling.maximum", self.maximum, f"the variant's max_concurrency is {limit}",
                   f"Give at most {limit}.")  # fmt: skip

    def bind(self, scope: Construct, hosted: Hosted) -> autoscaling.CfnScalableTarget:
        """Register ``hosted`` with Application Auto Scaling, and make the policies and alarms of the rules.

        Args:
            scope: Parent of the one construct ``Scaling`` that holds them: give each of several a parent of its own.
            hosted: What is scaled.

        Returns:
            The registration, which exists once ``hosted.resource`` does.

        Raises:
            ContractError: As ``check``.
        """
        self.check(hosted)
        inside = Construct(scope, "Scaling")
        resource = autoscaling.CfnScalableTarget(
            inside,
            "Target",
            service_namespace="sagemaker",
            resource_id=resource_id(hosted),
            scalable_dimension=dimension(hosted.kind),
            min_capacity=self.minimum,
            max_capacity=self.maximum,
        )
        resource.node.add_dependency(hosted.resource)
        target = Target(scope=inside, hosted=hosted, resource=resource)
        for rule in self.rules:
            rule.bind(target)
        if target.scheduled:
            resource.scheduled_actions = [*target.scheduled]
        return resource
