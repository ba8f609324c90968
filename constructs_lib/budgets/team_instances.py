"""What a team may hire at one time, by instance type.

At synthesis everything that the team's pipelines, endpoints and clusters could take at one time has to fit. At run time
a training job of the team, whoever starts it, that alone takes more, or a type that the team has none of, is told as
the symptom QUOTA: the event of a job's state carries its tags and its hosts ("Training job state change", SageMaker AI
Developer Guide, read 2026-11-22), so that a rule of EventBridge finds it without a function. What several such jobs
take together nobody counts there: the account's own quotas and the team's budget end that. What teams have of one
HyperPod cluster is another thing: `constructs_lib.governance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.budgets.tags import ENVIRONMENT, TEAM, TEAM_NAME
from constructs_lib.operation import Telling
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.symptoms import QUOTA


class TeamInstances(Value):
    """What one team may hire at one time."""

    team: str = Field(pattern=TEAM_NAME)
    """The team, as tags name it."""
    instances: dict[str, int] = Field(min_length=1)
    """Instance type → how many at one time; of any other type none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, count in self.instances.items():
            if not name.startswith("ml.") or count < 1:
                reject(f"instances.{name}", count, "a team has at least one of a type of SageMaker",
                       "Write it like {'ml.g5.2xlarge': 4}, and leave out types that it has none of.")  # fmt: skip
        return self

    def check(self, demand: Mapping[str, int]) -> None:
        """Refuse what the team could take at one time.

        Args:
            demand: Instance type → how many, at most.

        Raises:
            ContractError: It is more than the team has.
        """
        for name, count in sorted(demand.items()):
            has = self.instances.get(name, 0)
            if count > has:
                reject(f"budgets.teams.{self.team}.{name}", count, f"the team has {has} of them at one time",
                       f"Give it {count}, or let its pipelines, endpoints and clusters take fewer.")  # fmt: skip

    def pattern(self, environment: str) -> dict[str, Any]:
        """Events of training jobs of the team that alone take more than it has.

        Args:
            environment: Short name of the environment.
        """
        hosts = [
            {"InstanceType": [name], "InstanceCount": [{"numeric": [">", count]}]}
            for name, count in sorted(self.instances.items())
        ]
        unknown = {"InstanceType": [{"anything-but": sorted(self.instances)}]}
        return {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Training Job State Change"],
            "detail": {
                "TrainingJobStatus": ["InProgress"],
                "SecondaryStatus": ["Starting", "Pending"],
                "Tags": {ENVIRONMENT: [environment], TEAM: [self.team]},
                "ResourceConfig": {"$or": [*hosts, unknown]},
            },
        }

    def bind(self, scope: Construct, telling: Telling) -> cloudwatch.CfnAlarm:
        """Make the alarm on such jobs.

        Args:
            scope: Parent.
            telling: Who is told.
        """
        return telling.count(scope, QUOTA, self.team, self.pattern(telling.environment), minutes=5)
