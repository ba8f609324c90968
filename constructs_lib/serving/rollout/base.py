"""What all ways to update an endpoint share.

Sources, read 2026-11-21: DeploymentConfig and what it holds, SageMaker API reference; "Deployment guardrails",
"Exclusions", "Auto-Rollback Configuration and Monitoring", SageMaker Developer Guide.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.rollout.alarms import RollbackAlarms
from constructs_lib.serving.rollout.sizes import Size
from constructs_lib.values import Value
from ml_contract.errors import reject

_UNGUARDED = re.compile(r"^ml\.inf1\.")
LONGEST_WAIT = 3600


class Rollout(Value):
    """How an update reaches an endpoint. The names of its variants stay the same, or SageMaker refuses."""

    alarms: RollbackAlarms | None
    """What takes the update back."""
    timeout_seconds: int = Field(default=3600, ge=600, le=28800)
    """Longest time for the whole update, all waits included; an hour by default."""

    @model_validator(mode="after")
    def _check_early(self) -> Self:
        self.check_waits(None)
        return self

    @abstractmethod
    def waits(self, instances: int | None, /) -> int | None:
        """Seconds that an update of so many instances waits in all; None where that is not known."""

    def check_waits(self, instances: int | None) -> None:
        """Refuse a timeout that the waits alone use up.

        Raises:
            ContractError: The update could never end in time.
        """
        waits = self.waits(instances)
        if waits is not None and self.timeout_seconds <= waits:
            reject("timeout_seconds", self.timeout_seconds, f"the waits alone are {waits} s in all",
                   "Give more, or wait less.")  # fmt: skip

    def check(self, hosted: Sequence[Hosted]) -> None:
        """Refuse what cannot be updated like this.

        Raises:
            ContractError: An exclusion of deployment guardrails, or waits beyond the timeout.
        """
        for one in hosted:
            if one.kind == "serverless":
                self._refuse_guards("kind", one.kind, "guardrails hold for real-time and asynchronous endpoints only")
            if one.instance_type and _UNGUARDED.match(one.instance_type):
                self._refuse_guards("instance_type", one.instance_type, "endpoints on Inf1 have no guardrails")
            self.check_waits(one.instance_count)
        names = [(one.variant, one.component) for one in hosted]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            reject("variants", twice[0][0], "variants of one endpoint have different names", "Rename one.")

    def _refuse_guards(self, field: str, value: str, rule: str) -> None:
        """Called for what is updated all at once in any case: ``AllAtOnce`` without alarms passes."""
        reject(f"rollout.{field}", value, rule, "Use AllAtOnce(alarms=None).")

    @abstractmethod
    def policy(self) -> dict[str, Any]:
        """The update policy, by CDK's name of its property."""

    def bind(
        self, scope: Construct, hosted: Sequence[Hosted], role: iam.IRole | None = None
    ) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        """Make the alarms and describe the update.

        Args:
            scope: Parent of the alarms.
            hosted: Everything that the endpoint serves.
            role: Execution role of the endpoint, which is allowed to read the alarms; None: it is already.

        Raises:
            ContractError: As ``check``, and where an alarm watches what is not published.
        """
        self.check(hosted)
        rollback = None
        if self.alarms:
            names = self.alarms.bind(scope, hosted)
            table = sagemaker.CfnEndpoint
            rollback = table.AutoRollbackConfigProperty(alarms=[table.AlarmProperty(alarm_name=name) for name in names])
            if role is not None:
                self.alarms.grant_describe(role, hosted)
        return sagemaker.CfnEndpoint.DeploymentConfigProperty(auto_rollback_configuration=rollback, **self.policy())


def check_share(field: str, size: Size, least: int, most: int, instances: int | None) -> None:
    """Refuse a size outside of its bounds.

    Args:
        field: Name of the user's field.
        size: What an update moves at a time.
        least: Least share, per cent.
        most: Greatest share, per cent.
        instances: Instances that it is a share of; None where that is not known yet.

    Raises:
        ContractError: It is smaller or larger.
    """
    percent = size.percent_of(instances)
    if percent is not None and not least <= percent <= most:
        of, way_out = "", "Give another share."
        if instances is not None:
            of, way_out = f" of {instances} instances", "Give another size, or more instances."
        reject(field, f"{percent:g} %{of}", f"it is {least}–{most} % of a variant's capacity", way_out)


def check_bake(alarms: RollbackAlarms | None, bake_seconds: int) -> None:
    """Refuse to wait for alarms for a shorter time than they need to be raised.

    Raises:
        ContractError: The update would be over before any alarm could be raised.
    """
    if alarms and bake_seconds < alarms.seconds:
        reject("bake_seconds", bake_seconds, f"the fastest alarm needs {alarms.seconds} s to be raised",
               f"Wait at least {alarms.seconds} s, or watch fewer or shorter periods.")  # fmt: skip
