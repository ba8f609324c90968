"""The order in which a cluster's tasks get their turn."""

from __future__ import annotations

from typing import Literal, Self

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.governance.limits import (
    LONGEST_NAME,
    LONGEST_POLICY_NAME,
    MOST_CLASSES,
    MOST_WEIGHT,
    NAME,
    POLICY_NAME,
)
from constructs_lib.values import Value
from ml_contract.errors import reject


class PriorityClass(Value):
    """A rank that tasks name."""

    name: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    """Name; a task asks for it with the label ``kueue.x-k8s.io/priority-class: NAME-priority``."""
    weight: int = Field(ge=0, le=MOST_WEIGHT)
    """Rank: 100 goes first."""


class SchedulerPolicy(Value):
    """What decides between tasks, and between teams that borrow."""

    name: str = Field(pattern=POLICY_NAME, max_length=LONGEST_POLICY_NAME)
    """Name, once in a cluster."""
    classes: tuple[PriorityClass, ...] = Field(default=(), max_length=MOST_CLASSES)
    """Ranks of tasks; without any, the first to come is the first to run."""
    fair_share: Literal["Enabled", "Disabled"]
    """``Enabled``: teams borrow idle capacity by their weights. ``Disabled``: the first to ask borrows."""
    idle_sharing: Literal["Enabled", "Disabled"] | None = None
    """Whether what no quota names may be borrowed too; SageMaker's own choice by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [one.name for one in self.classes]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            reject("classes", twice[0], "a class has one weight", "Keep one of them.")
        return self

    def bind(self, scope: Construct, *, cluster_arn: str) -> sagemaker.CfnClusterSchedulerConfig:
        """Make the policy for the cluster."""
        return sagemaker.CfnClusterSchedulerConfig(
            scope,
            "Policy",
            cluster_arn=cluster_arn,
            name=self.name,
            scheduler_config=sagemaker.CfnClusterSchedulerConfig.SchedulerConfigProperty(
                fair_share=self.fair_share,
                idle_resource_sharing=self.idle_sharing,
                priority_classes=[
                    sagemaker.CfnClusterSchedulerConfig.PriorityClassProperty(name=one.name, weight=one.weight)
                    for one in self.classes
                ]
                or None,
            ),
        )
