"""What all rules of scaling share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from aws_cdk import aws_applicationautoscaling as scaling
from constructs import Construct

from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.values import Value
from ml_contract.errors import reject

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"


def dimension(kind: Kind) -> str:
    """What is scaled of what serves: instances, copies or provisioned concurrency."""
    return {"component": COPIES, "serverless": PROVISIONED}.get(kind, INSTANCES)


def resource_id(hosted: Hosted) -> str:
    """How Application Auto Scaling names ``hosted``."""
    if hosted.kind == "component":
        return f"inference-component/{hosted.component}"
    return f"endpoint/{hosted.endpoint}/variant/{hosted.variant}"


@dataclass(kw_only=True)
class Target:
    """What a rule is bound to."""

    scope: Construct
    """Parent of the rule's resources."""
    hosted: Hosted
    """What is scaled."""
    resource: scaling.CfnScalableTarget
    """Its registration with Application Auto Scaling."""
    scheduled: list[scaling.CfnScalableTarget.ScheduledActionProperty] = field(default_factory=list)
    """Scheduled actions, which are a property of the registration."""


class Rule(Value):
    """One rule of scaling."""

    kinds: ClassVar[frozenset[Kind]]
    """What it may scale."""
    why_not: ClassVar[str]
    """Why it may scale nothing else, as a clause after "but"."""
    instead: ClassVar[Mapping[Kind, str]] = {}
    """What scales another kind, as a full sentence."""

    @property
    def watches(self) -> str | None:
        """The metric that it keeps near a target; None for other rules. Two rules cannot hold one metric."""
        return None

    @property
    def scales_in(self) -> bool:
        """Whether it ever takes capacity away."""
        return False

    @property
    def lowest(self) -> int | None:
        """The minimum that it may set; None where it sets none."""
        return None

    def check(self, hosted: Hosted) -> None:
        """Refuse what this rule cannot scale.

        Raises:
            ContractError: It is of another kind, or lacks what the rule needs.
        """
        if hosted.kind not in self.kinds:
            name = type(self).__name__
            way_out = self.instead.get(hosted.kind, f"{name} is for {', '.join(sorted(self.kinds))}.")
            reject(f"scaling.rules.{name}", hosted.kind, self.why_not, way_out)

    @abstractmethod
    def bind(self, target: Target) -> None:
        """Make the resources of the rule."""
