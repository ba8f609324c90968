"""The alarms that take an update back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct
from pydantic import Field, SkipValidation, model_validator

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.rollout.watches import Watch
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_ALARMS = 10
"""Source: AutoRollbackConfig, SageMaker API reference, read 2026-11-21."""


class RollbackAlarms(Value):
    """Alarms of every variant and component of an endpoint. They watch all the time, not only during updates."""

    watches: tuple[Watch, ...] = Field(min_length=1, max_length=MOST_ALARMS)
    """What is watched."""
    topic: Annotated[sns.ITopic | None, SkipValidation] = None
    """Who is told when an alarm is raised; nobody by default. An encrypted topic's key must let
    cloudwatch.amazonaws.com use it: ``constructs_lib.encryption.let_alarms_use``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [watch.name for watch in self.watches]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            reject("watches", twice[0], "each thing is watched once", "Keep the stricter of the two.")
        return self

    @property
    def seconds(self) -> int:
        """Time that the fastest of them needs from the first bad datum on."""
        return min(watch.seconds for watch in self.watches)

    def names(self, hosted: Sequence[Hosted]) -> list[str]:
        """Names of the alarms.

        Raises:
            ContractError: There are more than an update may be watched by.
        """
        names = [watch.alarm_name(one) for one in hosted for watch in self.watches]
        if len(names) > MOST_ALARMS:
            reject("rollout.alarms", len(names), f"{len(self.watches)} of each of {len(hosted)} that serve are more "
                   f"than the {MOST_ALARMS} that SageMaker watches", "Watch fewer things.")  # fmt: skip
        return names

    def bind(self, scope: Construct, hosted: Sequence[Hosted]) -> list[str]:
        """Make the alarms, and give their names as an update lists them.

        Raises:
            ContractError: There are too many, or one watches what something that serves does not publish.
        """
        self.names(hosted)
        inside = Construct(scope, "Alarms")
        actions = [self.topic.topic_arn] if self.topic else []
        return [watch.bind(inside, one, actions).ref for one in hosted for watch in self.watches]

    def grant_describe(self, identity: iam.IGrantable, hosted: Sequence[Hosted]) -> None:
        """Let ``identity`` read the alarms of ``hosted``.

        Source: "Auto-Rollback Configuration and Monitoring", SageMaker Developer Guide, read 2026-11-21: the execution
        role needs it, or no update is taken back.
        """
        stack = cdk.Stack.of(hosted[0].resource)
        root = f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm"
        identity.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:DescribeAlarms"], resources=[f"{root}:{name}" for name in self.names(hosted)]
            )
        )
