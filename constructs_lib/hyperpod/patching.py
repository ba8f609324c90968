"""How a group's image is renewed, in which steps, and what takes an update back.

Sources, read 2026-11-22: ScheduledUpdateConfig, ClusterAutoPatchConfig, DeploymentConfiguration, SageMaker API
reference; "Update your AMI version in your SageMaker HyperPod cluster", SageMaker AI Developer Guide (batches on EKS
alone); AWS::SageMaker::Cluster, CloudFormation registry schema. What CloudFormation lacks of the API: the strategy
``DrainFirst`` with its DrainPolicy, which alone has batches, and IdleWaitWindowInSeconds, which stays at its 24 hours.
NextPatchDate is the service's to write.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

# As CloudFormation's schema has it: minute hour day month weekday year.
CRON = (
    r"^cron\((?:[0-5][0-9]|[0-9]) (?:[01][0-9]|2[0-3]|[0-9]) (?:[1-9]|0[1-9]|[12][0-9]|3[01]|\?) "
    r"(?:[1-9]|0[1-9]|1[0-2]|\*|\*/(?:[1-9]|1[0-2])) (?:MON|TUE|WED|THU|FRI|SAT|SUN|[1-7]|\?|L|[1-7]#[1-5]|[1-7]L) "
    r"(?:20[2-9][0-9]|\*)\)$"
)
MOST_ALARMS = 10


class Batch(Value):
    """How many instances are renewed at one time."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """``Type`` and ``Value`` of a CapacitySizeConfig, by the names of CDK."""


class Instances(Batch):
    """A number of instances."""

    count: int = Field(ge=1, le=6758)
    """Instances."""

    def render(self) -> dict[str, Any]:
        return {"type": "INSTANCE_COUNT", "value": self.count}


class Percent(Batch):
    """A share of the group."""

    percent: int = Field(ge=1, le=100)
    """Per cent."""

    def render(self) -> dict[str, Any]:
        return {"type": "CAPACITY_PERCENTAGE", "value": self.percent}


class Rolling(Value):
    """An update in batches, watched by alarms."""

    batch: Batch
    """Most instances that are renewed at one time."""
    rollback_batch: Batch | None = None
    """Most instances that are taken back at one time; by default as many as SageMaker chooses."""
    wait_seconds: int = Field(ge=0, le=3600)
    """Time between batches: longer than an alarm takes to be raised."""
    alarms: tuple[str, ...] = Field(default=(), max_length=MOST_ALARMS)
    """Names of alarms that the cluster is given, any of which takes the update back; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.alarms)) < len(self.alarms):
            reject("alarms", self.alarms, "an alarm is named once", "Remove the repetition.")
        return self

    def render(self, alarms: dict[str, str]) -> dict[str, Any]:
        """DeploymentConfig, by the names of CDK; ``alarms`` gives the names in CloudWatch."""
        rollback = {"rollbackMaximumBatchSize": self.rollback_batch.render()} if self.rollback_batch else {}
        watched = [{"alarmName": alarms[name]} for name in self.alarms]
        return {
            "rollingUpdatePolicy": {"maximumBatchSize": self.batch.render(), **rollback},
            "waitIntervalInSeconds": self.wait_seconds,
            **({"autoRollbackConfiguration": watched} if watched else {}),
        }


class Patching(Value):
    """A way to renew the image."""

    @property
    def batches(self) -> Rolling | None:
        """Its steps; None: HyperPod's own."""
        return None

    @abstractmethod
    def render(self, alarms: dict[str, str]) -> dict[str, Any]:
        """Properties of an instance group, by the names of CDK; ``alarms`` as for :class:`Rolling`."""


class Scheduled(Patching):
    """The newest image of the group's kind at a given time, whether or not jobs run: choose it with the users."""

    cron: str
    """Time in UTC, for example ``cron(0 3 ? * SUN *)``: minute, hour, day, month, weekday, year."""
    rolling: Rolling | None = None
    """Batches, on EKS alone; by default all instances at once."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        ways = "Write cron(0 3 ? * SUN *) or cron(0 3 1 * ? *)."
        if not re.fullmatch(CRON, self.cron):
            reject("cron", self.cron, "CloudFormation takes cron(minute hour day month weekday year): one minute, one"
                   " hour, a day or ?, a month, * or */n, a weekday or ?, a year or *", ways)  # fmt: skip
        _, _, day, _, weekday, _ = self.cron.split()
        if (day == "?") == (weekday == "?"):
            reject("cron", self.cron, "one of day and weekday is ?", ways)
        return self

    @property
    def batches(self) -> Rolling | None:
        return self.rolling

    def render(self, alarms: dict[str, str]) -> dict[str, Any]:
        steps = {"deploymentConfig": self.rolling.render(alarms)} if self.rolling else {}
        return {"scheduled_update_config": {"scheduleExpression": self.cron, **steps}}


class WhenIdle(Patching):
    """Security patches within a release, on instances without a job; those that stay busy for a day keep theirs."""

    together: bool
    """Whether all instances wait for each other: nothing starts until the last is idle, and all change at once."""

    def render(self, alarms: dict[str, str]) -> dict[str, Any]:  # noqa: ARG002
        strategy: Literal["WhenIdle", "WhenAllIdle"] = "WhenAllIdle" if self.together else "WhenIdle"
        return {"auto_patch_config": {"patchingStrategy": strategy}}
